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

  it('is walked as a Set is, whatever comes and goes meanwhile', () => {
    const seed = testSeed();
    const random = new SimRandom(seed);
    for (let run = 0; run < 300; run++) {
      const list = new WaitingList<Waiter>();
      const model = new Set<Waiter>();
      const places = new Map<Waiter, number>();
      const add = (): void => {
        const waiter = { name: places.size };
        places.set(waiter, list.add(waiter));
        model.add(waiter);
      };
      const remove = (waiter: Waiter | undefined): void => {
        if (waiter === undefined) return;
        model.delete(waiter);
        list.remove(places.get(waiter) as number, waiter);
      };
      for (let i = random.below(20); i >= 0; i--) add();
      const expected = model[Symbol.iterator]();
      let steps = 0;
      for (const waiter of list) {
        assert.equal(waiter, expected.next().value, `seed ${seed}, run ${run}`);
        for (let i = random.below(4); i > 0; i--) remove([...model][random.below(model.size || 1)]);
        if (random.below(3) === 0) remove(waiter);
        if (random.below(5) === 0) while (model.size > 0) remove(model.values().next().value);
        for (let i = random.below(3); i > 0 && steps < 50; i--) add();
        steps += 1;
      }
      assert.ok(expected.next().done === true, `seed ${seed}, run ${run}`);
    }
  });

  it('keeps no room for a crowd that has left', () => {
    const list = new WaitingList<Waiter>();
    const places = Array.from({ length: 100_000 }, (_, name) => {
      const waiter = { name };
      return [list.add(waiter), waiter] as const;
    });
    for (const [place, waiter] of places) assert.ok(list.remove(place, waiter));
    assert.equal(list.size, 0);
    const [place, waiter] = places[70_000] as (typeof places)[number];
    assert.ok(!list.remove(place, waiter));
    assert.equal(list.at(place), undefined);
    const next = { name: -1 };
    assert.equal(list.add(next), 0, 'the first of all places, for there are no others');
    assert.deepEqual([...list], [next]);
    assert.equal(list.shift(), next);
  });
});
