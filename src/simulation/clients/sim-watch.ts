import type { Subscriber } from 'rxjs';
import type { Timer } from '../../ports/clock.js';
import type { RevisionBatch, StoreError, WatchRequest } from '../../store/index.js';
import type { Endpoint, WatchLine } from './endpoint.js';
import type { WatchLog } from './history-recorder.js';
import type { StoreTerms } from './sim-store.js';
import type { WatchMessage } from './watch-session.js';

/** Pause before a broken watch is opened elsewhere. */
const REOPEN_MS = 50;

/** One connection of a watch to one member. */
interface Connection {
  readonly endpoint: Endpoint;
  readonly line: WatchLine;
  /** The number of the next message. */
  expected: number;
  acknowledged: number;
}

/**
 * A client's end of one watch: it asks for signs of life, notices missing messages and silence, and
 * opens the watch again on another member after the last revision that it delivered. It never
 * skips a revision and never delivers one twice.
 */
export class SimWatch {
  readonly #terms: StoreTerms;
  readonly #request: WatchRequest;
  readonly #subscriber: Subscriber<RevisionBatch>;
  readonly #log: WatchLog;
  #connection: Connection | undefined;
  #connectionCount = 0;
  #resumeRevision: number;
  #heardMs = 0;
  #beat: Timer | undefined;
  #isOver = false;

  constructor(
    terms: StoreTerms,
    request: WatchRequest,
    subscriber: Subscriber<RevisionBatch>,
    log: WatchLog,
  ) {
    this.#terms = terms;
    this.#request = request;
    this.#subscriber = subscriber;
    this.#log = log;
    this.#resumeRevision = request.startRevision ?? 0;
    this.#connect();
    this.#armBeat();
  }

  /** The first revision that was not delivered yet; 0 when the watch was never opened. */
  get resumeRevision(): number {
    return this.#resumeRevision;
  }

  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#beat?.cancel();
    this.#hangUp();
    this.#log.close();
  }

  /** Ends the watch with an error. */
  fail(error: StoreError): void {
    if (this.#isOver) return;
    const { code, compactRevision } = error;
    this.#log.note({ kind: 'error', atMs: this.#terms.sim.nowMs, code, compactRevision });
    this.stop();
    this.#subscriber.error(error);
  }

  #connect(): void {
    const { sim, network, machine, process, windowMessages } = this.#terms;
    const endpoint = this.#terms.endpoint();
    const key = `${machine.name}/${this.#terms.nextKey()}`;
    const line: WatchLine = {
      key,
      windowMessages,
      send: (message) => {
        const receive = (): void => {
          if (process.isAlive) this.#receive(connection, message);
        };
        network.send(endpoint.machine, machine, receive, { isOrdered: true, mark: message.number });
      },
      reset: () => {
        const receive = (): void => {
          if (process.isAlive && this.#connection === connection) this.#reconnect();
        };
        network.send(endpoint.machine, machine, receive, { isOrdered: true });
      },
    };
    const connection: Connection = { endpoint, line, expected: 0, acknowledged: 0 };
    this.#connection = connection;
    this.#connectionCount++;
    this.#heardMs = process.clock.monotonic();
    const request = { ...this.#request, startRevision: this.#resumeRevision };
    sim.trace.note('watch', this.#resumeRevision, this.#connectionCount);
    const open = (): void => endpoint.openWatch(request, line);
    network.send(machine, endpoint.machine, open, { isOrdered: true });
  }

  #hangUp(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection === undefined) return;
    const { endpoint, line } = connection;
    const { network, machine } = this.#terms;
    const close = (): void => endpoint.closeWatch(line.key);
    network.send(machine, endpoint.machine, close, { isOrdered: true });
  }

  #reconnect(): void {
    if (this.#isOver) return;
    this.#hangUp();
    this.#terms.rotate();
    this.#terms.process.clock.timer(REOPEN_MS, () => {
      if (!this.#isOver && this.#connection === undefined) this.#connect();
    });
  }

  #armBeat(): void {
    const { process, pingMs } = this.#terms;
    this.#beat = process.clock.timer(pingMs, () => {
      if (this.#isOver) return;
      this.#armBeat();
      const connection = this.#connection;
      if (connection === undefined) return;
      const silenceMs = process.clock.monotonic() - this.#heardMs;
      if (silenceMs > pingMs * 3) this.#reconnect();
      else this.#touch(connection, true);
    });
  }

  #touch(connection: Connection, wantsSign: boolean): void {
    const { network, machine } = this.#terms;
    const { endpoint, line, expected } = connection;
    connection.acknowledged = expected;
    const touch = (): void => endpoint.touchWatch(line, expected, wantsSign);
    network.send(machine, endpoint.machine, touch, { isOrdered: true });
  }

  #receive(connection: Connection, message: WatchMessage): void {
    if (this.#isOver || this.#connection !== connection) return;
    this.#heardMs = this.#terms.process.clock.monotonic();
    if (message.number !== connection.expected) {
      if (message.number > connection.expected) this.#reconnect();
      return;
    }
    connection.expected++;
    switch (message.kind) {
      case 'opened':
        if (this.#resumeRevision === 0) this.#resumeRevision = message.position + 1;
        break;
      case 'batches':
        for (const batch of message.batches) this.#deliver(batch);
        break;
      case 'alive':
        if (message.position !== undefined) this.#progress(message.position);
        break;
      case 'ended':
        if (message.error.code === 'Stopped') this.#reconnect();
        else this.fail(message.error);
        return;
    }
    this.#acknowledge(connection);
  }

  /** Half a window unread is when the member must hear of it; a slow reader takes its time. */
  #acknowledge(connection: Connection): void {
    const { windowMessages, readMs, process } = this.#terms;
    if (connection.expected - connection.acknowledged < windowMessages / 2) return;
    if (readMs === 0) {
      this.#touch(connection, false);
      return;
    }
    process.clock.timer(readMs, () => {
      if (this.#connection === connection) this.#touch(connection, false);
    });
  }

  #deliver(batch: RevisionBatch): void {
    if (this.#isOver) return;
    this.#resumeRevision = Math.max(this.#resumeRevision, batch.revision + 1);
    this.#log.note({ kind: 'batch', atMs: this.#terms.sim.nowMs, batch });
    this.#subscriber.next(batch);
  }

  #progress(position: number): void {
    if (position < this.#resumeRevision) return;
    this.#resumeRevision = position + 1;
    if (this.#request.progressNotify !== true) return;
    this.#log.note({ kind: 'progress', atMs: this.#terms.sim.nowMs, revision: position });
    this.#subscriber.next({ revision: position, events: [] });
  }
}
