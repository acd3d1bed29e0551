// Proves that the model which the recipes are tested on, and which serves as an oracle elsewhere,
// keeps the contract that every Store keeps, judged by the same suite as a real etcd.
import { SimClock } from '../../src/simulation/sim-clock.js';
import { SimRandom } from '../../src/simulation/sim-random.js';
import { storeContract } from '../contract/store.js';
import { virtualHarness } from '../contract/virtual-harness.js';
import { ModelStore } from '../support/model-store.js';

storeContract('the model', () => {
  const clock = new SimClock({ settle: () => new Promise((resolve) => setImmediate(resolve)) });
  const store = new ModelStore({ clock, random: new SimRandom(1) });
  return Promise.resolve(virtualHarness(store, clock));
});
