import {
  type Client,
  type ClientDuplexStream,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { Clock, Timer } from '../ports/clock.js';
import { LIMITS, StoreError } from '../store/index.js';
import { type AnswerBatch, PIPE_METHODS, type PipeAnswer, type PipeCall } from '../wire/pipe.js';
import { type Fate, failureOf, fateOf } from './call-fate.js';
import type { Caller } from './caller.js';

export interface PipeOptions {
  readonly client: Client;
  /** Of the endpoint, for messages. */
  readonly url: string;
  readonly clock: Clock;
}

type PipeStream = ClientDuplexStream<readonly PipeCall[], AnswerBatch>;

/**
 * Many calls to one endpoint over one stream, several in a message: a call of its own costs a
 * stream of HTTP/2 each time, which is several times what a store needs for it. A pipe is opened
 * when calls come often, at an endpoint that has it, and closed when they do not come any more;
 * before, between and elsewhere calls go one by one. It makes no call twice and decides nothing: of
 * each it tells the answer, or what is known of its fate.
 */
export class Pipe {
  readonly #client: Client;
  readonly #url: string;
  readonly #clock: Clock;
  #stream: PipeStream | undefined;
  /** Calls that may be sent and unanswered; 0 while the pipe is not open. */
  #callsMax = 0;
  #lastId = 0;
  /** Not sent yet, in order. */
  #queue: PipeCall[] = [];
  /** Callers of all calls without an answer, sent or not, by id. */
  readonly #callers = new Map<number, Caller>();
  /** Calls that were sent and have no answer, whether anybody still waits for it or not. */
  #underWay = 0;
  #flushing = false;
  #hasRoom = true;
  #usedAtMs = Number.NEGATIVE_INFINITY;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #idle: Timer | undefined;
  #closed = false;

  constructor({ client, url, clock }: PipeOptions) {
    this.#client = client;
    this.#url = url;
    this.#clock = clock;
  }

  /** Whether calls can be made on it now. */
  get isOpen(): boolean {
    return this.#callsMax > 0;
  }

  /** A call goes to this endpoint by itself: the pipe opens if that happens often. */
  want(): void {
    const nowMs = this.#clock.monotonic();
    const often = nowMs - this.#usedAtMs < LIMITS.pipeIdleMs;
    this.#usedAtMs = nowMs;
    if (often && this.#stream === undefined && nowMs >= this.#notBeforeMs && !this.#closed) {
      this.#open();
    }
  }

  /**
   * Makes a call, with those that are made at the same moment. To be called while it is open.
   * @returns the call's id, for `giveUp`
   */
  send(method: number, request: Uint8Array, needsLeader: boolean, caller: Caller): number {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#callers.set(id, caller);
    this.#queue.push({ id, method, request, needsLeader });
    if (!this.#flushing) {
      this.#flushing = true;
      // When all that runs now has made its calls too.
      process.nextTick(() => {
        this.#flushing = false;
        this.#flush();
      });
    }
    return id;
  }

  /** Fails this call, if it has no answer yet. It is not sent if it was not yet. */
  giveUp(id: number): void {
    const caller = this.#callers.get(id);
    if (!this.#callers.delete(id)) return;
    caller?.failed(new StoreError('Unavailable', 'the call was given up'), 'unknown');
  }

  /** Takes no more calls. Those that were sent are still answered, if anybody waits for them. */
  close(): void {
    this.#closed = true;
    this.#takeNoMore(this.#lastId, `${this.#url} is not in use any more`);
    if (this.#callers.size > 0) this.#stream?.end();
    else this.#stream?.cancel();
  }

  #open(): void {
    const { path, requestSerialize, responseDeserialize } = PIPE_METHODS.carry;
    const stream: PipeStream = this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      new Metadata(),
    );
    this.#stream = stream;
    stream.on('data', (batch: AnswerBatch) => {
      if (this.#stream === stream) this.#receive(batch);
    });
    stream.on('drain', () => {
      if (this.#stream !== stream) return;
      this.#hasRoom = true;
      this.#flush();
    });
    stream.on('error', (error: ServiceError) => {
      if (this.#stream === stream) this.#broken(error);
    });
    stream.on('end', () => {
      if (this.#stream !== stream) return;
      const text = `${this.#url} ended the stream`;
      this.#end(new StoreError('Unavailable', text));
    });
  }

  #broken(error: ServiceError): void {
    // An endpoint that has no pipe says so at once, in whatever words; a lost connection is another
    // matter, and soon mended.
    const refused = !this.isOpen && error.code !== status.UNAVAILABLE;
    const pauseMs = refused ? LIMITS.pipeRefusedMs : LIMITS.pipeIdleMs;
    this.#notBeforeMs = this.#clock.monotonic() + pauseMs;
    this.#end(failureOf(error));
  }

  /**
   * The stream is gone: calls that were not sent came to nothing, of the others nothing is known.
   */
  #end(failure: StoreError): void {
    const unsentId = this.#queue[0]?.id ?? Number.POSITIVE_INFINITY;
    this.#forgetStream();
    this.#failFrom(unsentId, failure, 'nothing');
    this.#failFrom(0, failure, 'unknown');
  }

  #forgetStream(): void {
    this.#stream = undefined;
    this.#callsMax = 0;
    this.#queue = [];
    this.#underWay = 0;
    this.#hasRoom = true;
    this.#idle?.cancel();
    this.#idle = undefined;
  }

  /** Fails all calls with this id or a later one. */
  #failFrom(firstId: number, failure: StoreError, fate: Fate): void {
    for (const [id, caller] of [...this.#callers]) {
      if (id < firstId) continue;
      this.#callers.delete(id);
      caller.failed(failure, fate);
    }
  }

  #receive({ answers, callsMax, lastCallId }: AnswerBatch): void {
    if (callsMax !== undefined) {
      this.#callsMax = callsMax;
      this.#idle = this.#awaitIdleness();
    }
    for (const answer of answers) this.#answered(answer);
    if (lastCallId !== undefined) this.#takeNoMore(lastCallId, `${this.#url} is about to stop`);
    else if (this.#queue.length > 0) this.#flush();
  }

  #answered({ id, code, details, response }: PipeAnswer): void {
    this.#underWay -= 1;
    const caller = this.#callers.get(id);
    if (caller === undefined) return;
    this.#callers.delete(id);
    if (code === status.OK) {
      caller.answered(response);
      return;
    }
    const failure = failureOf({ code, details });
    caller.failed(failure, fateOf({ code, details }, failure));
  }

  /** Calls after this one, or not sent yet, come to nothing. */
  #takeNoMore(lastCallId: number, text: string): void {
    const unsentId = this.#queue[0]?.id ?? Number.POSITIVE_INFINITY;
    this.#callsMax = 0;
    this.#queue = [];
    this.#notBeforeMs = this.#clock.monotonic() + LIMITS.pipeIdleMs;
    const firstId = Math.min(unsentId, lastCallId + 1);
    this.#failFrom(firstId, new StoreError('Unavailable', text), 'nothing');
  }

  #flush(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    while (this.#queue.length > 0 && this.#hasRoom && this.#underWay < this.#callsMax) {
      const batch = this.#nextBatch();
      if (batch.length > 0) this.#hasRoom = stream.write(batch);
    }
  }

  /** As many calls from the queue as fit into a message, without those that were given up. */
  #nextBatch(): readonly PipeCall[] {
    const batch: PipeCall[] = [];
    let bytes = 0;
    let taken = 0;
    for (const call of this.#queue) {
      if (bytes >= LIMITS.pipeMessageBytes || this.#underWay >= this.#callsMax) break;
      taken += 1;
      if (!this.#callers.has(call.id)) continue;
      bytes += call.request.length;
      this.#underWay += 1;
      batch.push(call);
    }
    this.#queue = taken === this.#queue.length ? [] : this.#queue.slice(taken);
    this.#usedAtMs = this.#clock.monotonic();
    return batch;
  }

  /** Closes the pipe after a while without calls: an open one keeps the process alive. */
  #awaitIdleness(): Timer {
    return this.#clock.timer(LIMITS.pipeIdleMs, () => {
      const quietMs = this.#clock.monotonic() - this.#usedAtMs;
      if (this.#callers.size > 0 || this.#underWay > 0 || quietMs < LIMITS.pipeIdleMs) {
        this.#idle = this.#awaitIdleness();
        return;
      }
      const stream = this.#stream;
      this.#forgetStream();
      stream?.end();
    });
  }
}
