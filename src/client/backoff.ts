import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import { LIMITS } from '../store/index.js';

const RESOLUTION = 1000;

/** Pauses that double from one failure to the next, up to a bound, each shortened by chance. */
export class Backoff {
  readonly #clock: Clock;
  readonly #random: Random;
  #failures = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** Things work again: the next pause is the shortest. */
  reset(): void {
    this.#failures = 0;
  }

  /** Resolves after the next pause: between half of it and all of it. */
  pause(): Promise<void> {
    const doubled = LIMITS.clientBackoffFirstMs * 2 ** Math.min(this.#failures, 30);
    const longest = Math.min(doubled, LIMITS.clientBackoffMaxMs);
    const share = 0.5 + this.#random.below(RESOLUTION) / RESOLUTION / 2;
    this.#failures++;
    return new Promise((resolve) => {
      this.#clock.timer(longest * share, resolve);
    });
  }
}
