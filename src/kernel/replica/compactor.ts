import type { Clock, Timer } from '../../ports/clock.js';
import type { Meter } from '../../ports/trace.js';
import { LIMITS } from '../../store/index.js';
import type { Mvcc } from '../mvcc/mvcc.js';

/**
 * Removes compacted rows a little at a time, with pauses in which requests are served. Logical
 * compaction happened when its command was applied; this only frees what nobody can read any more.
 */
export class Compactor {
  readonly #mvcc: Mvcc;
  readonly #clock: Clock;
  readonly #meter: Meter | undefined;
  readonly #wake: () => void;
  readonly #waiting: (() => void)[] = [];
  #timer: Timer | undefined;
  #due = false;

  constructor(mvcc: Mvcc, clock: Clock, meter: Meter | undefined, wake: () => void) {
    this.#mvcc = mvcc;
    this.#clock = clock;
    this.#meter = meter;
    this.#wake = wake;
  }

  /** Called after entries were applied: starts when there is something to remove. */
  note(): void {
    if (!this.#mvcc.compacting || this.#timer !== undefined || this.#due) return;
    this.#timer = this.#clock.timer(LIMITS.compactionPauseMs, () => {
      this.#timer = undefined;
      this.#due = true;
      this.#wake();
    });
  }

  /** One step, if its time has come. Called by the loop, between entries. */
  step(): void {
    if (!this.#due) return;
    this.#due = false;
    const startMs = this.#clock.monotonic();
    const more = this.#mvcc.compactStep();
    this.#meter?.observe('compactionPauseSeconds', (this.#clock.monotonic() - startMs) / 1000);
    if (more) this.note();
    else for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when no compaction is under way. */
  finished(): Promise<void> {
    if (!this.#mvcc.compacting) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  stop(): void {
    this.#timer?.cancel();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
