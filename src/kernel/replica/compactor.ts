import type { Clock, Timer } from '../../ports/clock.js';
import type { Meter } from '../../ports/trace.js';
import { LIMITS, StoreError } from '../../store/index.js';
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
  readonly #waiting: Waiter[] = [];
  #timer: Timer | undefined;
  #due = false;
  #isStopped = false;

  constructor(mvcc: Mvcc, clock: Clock, meter: Meter | undefined, wake: () => void) {
    this.#mvcc = mvcc;
    this.#clock = clock;
    this.#meter = meter;
    this.#wake = wake;
  }

  /** Called after entries were applied: starts when there is something to remove. */
  note(): void {
    if (!this.#mvcc.compacting || this.#timer !== undefined || this.#due) return;
    if (this.#isStopped) return;
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
    else for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /**
   * Resolves when no compaction is under way.
   * @throws StoreError `Stopped` when this process will not see that
   */
  finished(): Promise<void> {
    if (!this.#mvcc.compacting) return Promise.resolve();
    if (this.#isStopped) return Promise.reject(new StoreError('Stopped'));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Nothing more is removed; the next start goes on where this one was. */
  stop(): void {
    this.#isStopped = true;
    this.#due = false;
    this.#timer?.cancel();
    for (const { reject } of this.#waiting.splice(0)) reject(new StoreError('Stopped'));
  }
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: StoreError) => void;
}
