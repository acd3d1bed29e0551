import type { Clock } from '../ports/clock.js';

/**
 * How long reads may follow each other before everything else in the process has its turn. A turn
 * and the snapshot of the backend that is opened anew after it cost about 0.15 ms.
 */
const TURN_MS = 10;
/** Reads and rows between two looks at the clock, which costs as much as a part of a read. */
const WORK_PER_LOOK = 64;

/**
 * Sees to it that a program which reads all the time lets others live. A read that waits for
 * nothing is answered without leaving the turn of the event loop in which it was asked for, so that
 * a loop of such reads would keep timers, sockets and the member itself waiting for ever. Now and
 * then one of them waits for the next turn. Where a clock has no turns of its own, as in a
 * simulation, nothing else waits either, and nothing is done.
 */
export class ReadTurns {
  readonly #clock: Clock;
  #work = 0;
  /** When a read waited last, in monotonic milliseconds. */
  #sinceMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What the next read is to wait for; undefined for nearly all. */
  next(): Promise<void> | undefined {
    return this.#work < WORK_PER_LOOK ? undefined : this.#look();
  }

  /** A read was answered with so many rows. */
  did(rowCount: number): void {
    this.#work += 1 + rowCount;
  }

  #look(): Promise<void> | undefined {
    this.#work = 0;
    const clock = this.#clock;
    const nowMs = clock.monotonic();
    if (nowMs - this.#sinceMs < TURN_MS) return undefined;
    this.#sinceMs = nowMs;
    return clock.nextTurn?.();
  }
}
