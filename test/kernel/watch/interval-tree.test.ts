// Proves that the interval tree finds exactly the ranges that contain a point, through any sequence
// of insertions and deletions, and that it stays shallow enough to be worth having.
import assert from 'node:assert/strict';
import { IntervalTree } from '../../../src/kernel/watch/interval-tree.js';
import { compareBytes } from '../../../src/store/index.js';
import type { SimRandom } from '../../../src/simulation/sim-random.js';
import { forSeeds } from './seeds.js';

interface Range {
  readonly start: Uint8Array;
  readonly end: Uint8Array | null;
}

function randomKey(random: SimRandom): Uint8Array {
  return Uint8Array.from({ length: 1 + random.below(2) }, () => random.below(12));
}

function name(range: Range): string {
  return `${range.start.toString()}..${range.end === null ? 'open' : range.end.toString()}`;
}

function found(tree: IntervalTree<string>, point: Uint8Array): string[] {
  const names: string[] = [];
  tree.visitContaining(point, (value) => names.push(value));
  return names.sort();
}

describe('IntervalTree', () => {
  it('finds what a scan finds', () => {
    forSeeds(20, (random) => {
      const tree = new IntervalTree<string>();
      const model = new Map<string, Range>();
      for (let step = 0; step < 300; step++) {
        const range = {
          start: randomKey(random),
          end: random.below(8) === 0 ? null : randomKey(random),
        };
        if (random.below(5) < 3) {
          model.set(name(range), range);
          assert.equal(
            tree.obtain(range.start, range.end, () => name(range)),
            name(range),
          );
        } else {
          const all = [...model.values()];
          const gone = all[random.below(Math.max(1, all.length))] ?? range;
          model.delete(name(gone));
          tree.delete(gone.start, gone.end);
        }
        assert.equal(tree.size, model.size);
        const point = randomKey(random);
        const expected = [...model.values()]
          .filter(({ start }) => compareBytes(start, point) <= 0)
          .filter(({ end }) => end === null || compareBytes(point, end) < 0)
          .map(name);
        assert.deepEqual(found(tree, point), expected.sort());
      }
    });
  });

  it('keeps one value for equal ranges', () => {
    const tree = new IntervalTree<object>();
    const first = tree.obtain(Uint8Array.of(1), Uint8Array.of(2), () => ({}));
    const second = tree.obtain(Uint8Array.of(1), Uint8Array.of(2), () => ({}));
    assert.equal(first, second);
    assert.equal(tree.size, 1);
  });

  it('survives ranges that come and go in order, which degrade a tree that is not balanced', () => {
    const tree = new IntervalTree<number>();
    const key = (i: number): Uint8Array => Uint8Array.of(i >> 16, (i >> 8) & 255, i & 255);
    const count = 20_000;
    for (let i = 0; i < count; i++) tree.obtain(key(i), key(i + 1), () => i);
    for (let i = 0; i < count; i += 97) {
      const values: number[] = [];
      tree.visitContaining(key(i), (value) => values.push(value));
      assert.deepEqual(values, [i]);
    }
    for (let i = 0; i < count; i++) tree.delete(key(i), key(i + 1));
    assert.equal(tree.size, 0);
  });
});
