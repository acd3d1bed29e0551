// The index keeps keys in byte order with right counts and bounds, through any mix of insertions,
// new revisions and removals, for sequential and random keys, for keys with long shared beginnings
// and huge keys.
import assert from 'node:assert/strict';
import { ByteReader, ByteWriter } from '../../../src/kernel/codec/bytes.js';
import { keyOfText, keyText } from '../../../src/kernel/codec/key-text.js';
import type { IndexLeaf } from '../../../src/kernel/mvcc/index-leaf.js';
import { readLeaf, writeLeaf } from '../../../src/kernel/mvcc/leaf-codec.js';
import { OrderedIndex } from '../../../src/kernel/mvcc/ordered-index.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';

const seed = Number(process.env['TIDELOCK_SEED'] ?? 5);
const text = (name: string): Uint8Array => new TextEncoder().encode(name);
const record = (main: number, isLive: boolean) => ({
  main,
  create: main,
  version: 1,
  place: isLive ? 0 : 1,
  lease: main % 5 === 0 ? BigInt(main) : 0n,
});

/** Live or deleted, and at which revision, by key. */
type Model = Map<string, { readonly main: number; readonly isLive: boolean }>;

function set(
  index: OrderedIndex,
  model: Model,
  key: Uint8Array,
  main: number,
  live: boolean,
): void {
  if (index.seek(key)) index.supersede(record(main, live));
  else index.insert(key, record(main, live));
  model.set(keyText(key), { main, isLive: live });
}

function check(index: OrderedIndex, model: Model): void {
  const expected = [...model.keys()].sort();
  const seen: string[] = [];
  let previous: typeof index.leaf | undefined;
  for (let leaf: typeof previous = index.first; leaf !== undefined; leaf = leaf.next) {
    assert.equal(leaf.previous, previous);
    previous = leaf;
    const creates: number[] = [];
    for (let slot = 0; slot < leaf.count; slot++) {
      const key = keyText(leaf.key(slot));
      seen.push(key);
      const known = model.get(key);
      assert.equal(leaf.main(slot), known?.main);
      assert.equal(leaf.isLive(slot), known?.isLive);
      assert.equal(leaf.lease(slot), record(leaf.main(slot), true).lease);
      if (leaf.isLive(slot)) creates.push(leaf.create(slot));
    }
    assert.equal(leaf.createMin, Math.min(...creates));
    assert.equal(leaf.createMax, Math.max(...creates));
  }
  assert.deepEqual(seen, expected);
  assert.equal(index.keyCount, expected.length);
  let live = 0;
  for (const key of expected) {
    assert.equal(index.rank(keyOfText(key)), live, `rank of ${key}`);
    if (model.get(key)?.isLive === true) live++;
  }
  assert.equal(index.liveCount, live);
}

/** All leaves with a key, by way of bytes. */
function copies(index: OrderedIndex): IndexLeaf[] {
  const writer = new ByteWriter();
  for (let leaf: IndexLeaf | undefined = index.first; leaf !== undefined; leaf = leaf.next) {
    if (leaf.count > 0) writeLeaf(writer, leaf);
  }
  const reader = new ByteReader(writer.finish());
  const leaves: IndexLeaf[] = [];
  while (reader.remaining > 0) leaves.push(readLeaf(reader));
  return leaves;
}

describe('OrderedIndex', () => {
  const shapes: Record<string, (at: number, random: SimRandom) => Uint8Array> = {
    ascending: (at) => text(`key-${String(at).padStart(8, '0')}`),
    descending: (at) => text(`key-${String(99_999 - at).padStart(8, '0')}`),
    'random, with a long beginning in common': (_at, random) =>
      text(`/registry/pods/default/${random.below(40_000)}`),
    'random bytes': (_at, random) =>
      Uint8Array.from({ length: 1 + random.below(4) }, () => random.below(256)),
    'prefixes of each other': (at) => new Uint8Array(1 + (at % 3000)).fill(97),
  };
  for (const [name, make] of Object.entries(shapes)) {
    it(`keeps order and counts: ${name}`, () => {
      const random = new SimRandom(seed);
      const index = new OrderedIndex();
      const model: Model = new Map();
      for (let at = 0; at < 9000; at++) {
        set(index, model, make(at, random), at + 2, random.below(4) > 0);
      }
      check(index, model);
    });
  }

  it('shrinks again, down to nothing, and can be used after', () => {
    const random = new SimRandom(seed);
    const index = new OrderedIndex();
    const model: Model = new Map();
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at < 7000; at++) {
        set(index, model, text(`${random.below(60_000)}`), at, random.below(2) > 0);
      }
      const keys = [...model.keys()];
      const order = keys.map((key) => [random.below(2 ** 30), key] as const);
      const doomed = order.sort((a, b) => a[0] - b[0]).slice(0, round === 1 ? 4000 : keys.length);
      for (const [at, key] of doomed) set(index, model, keyOfText(key), at, false);
      // What it knows of its parts by now must not outlive their joining.
      check(index, model);
      for (const [, key] of doomed) {
        index.remove(keyOfText(key));
        model.delete(key);
      }
      check(index, model);
    }
  });

  for (const keyCount of [0, 1, 64, 65, 5000, 30_000]) {
    it(`goes on as before from leaves that were written and read: ${keyCount} keys`, () => {
      const random = new SimRandom(seed);
      const model: Model = new Map();
      const source = new OrderedIndex();
      const change = (index: OrderedIndex, at: number): void =>
        set(index, model, text(`${random.below(keyCount * 3 + 9)}`), at, random.below(4) > 0);
      for (let at = 1; at <= keyCount; at++) change(source, at);
      const index = new OrderedIndex();
      index.fill(copies(source));
      check(index, model);
      for (let at = 1; at <= 3000; at++) change(index, keyCount + at);
      for (const [key, { isLive }] of [...model].slice(0, 2000)) {
        if (isLive) continue;
        index.remove(keyOfText(key));
        model.delete(key);
      }
      check(index, model);
    });
  }

  it('is filled once only', () => {
    const index = new OrderedIndex();
    set(index, new Map(), text('a'), 2, true);
    assert.throws(() => index.fill([]), /has keys/);
  });

  it('splits by bytes when keys are huge', () => {
    const index = new OrderedIndex();
    const model: Model = new Map();
    const random = new SimRandom(seed);
    for (let at = 0; at < 60; at++) {
      set(index, model, new Uint8Array(9000).fill(random.below(256)), at, true);
      set(index, model, text(`${at}`), at, true);
    }
    check(index, model);
  });

  it('refuses to forget a key that is live or unknown', () => {
    const index = new OrderedIndex();
    set(index, new Map(), text('a'), 2, true);
    assert.throws(() => index.remove(text('a')), /live/);
    assert.throws(() => index.remove(text('b')), /not there/);
  });
});
