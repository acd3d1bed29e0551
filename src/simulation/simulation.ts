import type { Timer } from '../ports/clock.js';
import { RunTrace } from './run-trace.js';
import { SimClock } from './sim-clock.js';
import { SimRandom } from './sim-random.js';

/** What a simulation is made from: with the same options it does the same. */
export interface SimulationOptions {
  readonly seed: number;
  /** As in {@link SimClock}; a host can give one that is faster and surer than the default. */
  readonly settle?: () => Promise<void>;
  /** Receives the run as readable lines. */
  readonly tell?: (line: string) => void;
}

/**
 * One world: one queue of events keyed (time, sequence), one source of chance, one record of what
 * happened. Between two events everything that can run runs to its end. The time here is the true
 * time; machines have clocks of their own, which may be wrong.
 *
 * @example
 * const sim = new Simulation({ seed: 42 });
 * await sim.run(sim.pause(60_000), 60_000);
 * console.log(sim.nowMs); // 60000
 */
export class Simulation {
  readonly seed: number;
  readonly clock: SimClock;
  readonly random: SimRandom;
  readonly trace: RunTrace;

  constructor(options: SimulationOptions) {
    this.seed = options.seed;
    this.clock = new SimClock(options.settle === undefined ? {} : { settle: options.settle });
    this.random = new SimRandom(options.seed);
    this.trace = new RunTrace(() => this.clock.monotonic(), options.tell);
  }

  /** The true time, in milliseconds since the beginning. */
  get nowMs(): number {
    return this.clock.monotonic();
  }

  /** Puts an event into the queue. */
  after(delayMs: number, work: () => void): Timer {
    return this.clock.timer(delayMs, work);
  }

  /** Puts an event into the queue, at a true time; one that is past means now. */
  at(timeMs: number, work: () => void): Timer {
    return this.clock.timerAt(timeMs, work);
  }

  /** Resolves after `ms` milliseconds of true time. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.timer(ms, resolve);
    });
  }

  /** Lets `ms` milliseconds pass with everything that falls into them. */
  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /**
   * Runs events until `work` is done.
   * @throws Error when it is not after `limitMs`, or when nothing is left that could end it
   */
  async run<T>(work: Promise<T>, limitMs: number): Promise<T> {
    let isDone = false;
    const settled = work.finally(() => {
      isDone = true;
    });
    settled.catch(() => undefined);
    const endMs = this.nowMs + limitMs;
    await this.clock.settle();
    while (!isDone) {
      const nextMs = this.clock.nextTimerMs;
      if (nextMs === undefined) throw new Error('nothing is left to happen, and it is not done');
      if (nextMs > endMs) throw new Error(`not done after ${limitMs} ms`);
      this.clock.runNext();
      await this.clock.settle();
    }
    return await settled;
  }
}
