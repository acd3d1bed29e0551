import type { Clock, Timer } from '../../ports/clock.js';

/** When something that changes often is passed on. */
export interface QuietOptions {
  /**
   * Pass on a change only when none has followed it for this many milliseconds; default 0: at once.
   * This saves work and nothing else: keys that were written in one transaction are never apart.
   */
  readonly quietMs?: number;
  /** Pass on the newest after this many milliseconds in any case; default ten times `quietMs`. */
  readonly maxWaitMs?: number;
}

const DEFAULT_MAX_WAIT_FACTOR = 10;

/**
 * Holds values back until it has been quiet for a while, and gives on the newest only. The first
 * one passes at once: a start must not wait for a calm that may never come.
 */
export class QuietGate<V> {
  readonly #clock: Clock;
  readonly #quietMs: number;
  readonly #maxWaitMs: number;
  readonly #pass: (value: V) => void;
  #isFirst = true;
  #held: { readonly value: V } | undefined;
  #quiet: Timer | undefined;
  #limit: Timer | undefined;

  constructor(clock: Clock, options: QuietOptions, pass: (value: V) => void) {
    this.#clock = clock;
    this.#quietMs = options.quietMs ?? 0;
    this.#maxWaitMs = options.maxWaitMs ?? this.#quietMs * DEFAULT_MAX_WAIT_FACTOR;
    this.#pass = pass;
  }

  offer(value: V): void {
    if (this.#isFirst || this.#quietMs === 0) {
      this.#isFirst = false;
      this.#pass(value);
      return;
    }
    this.#held = { value };
    const flush = (): void => this.#flush();
    this.#quiet?.cancel();
    this.#quiet = this.#clock.timer(this.#quietMs, flush);
    this.#limit ??= this.#clock.timer(this.#maxWaitMs, flush);
  }

  /** Drops what is held; nothing is passed on any more. */
  close(): void {
    this.#quiet?.cancel();
    this.#limit?.cancel();
    this.#held = undefined;
  }

  #flush(): void {
    const held = this.#held;
    this.close();
    this.#limit = undefined;
    if (held !== undefined) this.#pass(held.value);
  }
}
