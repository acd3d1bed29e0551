import type { Clock } from '../../ports/clock.js';
import { LIMITS } from '../../store/index.js';

/**
 * How long a member may apply at a stretch. Applying is the one work of the loop that waits for
 * nothing: without a pause neither the timer of heartbeats nor a frame of a peer would be heard
 * before the last entry of a long backlog is applied. It measures and pauses; the loop decides
 * where.
 */
export class Pace {
  readonly #clock: Clock;
  /** When what is applied at the moment began. */
  #sinceMs = 0;
  /** Spent on applying since the last pause. */
  #spentMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An entry is about to be applied. */
  begin(): void {
    this.#sinceMs = this.#clock.monotonic();
  }

  /** It was. @returns the time, in monotonic milliseconds */
  end(): number {
    const nowMs = this.#clock.monotonic();
    this.#spentMs += nowMs - this.#sinceMs;
    return nowMs;
  }

  /** Whether everything else should have its turn before more is applied. */
  get isOver(): boolean {
    return this.#spentMs >= LIMITS.applyTurnMs;
  }

  /** Gives everything else in the process its turn. */
  async pause(): Promise<void> {
    const clock = this.#clock;
    await (clock.nextTurn?.() ??
      new Promise<void>((resolve) => {
        clock.timer(0, resolve);
      }));
    this.#spentMs = 0;
  }
}
