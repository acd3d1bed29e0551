import type { Store } from '../../src/store/index.js';
import type { SimClock } from '../../src/simulation/sim-clock.js';
import type { StoreHarness } from './store-harness.js';

/** Steps of virtual time in which {@link virtualHarness} waits for work, and how many at most. */
const STEP_MS = 10;
const STEPS_MAX = 10_000;

/** A harness for a store that lives in virtual time. */
export function virtualHarness(store: Store, clock: SimClock, ttlMinSeconds = 2): StoreHarness {
  return {
    store,
    ttlMinSeconds,
    advance: (ms) => clock.advance(ms),
    settle: async (work) => {
      let settled = false;
      const watched = work.finally(() => {
        settled = true;
      });
      watched.catch(() => undefined);
      for (let step = 0; !settled; step++) {
        if (step > STEPS_MAX) throw new Error('the work did not end in virtual time');
        await clock.advance(STEP_MS);
      }
      return await watched;
    },
    close: () => store.close(),
  };
}
