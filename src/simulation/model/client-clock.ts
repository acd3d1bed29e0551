import type { Clock, Timer } from '../../ports/clock.js';
import type { SimClock } from '../sim-clock.js';

/**
 * The clock of one client among several that share a SimClock: it can be held up (a blocked event
 * loop), put to sleep (monotonic time stops and wall time goes on), run at a rate of its own, and
 * have its wall time set, all without touching the others.
 *
 * @example
 * const client = new ModelWorld().client('a');
 * client.clock.jumpWall(3_600_000);
 * client.clock.sleep(); // until wake()
 */
export class ClientClock implements Clock {
  readonly #base: SimClock;
  readonly #rate: number;
  #wallOffsetMs = 0;
  #sleptMs = 0;
  #asleepSinceMs: number | undefined;
  #held: (() => void)[] | undefined;

  /** @param rate - Milliseconds of this clock to one of the shared clock. */
  constructor(base: SimClock, rate = 1) {
    this.#base = base;
    this.#rate = rate;
  }

  monotonic(): number {
    const now = this.#asleepSinceMs ?? this.#base.monotonic();
    return (now - this.#sleptMs) * this.#rate;
  }

  wall(): number {
    return this.#base.wall() + this.#wallOffsetMs;
  }

  timer(delayMs: number, fire: () => void): Timer {
    const dueMs = this.monotonic() + delayMs;
    let over = false;
    let inner: Timer;
    const arm = (): Timer =>
      this.#base.timer((dueMs - this.monotonic()) / this.#rate, () => {
        // After a sleep the time is not up yet; during one it cannot be.
        if (this.monotonic() < dueMs - 1e-6) inner = arm();
        else this.#run(() => over || fire());
      });
    inner = arm();
    return {
      cancel: () => {
        over = true;
        inner.cancel();
      },
    };
  }

  /** Timers do not fire until `release`. */
  hold(): void {
    this.#held ??= [];
  }

  /** What came due fires now, late. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const fire of held) fire();
  }

  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** The machine is suspended: monotonic time stops, and nothing runs, until `wake`. */
  sleep(): void {
    this.#asleepSinceMs ??= this.#base.monotonic();
    this.hold();
  }

  wake(): void {
    if (this.#asleepSinceMs === undefined) return;
    this.#sleptMs += this.#base.monotonic() - this.#asleepSinceMs;
    this.#asleepSinceMs = undefined;
    this.release();
  }

  #run(fire: () => void): void {
    if (this.#held === undefined) fire();
    else this.#held.push(fire);
  }
}
