// Proves that the model which the recipes are tested on, which serves as an oracle elsewhere and
// which applications take for their tests, keeps the contract that every Store keeps, judged by the
// same suite as a real etcd; that its own notion of rest changes nothing; and that its world ends.
import assert from 'node:assert/strict';
import { SimClock } from '../../src/simulation/sim-clock.js';
import { SimRandom } from '../../src/simulation/sim-random.js';
import { storeContract } from '../contract/store.js';
import { virtualHarness } from '../contract/virtual-harness.js';
import { World } from '../support/world.js';
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

describe('the world of the model', () => {
  it('closes who still runs, and waits for nobody who has crashed', async () => {
    const world = new World();
    const [a, b] = [world.client('a'), world.client('b')];
    await world.run(a.coord.lock('a').acquire());
    await world.run(b.coord.lock('b').acquire());
    a.crash();
    await world.close();
    assert.deepEqual(world.keys('b/'), []);
    assert.equal(world.keys('a/').length, 1);
  });
});
