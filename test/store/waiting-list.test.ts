// Proves that a list of what waits does what a Set of it would do, whatever comes and goes.
import assert from 'node:assert/strict';
import { WaitingList } from '../../src/store/index.js';
import { SimRandom } from '../../src/simulation/sim-random.js';
import { testSeed } from '../support/world.js';

interface Waiter {
  readonly name: number;
}

describe('WaitingList', () => {
  it('keeps the order in which they came, whoever leaves', () => {
    const seed = testSeed();
    const random = new SimRandom(seed);
    const list = new WaitingList<Waiter>();
    const model = new Map<Waiter, number>();
    for (let step = 0; step < 20_000; step++) {
      const dice = random.below(100);
      if (dice < 50) {
        const waiter = { name: step };
        model.set(waiter, list.add(waiter));
      } else if (dice < 90 && model.size > 0) {
        const [waiter, place] = [...model][random.below(model.size)] as [Waiter, number];
        assert.equal(list.at(place), waiter, `seed ${seed}, step ${step}`);
        assert.ok(list.remove(place, waiter));
        assert.ok(!list.remove(place, waiter));
        model.delete(waiter);
      } else if (dice < 99) {
        const oldest = model.keys().next().value;
        assert.equal(list.shift(), oldest, `seed ${seed}, step ${step}`);
        if (oldest !== undefined) model.delete(oldest);
      } else {
        while (list.size > 20) model.delete(list.shift() as Waiter);
      }
      assert.equal(list.size, model.size);
      if (step % 50 === 0) assert.deepEqual([...list], [...model.keys()], `seed ${seed}`);
    }
  });

  it('uses the places of those that left, and takes nothing from who has them now', () => {
    const list = new WaitingList<string>();
    const place = list.add('first');
    list.remove(place, 'first');
    assert.equal(list.add('second'), place);
    assert.ok(!list.remove(place, 'first'));
    assert.deepEqual([...list], ['second']);
    assert.equal(list.at(place + 1), undefined);
  });

  it('lets the one that was reached leave while it is walked', () => {
    const list = new WaitingList<string>();
    const places = ['a', 'b', 'c'].map((name) => [name, list.add(name)] as const);
    const seen: string[] = [];
    for (const name of list) {
      seen.push(name);
      list.remove(new Map(places).get(name) as number, name);
    }
    assert.deepEqual(seen, ['a', 'b', 'c']);
    assert.equal(list.size, 0);
    assert.equal(list.shift(), undefined);
  });
});
