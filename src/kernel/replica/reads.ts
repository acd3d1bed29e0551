import { type CallOptions, StoreError } from '../../store/index.js';

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

interface Round {
  readonly reads: readonly PendingRead[];
  index: number | undefined;
}

/**
 * Linearizable reads: each may be answered once this member has applied everything that was
 * committed when it arrived. All that wait share one round, under a context number that is never
 * used again, so that an answer to an older question cannot be taken for one to a newer. A single
 * voter that leads needs no round at all.
 */
export class Reads {
  readonly #source: ReadIndexSource;
  readonly #wake: () => void;
  readonly #rounds = new Map<number, Round>();
  #waiting: PendingRead[] = [];
  #contextNext = 1;
  #closed: StoreError | undefined;

  constructor(source: ReadIndexSource, wake: () => void) {
    this.#source = source;
    this.#wake = wake;
  }

  /** Undefined when a read may go ahead at once; otherwise what to wait for. */
  ready(options?: CallOptions): Promise<void> | undefined {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const index = this.#source.immediateReadIndex();
    if (index !== undefined && this.#source.applied >= index) return undefined;
    return this.#enqueue(options?.signal);
  }

  #enqueue(signal: AbortSignal | undefined): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const cancel = (): void => reject(new StoreError('Canceled'));
      const done = (): void => signal?.removeEventListener('abort', cancel);
      signal?.addEventListener('abort', cancel, { once: true });
      if (signal?.aborted === true) cancel();
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

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Opens a round for all that wait; without a leader they go on waiting. */
  ask(): void {
    if (this.#waiting.length === 0) return;
    const context = this.#contextNext++;
    if (!this.#source.requestRead(context).accepted) return;
    this.#rounds.set(context, { reads: this.#waiting, index: undefined });
    this.#waiting = [];
  }

  /** A round was answered: its reads may go ahead once `index` is applied. */
  answered(context: number, index: number): void {
    const round = this.#rounds.get(context);
    if (round !== undefined) round.index = index;
  }

  /** Lets go what the applied index has reached. */
  release(): void {
    for (const [context, round] of this.#rounds) {
      if (round.index === undefined || this.#source.applied < round.index) continue;
      this.#rounds.delete(context);
      for (const read of round.reads) read.resolve();
    }
  }

  /** Leadership was lost: open rounds may never be answered, so their reads ask again. */
  retry(): void {
    for (const [context, round] of this.#rounds) {
      this.#rounds.delete(context);
      this.#waiting.push(...round.reads);
    }
  }

  close(error: StoreError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.retry();
    for (const read of this.#waiting) read.reject(error);
    this.#waiting = [];
  }
}
