import type { Clock, Timer } from '../ports/clock.js';
import type { SimMachine } from './sim-machine.js';

/**
 * One life of a program on a machine. Everything it does to the world goes through a port, and
 * every port asks here first; so it can be ended between any two port calls, and what is left of it
 * afterwards reaches nobody. The code itself may run on for some microtasks: it does so in a void.
 *
 * @example
 * world.cluster.leader?.process?.endAtCall(3); // it dies as it asks its disk for the third time
 * await sim.advance(5000);
 */
export class SimProcess {
  readonly machine: SimMachine;
  /** Of the machine, and the how-manieth life it is. */
  readonly name: string;
  readonly clock: Clock;
  #isAlive = true;
  #callCount = 0;
  #endsAtCall = Number.POSITIVE_INFINITY;
  readonly #onEnd: () => void;

  /** @param onEnd - Called when the process ends by a planned crash, from inside its own call */
  constructor(machine: SimMachine, life: number, onEnd: () => void) {
    this.machine = machine;
    this.name = `${machine.name}#${life}`;
    this.#onEnd = onEnd;
    this.clock = {
      monotonic: () => machine.monotonic(),
      wall: () => machine.wall(),
      timer: (delayMs, fire) => this.#timer(delayMs, fire),
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Port calls so far. */
  get callCount(): number {
    return this.#callCount;
  }

  /** The process ends in the middle of the `nth` port call from now on; 1 is the next. */
  endAtCall(nth: number): void {
    this.#endsAtCall = this.#callCount + nth;
  }

  /** The process does not end at a call any more. */
  spare(): void {
    this.#endsAtCall = Number.POSITIVE_INFINITY;
  }

  /** Ends the process. */
  end(): void {
    this.#isAlive = false;
  }

  /** A port is called. @returns whether there still is somebody who calls */
  enter(): boolean {
    if (!this.#isAlive) return false;
    this.#callCount++;
    if (this.#callCount < this.#endsAtCall) return true;
    this.end();
    this.#onEnd();
    return false;
  }

  /** Something arrives for the process: it is dropped when there is none any more. */
  arrive(work: () => void): void {
    if (!this.#isAlive) return;
    this.machine.arrive(() => {
      if (this.#isAlive) work();
    });
  }

  #timer(delayMs: number, fire: () => void): Timer {
    if (!this.#isAlive) return { cancel: () => undefined };
    return this.machine.timer(delayMs, () => {
      if (this.#isAlive) fire();
    });
  }
}
