// Proves that the model which recipes and random tests are judged against keeps the Store contract.
import { SimClock } from '../../src/simulation/sim-clock.js';
import { SimRandom } from '../../src/simulation/sim-random.js';
import { storeContract } from '../contract/store.js';
import { virtualHarness } from '../contract/virtual-harness.js';
import { ModelStore } from '../support/model-store.js';

storeContract('the model', () => {
  const clock = new SimClock();
  const store = new ModelStore({ clock, random: new SimRandom(1) });
  return Promise.resolve(virtualHarness(store, clock));
});
