import type { Clock, Timer } from '../ports/clock.js';
import { EventHeap, type HeapEvent } from './event-heap.js';

/** 2030-01-01T00:00:00Z: a wall time that no test takes for the machine's. */
const WALL_ORIGIN_MS = 1_893_456_000_000;
/** Turns of the promise queue after which everything that could run is taken to have run. */
const SETTLE_TURNS = 256;

/** How a {@link SimClock} waits until promise reactions have run. */
export interface SimClockOptions {
  /**
   * Resolves when nothing is ready to run any more. The default takes a fixed number of turns of
   * the promise queue; a test on a host can give one that waits for the host's next macrotask
   * instead.
   */
  readonly settle?: () => Promise<void>;
}

/**
 * Time that moves only when told to. Timers run one at a time in the order (due time, creation),
 * and between two of them whatever promises became ready run to their end, so a run depends on
 * nothing but what it was given. It never looks at the machine's clock.
 *
 * @example
 * const clock = new SimClock();
 * clock.timer(1000, () => console.log('a second later'));
 * await clock.advance(1000);
 */
export class SimClock implements Clock {
  #monotonicMs = 0;
  #wallOffsetMs = WALL_ORIGIN_MS;
  #sequence = 0;
  readonly #pending = new EventHeap();
  readonly #settle: () => Promise<void>;

  constructor(options: SimClockOptions = {}) {
    this.#settle = options.settle ?? settleByTurns;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  wall(): number {
    return this.#wallOffsetMs + this.#monotonicMs;
  }

  timer(delayMs: number, fire: () => void): Timer {
    return this.timerAt(this.#monotonicMs + delayMs, fire);
  }

  /**
   * The same, at a time instead of after one: adding a difference would not always give that time.
   */
  timerAt(timeMs: number, fire: () => void): Timer {
    const dueMs = Math.max(this.#monotonicMs, timeMs);
    const event: HeapEvent = { dueMs, sequence: this.#sequence++, work: fire };
    this.#pending.add(event);
    return { cancel: () => this.#pending.cancel(event) };
  }

  /** Timers that have neither fired nor been cancelled. */
  get timerCount(): number {
    return this.#pending.size;
  }

  /** When the next timer is due, in monotonic milliseconds; undefined when none waits. */
  get nextTimerMs(): number | undefined {
    return this.#pending.peek()?.dueMs;
  }

  /**
   * Lets `ms` milliseconds pass: runs what is due, in order, each at its own time, and lets promise
   * reactions settle before the first, between two, and after the last.
   */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#monotonicMs + ms;
    await this.#settle();
    for (;;) {
      const next = this.nextTimerMs;
      if (next === undefined || next > untilMs) break;
      this.runNext();
      await this.#settle();
    }
    this.#monotonicMs = Math.max(this.#monotonicMs, untilMs);
    await this.#settle();
  }

  /**
   * Runs the one timer that is due first, moving time to it, and lets nothing settle: a step for a
   * scheduler that does its own settling. False when no timer waits.
   */
  runNext(): boolean {
    const dueMs = this.nextTimerMs;
    const work = this.#pending.take();
    if (dueMs === undefined || work === undefined) return false;
    this.#monotonicMs = Math.max(this.#monotonicMs, dueMs);
    work();
    return true;
  }

  /** Lets what is ready run to its end, in no time. */
  settle(): Promise<void> {
    return this.#settle();
  }

  /** Moves the wall clock alone, forwards or backwards: somebody set the time. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /**
   * Lets `ms` milliseconds pass without running anything: a blocked event loop. What came due in
   * the meantime runs late, with the next `advance`.
   */
  stall(ms: number): void {
    this.#monotonicMs += ms;
  }
}

async function settleByTurns(): Promise<void> {
  for (let i = 0; i < SETTLE_TURNS; i++) await Promise.resolve();
}
