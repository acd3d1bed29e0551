import type { Meter } from '../../ports/trace.js';
import { type CallOptions, LIMITS, StoreError } from '../../store/index.js';

/** Half of what raft takes: a start begins anywhere in it, and counts on from there. */
const FIRST_CONTEXT_BITS = 51;

/** Where the numbers of a start begin, by a nonce of the start: hardly where another one was. */
export function firstReadContext(nonce: bigint): number {
  return 1 + Number(BigInt.asUintN(FIRST_CONTEXT_BITS, nonce));
}

/** What reads need of the machine. */
export interface ReadIndexSource {
  readonly applied: number;
  immediateReadIndex(): number | undefined;
  requestRead(context: number): { readonly accepted: boolean };
}

interface PendingRead {
  readonly resolve: () => void;
  readonly reject: (error: StoreError) => void;
}

/** Reads that wait together. */
interface Round {
  readonly reads: readonly PendingRead[];
  /** Every number under which it was asked. */
  readonly contexts: number[];
  index: number | undefined;
  /** Monotonic milliseconds; undefined until the first tick that sees it. */
  deadlineMs: number | undefined;
  /** Whether it was asked since the last tick. */
  isFresh: boolean;
}

/**
 * Linearizable reads: each may be answered once this member has applied everything that was
 * committed when it arrived. All that wait share one round, under a context number that is never
 * used again, over restarts too, so that an answer to an older question cannot be taken for one to
 * a newer. A round that is not answered is asked again under a fresh number, for question and
 * answer may be lost; each of its numbers is younger than its reads, so any answer will do. A
 * single voter that leads needs no round at all.
 */
export class Reads {
  readonly #source: ReadIndexSource;
  readonly #wake: () => void;
  /** Few, oldest first; an array, for it must not refer to those that left it (see WaitingList). */
  #open: readonly Round[] = [];
  #waiting: PendingRead[] = [];
  /** Reads that were not let go yet: those that wait, and those of open rounds. */
  #pendingCount = 0;
  /** Whether a round is open that nobody could be asked for yet. */
  #hasUnasked = false;
  #contextNext: number;
  readonly #meter: Meter | undefined;
  #closed: StoreError | undefined;

  /** @param contextFirst far from those of earlier starts of this member */
  constructor(source: ReadIndexSource, wake: () => void, contextFirst: number, meter?: Meter) {
    this.#source = source;
    this.#wake = wake;
    this.#contextNext = contextFirst;
    this.#meter = meter;
  }

  /**
   * Undefined when a read may go ahead at once; otherwise what to wait for.
   * @throws StoreError (rejects with) `TooManyRequests`, `Timeout`, `Canceled`, `Stopped`
   */
  ready(options?: CallOptions): Promise<void> | undefined {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const index = this.#source.immediateReadIndex();
    if (index !== undefined && this.#source.applied >= index) return undefined;
    if (this.#pendingCount >= LIMITS.waitingReads) {
      return Promise.reject(new StoreError('TooManyRequests'));
    }
    return this.#enqueue(options?.signal);
  }

  #enqueue(signal: AbortSignal | undefined): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const cancel = (): void => reject(new StoreError('Canceled'));
      const done = (): void => signal?.removeEventListener('abort', cancel);
      signal?.addEventListener('abort', cancel, { once: true });
      if (signal?.aborted === true) cancel();
      this.#pendingCount++;
      this.#waiting.push({
        resolve: () => {
          done();
          resolve();
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
      this.#wake();
    });
  }

  /** Asks for all that were not asked for; without a leader they go on waiting. */
  ask(): void {
    if (this.#waiting.length > 0 && this.#ask(this.#waiting)) this.#waiting = [];
    if (!this.#hasUnasked) return;
    this.#hasUnasked = false;
    for (const round of this.#open) if (round.contexts.length === 0) this.#askAgain(round);
  }

  #ask(reads: readonly PendingRead[]): boolean {
    const context = this.#contextNext;
    if (!this.#source.requestRead(context).accepted) return false;
    this.#contextNext++;
    const round = { reads, contexts: [context], index: undefined, deadlineMs: undefined };
    this.#open = [...this.#open, { ...round, isFresh: true }];
    return true;
  }

  #askAgain(round: Round): void {
    const context = this.#contextNext;
    if (!this.#source.requestRead(context).accepted) {
      this.#hasUnasked ||= round.contexts.length === 0;
      return;
    }
    this.#contextNext++;
    round.contexts.push(context);
    round.isFresh = true;
  }

  /** A round was answered: its reads may go ahead once `index` is applied. */
  answered(context: number, index: number): void {
    const round = this.#open.find(({ contexts }) => contexts.includes(context));
    if (round !== undefined) round.index ??= index;
  }

  /** Lets go what the applied index has reached. */
  release(): void {
    for (const round of this.#open) {
      if (round.index === undefined || this.#source.applied < round.index) continue;
      this.#leave(round);
      for (const read of round.reads) read.resolve();
    }
  }

  #leave(round: Round): void {
    this.#open = this.#open.filter((other) => other !== round);
    this.#pendingCount -= round.reads.length;
  }

  /** Who answers has changed: what is open may never be answered, and is asked again. */
  retry(): void {
    for (const round of this.#open) {
      if (round.index !== undefined) continue;
      if (round.contexts.length > 0) this.#meter?.observe('failedReadCount', 1);
      this.#askAgain(round);
    }
  }

  /**
   * Once each heartbeat: asks again what has waited for a whole one, gives up what has waited
   * longer than `waitMs`.
   */
  tick(nowMs: number, waitMs: number): void {
    if (this.#waiting.length > 0) {
      const round = { contexts: [], index: undefined, deadlineMs: undefined, isFresh: false };
      this.#open = [...this.#open, { reads: this.#waiting, ...round }];
      this.#waiting = [];
    }
    for (const round of this.#open) {
      round.deadlineMs ??= nowMs + waitMs;
      if (round.deadlineMs <= nowMs) {
        this.#leave(round);
        this.#meter?.observe('slowReadCount', 1);
        for (const read of round.reads) read.reject(new StoreError('Timeout'));
      } else if (round.index === undefined && !round.isFresh) this.#askAgain(round);
      else round.isFresh = false;
    }
  }

  close(error: StoreError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    const reads = this.#open.flatMap((round) => round.reads).concat(this.#waiting);
    this.#open = [];
    this.#waiting = [];
    for (const read of reads) read.reject(error);
  }
}
