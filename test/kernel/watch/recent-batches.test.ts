// Proves that the memory of recent revisions answers only with whole runs of what was published,
// stays within both of its bounds, and spares watchers that fell behind the backend and objects of
// their own.
import assert from 'node:assert/strict';
import { RecentBatches } from '../../../src/kernel/watch/recent-batches.js';
import type { RevisionBatch } from '../../../src/store/index.js';
import { HubFixture } from './hub-fixture.js';
import { forSeeds } from './seeds.js';

const KEY: Uint8Array = Uint8Array.of(1);

function batchOf(revision: number, valueBytes: number, key = KEY): RevisionBatch {
  const value = new Uint8Array(valueBytes);
  const numbers = { createRevision: revision, modRevision: revision, version: 1, lease: 0n };
  return { revision, events: [{ type: 'put', kv: { key, value, ...numbers } }] };
}

describe('RecentBatches', () => {
  it('answers with what was published, or not at all', () => {
    forSeeds(30, (random) => {
      const revisionsMax = random.below(6);
      const bytesMax = 20;
      const recent = new RecentBatches(revisionsMax, bytesMax);
      const published = new Map<number, RevisionBatch>();
      let revision = 1;
      for (let step = 0; step < 200; step++) {
        revision += random.below(20) === 0 ? 3 : 1;
        const batch = batchOf(revision, random.below(25));
        published.set(revision, batch);
        recent.push(batch);
        const after = revision - random.below(8);
        const upTo = revision - random.below(2);
        const limit = 1 + random.below(4);
        const read = recent.read(after, upTo, limit);
        if (read === undefined) continue;
        const wanted = Math.max(0, Math.min(limit, upTo - after));
        assert.equal(read.length, wanted);
        read.forEach((found, i) => assert.equal(found, published.get(after + 1 + i)));
      }
    });
  });

  it('keeps as many as it may, in number and in bytes', () => {
    const recent = new RecentBatches(3, 100);
    for (let revision = 2; revision <= 6; revision++) recent.push(batchOf(revision, 9));
    assert.equal(recent.read(2, 6, 9), undefined);
    assert.equal(recent.read(3, 6, 9)?.length, 3);
    recent.push(batchOf(7, 79));
    assert.equal(recent.read(4, 7, 9)?.length, 3);
    recent.push(batchOf(8, 19));
    assert.equal(recent.read(6, 8, 9)?.length, 2);
    assert.equal(recent.read(5, 8, 9), undefined);
    recent.push(batchOf(9, 1000));
    assert.equal(recent.read(8, 9, 9), undefined);
    recent.push(batchOf(10, 9));
    assert.equal(recent.read(9, 10, 9)?.length, 1);
  });
});

describe('RecentBatches: small views of large entries', () => {
  it('count the entry that they keep in memory, once for all of its revisions', () => {
    const recent = new RecentBatches(100, 10_000);
    const viewOf = (entry: Uint8Array, at: number): Uint8Array => entry.subarray(at, at + 1);
    const shared = new Uint8Array(5000);
    for (let revision = 2; revision < 12; revision++) {
      recent.push(batchOf(revision, 1, viewOf(shared, revision)));
    }
    assert.equal(recent.read(1, 11, 100)?.length, 10);
    for (let revision = 12; revision < 22; revision++) {
      recent.push(batchOf(revision, 1, viewOf(new Uint8Array(4000), revision)));
    }
    assert.equal(recent.read(18, 21, 100), undefined);
    assert.equal(recent.read(19, 21, 100)?.length, 2);
  });
});

describe('WatchHub: watchers that fell a little behind', () => {
  it('get the published objects without reading history', () => {
    const fixture = new HubFixture(2, 10);
    const { cursor } = fixture.open({ key: 'k' });
    fixture.fill(8);
    const taken = cursor.take(100);
    const published = fixture.history.all();
    assert.equal(taken.length, 8);
    taken.forEach((batch, i) => assert.equal(batch, published[i]));
    assert.equal(fixture.history.historyCalls, 0);
  });

  it('share one copy of an event with its previous pair, with those that did not', () => {
    const fixture = new HubFixture(1, 10);
    const slow = fixture.open({ key: 'k', prevKv: true }).cursor;
    fixture.fill(2);
    const live = fixture.open({ key: 'k', prevKv: true }).cursor;
    fixture.fill(1);
    const [fromFeed] = live.take(9);
    const last = slow.take(9).at(-1);
    assert.equal(last?.revision, 4);
    assert.notEqual(last.events[0]?.prevKv, undefined);
    assert.equal(last.events[0], fromFeed?.events[0]);
  });
});
