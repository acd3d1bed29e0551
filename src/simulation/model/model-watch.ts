import type { RevisionBatch, StoreEvent, WatchRequest } from '../../store/index.js';
import { toText } from '../../store/index.js';
import { inRange, toKeyText } from './model-keys.js';
import type { ModelServer } from './model-server.js';

interface Line {
  readonly connected: () => boolean;
  /** Undefined: a microtask. */
  readonly latencyMs: () => number | undefined;
  readonly deliver: (run: () => void) => void;
}

interface Sink {
  next(batch: RevisionBatch): void;
  error(error: unknown): void;
}

type DropMatch = (key: string, type: 'put' | 'delete') => boolean;

/**
 * One watch of a model client: a place in the server's history that moves forward whenever the way
 * is open, so that breaks and partitions delay events and never lose or repeat one.
 */
export class ModelWatch {
  readonly #server: ModelServer;
  readonly #request: WatchRequest;
  readonly #sink: Sink;
  readonly #line: Line;
  readonly #drops: DropMatch[] = [];
  readonly #unlisten: () => void;
  /** The next revision to send; undefined until the watch has reached the server. */
  #next: number | undefined;
  /** The revision after the last one that arrived. */
  #arrived: number | undefined;
  /** What was sent before a break has another number than what is sent after it. */
  #connection = 0;
  #lastDueMs = 0;
  #closed = false;

  constructor(server: ModelServer, request: WatchRequest, sink: Sink, line: Line) {
    this.#server = server;
    this.#request = request;
    this.#sink = sink;
    this.#line = line;
    const start = request.startRevision ?? 0;
    this.#next = start > 0 ? start : undefined;
    this.#unlisten = server.listen(() => this.pump());
    this.pump();
  }

  /** Sends everything that is new. */
  pump(): void {
    if (this.#closed || !this.#line.connected()) return;
    const { kv } = this.#server;
    this.#next ??= kv.revision + 1;
    this.#arrived ??= this.#next;
    if (this.#next < kv.compactedRevision) {
      this.fail(kv.compacted());
      return;
    }
    while (this.#next <= kv.revision) {
      const batch = kv.history[this.#next - 2];
      this.#next += 1;
      if (batch === undefined) continue;
      const events = batch.events.filter((event) => this.#wants(event));
      const seen = events.map((event) => this.#present(event));
      this.#send(batch.revision, seen);
    }
  }

  dropNext(match: DropMatch): void {
    this.#drops.push(match);
  }

  reconnect(): void {
    this.#connection += 1;
    this.#next = this.#arrived;
    queueMicrotask(() => this.pump());
  }

  fail(error: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#line.deliver(() => this.#sink.error(error));
  }

  close(): void {
    this.#closed = true;
    this.#unlisten();
  }

  #send(revision: number, events: readonly StoreEvent[]): void {
    const connection = this.#connection;
    const arrive = (): void => {
      this.#line.deliver(() => {
        if (this.#closed || connection !== this.#connection) return;
        this.#arrived = revision + 1;
        if (events.length > 0) this.#sink.next({ revision, events });
      });
    };
    const latencyMs = this.#line.latencyMs();
    if (latencyMs === undefined) return queueMicrotask(arrive);
    const { clock } = this.#server;
    this.#lastDueMs = Math.max(this.#lastDueMs, clock.monotonic() + latencyMs);
    clock.timer(this.#lastDueMs - clock.monotonic(), arrive);
  }

  #wants(event: StoreEvent): boolean {
    if (!inRange(toKeyText(event.kv.key), this.#request)) return false;
    if (event.type === 'put' && this.#request.noPut === true) return false;
    if (event.type === 'delete' && this.#request.noDelete === true) return false;
    const place = this.#drops.findIndex((drop) => drop(toText(event.kv.key), event.type));
    if (place < 0) return true;
    this.#drops.splice(place, 1);
    return false;
  }

  #present(event: StoreEvent): StoreEvent {
    const { type, kv, prevKv } = event;
    const readable = kv.modRevision - 1 >= this.#server.kv.compactedRevision;
    if (this.#request.prevKv !== true || prevKv === undefined || !readable) return { type, kv };
    return { type, kv, prevKv };
  }
}
