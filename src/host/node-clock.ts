import type { Clock, Timer } from '../ports/clock.js';

/**
 * The machine's time. Timers are released from the event loop, so that waiting for one never keeps
 * a program alive that has nothing else to do.
 */

/** The longest delay of one setTimeout; Node fires a longer one at once. */
const DELAY_MS_MAX = 2_147_483_647;

export class NodeClock implements Clock {
  monotonic(): number {
    return performance.now();
  }

  wall(): number {
    return Date.now();
  }

  /** Unlike a timer it keeps the program alive: whoever waits has something to do. */
  nextTurn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  timer(delayMs: number, fire: () => void): Timer {
    const dueMs = this.monotonic() + delayMs;
    const arm = (): NodeJS.Timeout => {
      // Node counts whole milliseconds from a cached time: rounded up, and checked again when
      // fired.
      const restMs = Math.max(0, Math.ceil(dueMs - this.monotonic()));
      return setTimeout(check, Math.min(restMs, DELAY_MS_MAX)).unref();
    };
    const check = (): void => {
      if (this.monotonic() >= dueMs) fire();
      else pending = arm();
    };
    let pending = arm();
    return { cancel: () => clearTimeout(pending) };
  }
}
