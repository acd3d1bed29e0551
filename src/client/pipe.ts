import {
  type Client,
  type ClientDuplexStream,
  connectivityState,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { Clock, Timer } from '../ports/clock.js';
import { LIMITS, StoreError } from '../store/index.js';
import { type AnswerBatch, PIPE_METHODS, type PipeAnswer, type PipeCall } from '../wire/pipe.js';
import { type Fate, failureOf, fateOf } from './call-fate.js';
import type { Caller } from './caller.js';
import { PipeCallers } from './pipe-callers.js';
import { ToldInTurns } from './told-in-turns.js';

export interface PipeOptions {
  readonly client: Client;
  /** Of the endpoint, for messages. */
  readonly url: string;
  readonly clock: Clock;
  /** Where to begin to count calls; default: at the first. */
  readonly callers?: PipeCallers;
}

type PipeStream = ClientDuplexStream<readonly PipeCall[], AnswerBatch>;

/** Of the present stream: the server has yet to say that it serves, it serves, it takes no more. */
type Phase = 'none' | 'opening' | 'open' | 'closing';

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
  #phase: Phase = 'none';
  /** Calls that may be sent and unanswered. */
  #callsMax = 0;
  /** Not sent yet, in order. */
  #queue: PipeCall[] = [];
  /** How many in the queue nobody waits for any more. */
  #queuedInVain = 0;
  /** Callers of all calls without an answer, sent or not, by id. */
  readonly #callers: PipeCallers;
  readonly #answers: ToldInTurns;
  /** Calls that were sent and have no answer, whether anybody still waits for it or not. */
  #underWay = 0;
  #flushing = false;
  #hasRoom = true;
  #usedAtMs = Number.NEGATIVE_INFINITY;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  /** Until the pipe must be open, and then until it may have been idle for too long. */
  #timer: Timer | undefined;
  #watching = false;
  #closed = false;

  constructor({ client, url, clock, callers = new PipeCallers() }: PipeOptions) {
    this.#client = client;
    this.#url = url;
    this.#clock = clock;
    this.#callers = callers;
    this.#answers = new ToldInTurns(clock, {
      tell: (answer) => this.#answered(answer),
      turnOver: () => this.#flush(),
    });
  }

  /** Whether calls can be made on it now. */
  get isOpen(): boolean {
    return this.#phase === 'open' && !this.#callers.isFull;
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
    const id = this.#callers.add(caller);
    this.#queue.push({ id, method, request, needsLeader });
    this.#flushSoon();
    return id;
  }

  /** Fails this call, if it has no answer yet. It is not sent if it was not yet. */
  giveUp(id: number): void {
    // The answer may have arrived, and waits for its turn.
    if (this.#answers.finish()) this.#flushSoon();
    const caller = this.#callers.take(id);
    if (caller === undefined) return;
    if (id >= this.#unsentId()) this.#leaveQueue();
    caller.failed(new StoreError('Unavailable', 'the call was given up'), 'unknown');
  }

  /** Takes no more calls. Those that were sent are still answered, if anybody waits for them. */
  close(): void {
    this.#closed = true;
    this.#takeNoMore(this.#callers.lastId, `${this.#url} is not in use any more`);
    if (this.#callers.size > 0) this.#stream?.end();
    else this.#stream?.cancel();
  }

  #open(): void {
    this.#callers.restart();
    const { path, requestSerialize, responseDeserialize } = PIPE_METHODS.carry;
    const stream: PipeStream = this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      new Metadata(),
    );
    this.#stream = stream;
    this.#phase = 'opening';
    stream.on('data', (batch: AnswerBatch) => {
      if (this.#stream === stream) this.#receive(batch);
    });
    stream.on('drain', () => {
      if (this.#stream !== stream) return;
      this.#hasRoom = true;
      this.#flush();
    });
    stream.on('error', (error: ServiceError) => {
      if (this.#stream !== stream) return;
      this.#ended(error.details, error.code !== status.UNAVAILABLE);
    });
    stream.on('end', () => {
      if (this.#stream !== stream) return;
      this.#ended(`${this.#url} ended the stream`, true);
    });
    this.#timer = this.#clock.timer(LIMITS.pipeOpenMs, () => {
      this.#ended(`${this.#url} opened no pipe`, true);
      stream.cancel();
    });
    this.#watchConnection();
  }

  /**
   * Moves on with the connection: on the one that comes next may be somebody else, with a pipe or
   * without, and on one that is about to end, for whatever reason, no more calls should go.
   */
  #watchConnection(): void {
    if (this.#watching) return;
    this.#watching = true;
    const { READY } = connectivityState;
    this.#client.getChannel().watchConnectivityState(READY, Number.POSITIVE_INFINITY, () => {
      this.#watching = false;
      if (this.#closed) return;
      this.#takeNoMore(this.#callers.lastId, `${this.#url} is not connected any more`);
      this.#stream?.end();
    });
  }

  /**
   * The stream is gone: calls that were not sent came to nothing, of the others nothing is known,
   * whatever status the stream ended with, which is not theirs.
   * @param isRefusal whether it means, before the pipe was open, that there is none
   */
  #ended(text: string, isRefusal: boolean): void {
    // An endpoint that has no pipe says so at once, in whatever words, or keeps silent; a lost
    // connection is another matter, and soon mended.
    const refused = isRefusal && this.#phase === 'opening';
    this.#pause(refused ? LIMITS.pipeRefusedMs : LIMITS.pipeIdleMs);
    const failure = new StoreError('Unavailable', text);
    const unsentId = this.#unsentId();
    this.#forgetStream();
    this.#failFrom(unsentId, failure, 'nothing');
    this.#failFrom(0, failure, 'unknown');
  }

  #pause(pauseMs: number): void {
    this.#notBeforeMs = this.#clock.monotonic() + pauseMs;
  }

  #forgetStream(): void {
    // What has been answered has been answered.
    this.#answers.finish();
    this.#stream = undefined;
    this.#phase = 'none';
    this.#forgetQueue();
    this.#underWay = 0;
    this.#hasRoom = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #forgetQueue(): void {
    this.#queue = [];
    this.#queuedInVain = 0;
  }

  /** The first call that was not sent. */
  #unsentId(): number {
    return this.#queue[0]?.id ?? Number.POSITIVE_INFINITY;
  }

  /** One in the queue was given up. They are few or they are dropped, or they would pile up. */
  #leaveQueue(): void {
    this.#queuedInVain += 1;
    if (this.#queuedInVain * 2 <= this.#queue.length) return;
    this.#queue = this.#queue.filter(({ id }) => this.#callers.has(id));
    this.#queuedInVain = 0;
  }

  /** Fails all calls with this id or a later one. */
  #failFrom(firstId: number, failure: StoreError, fate: Fate): void {
    for (const id of this.#callers.ids()) {
      // What is told to one may make it give up another.
      if (id >= firstId) this.#callers.take(id)?.failed(failure, fate);
    }
  }

  #receive({ answers, callsMax, lastCallId }: AnswerBatch): void {
    if (callsMax !== undefined && callsMax > 0 && this.#phase === 'opening') {
      this.#phase = 'open';
      this.#callsMax = callsMax;
      this.#timer?.cancel();
      this.#timer = this.#awaitIdleness(LIMITS.pipeIdleMs);
    }
    this.#answers.add(answers, this.#underWay);
    if (lastCallId !== undefined) this.#takeNoMore(lastCallId, `${this.#url} is about to stop`);
    else if (this.#queue.length > 0) this.#flush();
  }

  #answered({ id, code, details, response }: PipeAnswer): void {
    this.#underWay -= 1;
    const caller = this.#callers.take(id);
    if (caller === undefined) return;
    if (code === status.OK) {
      caller.answered(response);
      return;
    }
    const failure = failureOf({ code, details });
    caller.failed(failure, fateOf({ code, details }, failure));
  }

  /** Calls after this one, or not sent yet, come to nothing. */
  #takeNoMore(lastCallId: number, text: string): void {
    const firstId = Math.min(this.#unsentId(), lastCallId + 1);
    if (this.#stream !== undefined) this.#phase = 'closing';
    this.#forgetQueue();
    this.#pause(LIMITS.pipeIdleMs);
    this.#failFrom(firstId, new StoreError('Unavailable', text), 'nothing');
  }

  /** When all that runs now has made its calls too. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    const stream = this.#stream;
    if (stream === undefined || this.#phase !== 'open') return;
    while (this.#queue.length > 0 && this.#hasRoom && this.#underWay < this.#callsMax) {
      const batch = this.#nextBatch();
      if (batch.length > 0) this.#hasRoom = stream.write(batch);
    }
    if (!this.#callers.isSpent) return;
    this.#takeNoMore(this.#callers.lastId, `calls to ${this.#url} are counted anew`);
    stream.end();
  }

  /** As many calls from the queue as fit into a message, without those that were given up. */
  #nextBatch(): readonly PipeCall[] {
    const batch: PipeCall[] = [];
    let bytes = 0;
    let taken = 0;
    for (const call of this.#queue) {
      if (bytes >= LIMITS.pipeMessageBytes || this.#underWay >= this.#callsMax) break;
      taken += 1;
      if (!this.#callers.has(call.id)) {
        this.#queuedInVain -= 1;
        continue;
      }
      bytes += call.request.length;
      this.#underWay += 1;
      batch.push(call);
    }
    this.#queue = taken === this.#queue.length ? [] : this.#queue.slice(taken);
    this.#usedAtMs = this.#clock.monotonic();
    return batch;
  }

  /** Closes the pipe after a while without calls: an open one keeps the process alive. */
  #awaitIdleness(waitMs: number): Timer {
    return this.#clock.timer(waitMs, () => {
      const restMs = this.#usedAtMs + LIMITS.pipeIdleMs - this.#clock.monotonic();
      if (this.#callers.size > 0 || restMs > 0) {
        this.#timer = this.#awaitIdleness(restMs > 0 ? restMs : LIMITS.pipeIdleMs);
        return;
      }
      const stream = this.#stream;
      const awaited = this.#underWay > 0;
      this.#forgetStream();
      if (stream === undefined) return;
      // Nobody waits for what is still under way, and a member that is gone never ends the stream.
      if (awaited) stream.cancel();
      else this.#endSoon(stream);
    });
  }

  #endSoon(stream: PipeStream): void {
    const timer = this.#clock.timer(LIMITS.pipeOpenMs, () => stream.cancel());
    stream.on('status', () => timer.cancel());
    stream.end();
  }
}
