import type { Clock, Timer } from '../ports/clock.js';
import type { Simulation } from './simulation.js';

/** In which order a machine that wakes up meets what came due and what arrived meanwhile. */
export type WakeOrder = 'timers-first' | 'arrivals-first' | 'as-it-came';

interface Held {
  readonly isTimer: boolean;
  readonly work: () => void;
}

interface MachineTimer {
  readonly dueMs: number;
  readonly fire: () => void;
  event: Timer | undefined;
}

/**
 * A computer: it has a clock that may run at a wrong rate, jump or be set, and a pace that may be
 * slow or zero. All that happens on it, timers and arrivals alike, goes through here, so a machine
 * that is paused does nothing at all while time goes on. It knows no process and no disk.
 *
 * @example
 * const { machine } = world.addClient();
 * machine.pause(); // no timer fires, nothing arrives
 * await sim.advance(15_000);
 * machine.resume('timers-first');
 */
export class SimMachine implements Clock {
  readonly name: string;
  readonly #sim: Simulation;
  readonly #timers = new Set<MachineTimer>();
  #rate = 1;
  /** The true time and the local one at which the rate last changed. */
  #anchorTrueMs = 0;
  #anchorLocalMs = 0;
  /** A timer that fires has its time, whatever rounding says. */
  #floorMs = 0;
  #wallOffsetMs = 0;
  #held: Held[] | undefined;
  #costMs = 0;
  #busyUntilMs = 0;

  constructor(sim: Simulation, name: string) {
    this.#sim = sim;
    this.name = name;
  }

  monotonic(): number {
    const localMs = this.#anchorLocalMs + (this.#sim.nowMs - this.#anchorTrueMs) * this.#rate;
    if (localMs > this.#floorMs) this.#floorMs = localMs;
    return this.#floorMs;
  }

  wall(): number {
    return this.#sim.clock.wall() + this.#wallOffsetMs;
  }

  timer(delayMs: number, fire: () => void): Timer {
    const timer: MachineTimer = {
      dueMs: this.monotonic() + Math.max(0, delayMs),
      fire,
      event: undefined,
    };
    this.#timers.add(timer);
    this.#arm(timer);
    return {
      cancel: () => {
        this.#timers.delete(timer);
        timer.event?.cancel();
      },
    };
  }

  #arm(timer: MachineTimer): void {
    const delayMs = Math.max(0, timer.dueMs - this.monotonic()) / this.#rate;
    timer.event = this.#sim.after(delayMs, () => {
      this.#perform({
        isTimer: true,
        work: () => {
          if (!this.#timers.delete(timer)) return;
          if (timer.dueMs > this.#floorMs) this.#floorMs = timer.dueMs;
          timer.fire();
        },
      });
    });
  }

  /** Something reaches the machine from outside, now: a frame, or the end of a disk call. */
  arrive(work: () => void): void {
    this.#perform({ isTimer: false, work });
  }

  get isPaused(): boolean {
    return this.#held !== undefined;
  }

  /** Nothing happens on the machine until `resume`; its clock goes on. */
  pause(): void {
    this.#held ??= [];
  }

  /** What was held happens now, one after the other. */
  resume(order: WakeOrder = 'as-it-came'): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    const first = held.filter(({ isTimer }) => isTimer === (order === 'timers-first'));
    const last = held.filter(({ isTimer }) => isTimer !== (order === 'timers-first'));
    for (const item of order === 'as-it-came' ? held : [...first, ...last]) {
      this.#sim.after(0, () => this.#perform(item));
    }
  }

  /** From now on each thing that the machine does takes that long, and the next waits for it. */
  slowDown(costMs: number): void {
    this.#costMs = costMs;
  }

  /** Local milliseconds that pass in a true one, from now on. */
  setRate(rate: number): void {
    this.#reanchor(this.monotonic(), rate);
  }

  /** The monotonic clock leaps ahead, as after a virtual machine was resumed. */
  jump(ms: number): void {
    this.#reanchor(this.monotonic() + ms, this.#rate);
  }

  /** Somebody sets the wall clock. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  #reanchor(localMs: number, rate: number): void {
    this.#anchorTrueMs = this.#sim.nowMs;
    this.#anchorLocalMs = localMs;
    this.#rate = rate;
    for (const timer of this.#timers) {
      timer.event?.cancel();
      this.#arm(timer);
    }
  }

  #perform(item: Held): void {
    if (this.#held !== undefined) this.#held.push(item);
    else if (this.#costMs === 0 && this.#busyUntilMs === 0) item.work();
    else this.#queue(item);
  }

  /** One thing at a time: waits until the machine is free. */
  #queue(item: Held): void {
    const startMs = Math.max(this.#sim.nowMs, this.#busyUntilMs);
    this.#busyUntilMs = startMs + this.#costMs;
    this.#sim.at(this.#busyUntilMs, () => {
      if (this.#costMs === 0 && this.#sim.nowMs >= this.#busyUntilMs) this.#busyUntilMs = 0;
      if (this.#held !== undefined) this.#held.push(item);
      else item.work();
    });
  }
}
