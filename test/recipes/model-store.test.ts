// Proves that the model which the recipes are tested on, which serves as an oracle elsewhere and
// which applications take for their tests, keeps the contract that every Store keeps, judged by the
// same suite as a real etcd; and that its own notion of rest changes nothing.
import { SimClock } from '../../src/simulation/sim-clock.js';
import { SimRandom } from '../../src/simulation/sim-random.js';
import { storeContract } from '../contract/store.js';
import { virtualHarness } from '../contract/virtual-harness.js';
import { ModelStore } from '../../src/simulation/model/model-store.js';

const CLOCKS = {
  'the model': () =>
    new SimClock({ settle: () => new Promise((resolve) => setImmediate(resolve)) }),
  'the model, settled by turns': () => new SimClock(),
};

for (const [name, makeClock] of Object.entries(CLOCKS)) {
  storeContract(name, () => {
    const clock = makeClock();
    const store = new ModelStore({ clock, random: new SimRandom(1) });
    return Promise.resolve(virtualHarness(store, clock));
  });
}
