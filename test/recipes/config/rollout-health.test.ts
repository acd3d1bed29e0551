// Proves that the soaking of a rollout comes to its end on a clock that is counted in fractions:
// what is left of a time may be so little that adding it changes nothing.
import assert from 'node:assert/strict';
import type { Clock } from '../../../src/ports/clock.js';
import { CancelScope } from '../../../src/recipes/base/cancel-scope.js';
import { soak } from '../../../src/recipes/config/rollout-health.js';
import { World } from '../../support/world.js';

/** From here on three times 200 ms are, when they are added up, not 600. */
const ODD_MS = 15_831.528;
const TIMERS_MAX = 100;

/** Time that passes only in timers, which ring as soon as nothing else is ready. */
class FractionClock implements Clock {
  timers = 0;
  #nowMs = ODD_MS;

  monotonic(): number {
    return this.#nowMs;
  }

  wall(): number {
    return this.#nowMs;
  }

  timer(delayMs: number, fire: () => void): { cancel: () => void } {
    let isOff = delayMs > 60_000;
    setImmediate(() => {
      if (isOff) return;
      this.timers += 1;
      this.#nowMs += this.timers < TIMERS_MAX ? delayMs : 1000;
      fire();
    });
    return {
      cancel: () => {
        isOff = true;
      },
    };
  }
}

describe('soak', () => {
  it('does not wait again and again for next to nothing', async () => {
    const { store } = new World().client('a');
    const clock = new FractionClock();
    const odd = Object.create(store, { clock: { value: clock } }) as typeof store;
    using scope = new CancelScope(odd, {});
    const healthy = (): boolean => true;
    await soak(odd, scope, { healthy, soakMs: 600, pollMs: 200, timeoutMs: 100_000 });
    assert.ok(clock.timers < 10, `it asked ${clock.timers} times`);
  });
});
