// Proves that a map which shares its buckets with the one before is the same as a plain copy,
// below, at and above the size from which on it does, and that the earlier map stays as it was.
import assert from 'node:assert/strict';
import { type EntryChange, withChanges } from '../../../src/recipes/base/entry-map.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import type { KeyValue } from '../../../src/store/index.js';
import { testSeed } from '../../support/world.js';

const pair = (modRevision: number): KeyValue => ({
  key: new Uint8Array(),
  value: new Uint8Array(),
  createRevision: 1,
  modRevision,
  version: 1,
  lease: 0n,
});
const sorted = (map: ReadonlyMap<string, KeyValue>): [string, number][] =>
  [...map]
    .map(([name, kv]): [string, number] => [name, kv.modRevision])
    .toSorted(([x], [y]) => (x < y ? -1 : 1));

describe('withChanges', () => {
  for (const size of [0, 10, 512, 513, 700, 3000]) {
    it(`is a copy with changes, from ${size} entries on`, () => {
      const random = new SimRandom(testSeed() + size);
      const model = new Map<string, KeyValue>();
      for (let i = 0; i < size; i++) model.set(`n${i}`, pair(1));
      let map: ReadonlyMap<string, KeyValue> = new Map(model);
      for (let revision = 2; revision < 80; revision++) {
        const before = sorted(map);
        const earlier = map;
        const changes = Array.from({ length: random.below(6) }, (): EntryChange => {
          const name = `n${random.below(size * 2 + 5)}`;
          return [name, random.below(3) === 0 ? undefined : pair(revision)];
        });
        for (const [name, kv] of changes) {
          if (kv === undefined) model.delete(name);
          else model.set(name, kv);
        }
        map = withChanges(map, changes);
        assert.equal(map.size, model.size);
        assert.deepEqual(sorted(map), sorted(model));
        assert.deepEqual(sorted(earlier), before, 'the earlier map has changed');
      }
      for (const [name, kv] of model) {
        assert.equal(map.get(name), kv);
        assert.ok(map.has(name));
      }
      assert.equal(map.get('nobody'), undefined);
      assert.equal(map.has('nobody'), false);
      const seen: string[] = [];
      map.forEach((_kv, name) => seen.push(name));
      assert.deepEqual(seen.toSorted(), [...map.keys()].toSorted());
      assert.equal([...map.values()].length, map.size);
    });
  }

  it('grows to many times its size', () => {
    let map: ReadonlyMap<string, KeyValue> = new Map(
      Array.from({ length: 600 }, (_, i) => [`n${i}`, pair(1)]),
    );
    for (let i = 0; i < 8000; i += 100) {
      const changes = Array.from({ length: 100 }, (_, j): EntryChange => [`n${i + j}`, pair(2)]);
      map = withChanges(map, changes);
    }
    assert.equal(map.size, 8000);
    assert.equal(new Set(map.keys()).size, 8000);
  });
});
