import type { Clock } from '../../ports/clock.js';
import { LIMITS } from '../../store/index.js';

/**
 * Whether the backend still has room. Its size is asked for now and then only: it changes when the
 * write buffer is flushed, and asking is not free.
 */
export class QuotaGauge {
  readonly #quotaBytes: number;
  readonly #clock: Clock;
  readonly #usedBytes: () => number;
  #known = 0;
  #askAgainMs = 0;

  /** @param quotaBytes 0 or less for no limit */
  constructor(quotaBytes: number, clock: Clock, usedBytes: () => number) {
    this.#quotaBytes = quotaBytes;
    this.#clock = clock;
    this.#usedBytes = usedBytes;
  }

  /** Whether `costBytes` more would be too much. What costs nothing always fits. */
  exceededBy(costBytes: number): boolean {
    if (this.#quotaBytes <= 0 || costBytes === 0) return false;
    const nowMs = this.#clock.monotonic();
    if (nowMs >= this.#askAgainMs) {
      this.#known = this.#usedBytes();
      this.#askAgainMs = nowMs + LIMITS.backendBatchMs;
    }
    return this.#known + costBytes > this.#quotaBytes;
  }
}
