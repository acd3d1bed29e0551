// Proves that what waits for one watcher, and what one reading of history brings into memory, is
// bounded in bytes and not only in number: large values are held back in the store. What is
// delivered stays the same.
import assert from 'node:assert/strict';
import { WatchHub } from '../../../src/kernel/watch/hub.js';
import type { WatchCursor } from '../../../src/kernel/watch/cursor.js';
import { LIMITS, type WatchRequest } from '../../../src/store/index.js';
import { revisions } from './hub-fixture.js';
import { MemoryHistory } from './memory-history.js';

const BUFFER_BYTES = 1000;

class World {
  readonly history = new MemoryHistory();
  readonly hub: WatchHub;

  constructor(recentRevisions = 0) {
    this.hub = new WatchHub({
      history: this.history,
      recentRevisions,
      bufferBytes: BUFFER_BYTES,
      wake: () => undefined,
    });
  }

  put(key: string, valueBytes: number): void {
    this.hub.publish(this.history.apply([key, 'v'.repeat(valueBytes)]));
  }

  /** Takes until nothing comes, and checks the bound at every step. */
  drain(cursor: WatchCursor, largest: number): number[] {
    const all: number[] = [];
    while (!cursor.synced) {
      all.push(...revisions(cursor));
      assert.ok(this.hub.pendingByteCount <= Math.max(BUFFER_BYTES, largest));
    }
    return all;
  }
}

function upTo(last: number): number[] {
  return Array.from({ length: last - 1 }, (_, at) => at + 2);
}

describe('WatchHub: bytes that wait', () => {
  for (const recentRevisions of [0, 64]) {
    it(`are bounded in the live feed, ${recentRevisions} recent revisions kept`, () => {
      const world = new World(recentRevisions);
      const cursor = world.hub.open({ key: 'k' });
      for (let at = 0; at < 3; at++) world.put('k', 299);
      assert.equal(world.hub.pendingByteCount, 900);
      assert.equal(world.hub.slowWatcherCount, 0);
      for (let at = 0; at < 20; at++) world.put('k', 299);
      assert.equal(world.hub.pendingByteCount, 900);
      assert.equal(world.hub.slowWatcherCount, 1);
      assert.deepEqual(world.drain(cursor, 300), upTo(24));
      assert.equal(world.hub.pendingByteCount, 0);
      assert.equal(world.hub.slowWatcherCount, 0);
    });
  }

  it('let one batch through however large it is', () => {
    const world = new World();
    const cursor = world.hub.open({ key: 'k' });
    for (let at = 0; at < 3; at++) world.put('k', 5000);
    assert.equal(world.hub.pendingBatchCount, 1);
    assert.deepEqual(world.drain(cursor, 5001), [2, 3, 4]);
  });

  for (const request of [{ key: 'k' }, { key: 'k', prevKv: true }] as WatchRequest[]) {
    it(`are bounded where history is read, prevKv ${request.prevKv === true}`, () => {
      const world = new World();
      for (let at = 0; at < 60; at++) world.put('k', at % 3 === 0 ? 1400 : 99);
      const cursor = world.hub.open({ ...request, startRevision: 1 });
      const all: number[] = [];
      while (!cursor.synced) {
        const taken = cursor.take(100);
        let bytes = 0;
        for (const { events } of taken) {
          for (const { kv, prevKv } of events) {
            bytes += kv.value.length + 1 + (prevKv === undefined ? 0 : prevKv.value.length + 1);
          }
        }
        assert.ok(taken.length <= 1 || bytes <= BUFFER_BYTES, `${bytes} bytes in one take`);
        all.push(...taken.map(({ revision }) => revision));
        assert.ok(world.hub.pendingByteCount <= BUFFER_BYTES);
      }
      assert.deepEqual(all, upTo(61));
      assert.ok(world.history.bytesReadMost < BUFFER_BYTES + 1401);
    });
  }

  it('are few for a watcher too that wants none of them, and it arrives all the same', () => {
    const world = new World();
    for (let at = 0; at < 50; at++) world.put('k', 900);
    world.put('other', 1);
    const cursor = world.hub.open({ key: 'other', startRevision: 1 });
    const calls = world.history.historyCalls;
    assert.deepEqual(revisions(cursor), []);
    assert.ok(world.history.historyCalls - calls <= 2, 'a take that reads on and on');
    assert.deepEqual(world.drain(cursor, 0), [52]);
  });

  it('are forgotten with their watcher', () => {
    const world = new World();
    const cursor = world.hub.open({ key: 'k' });
    world.put('k', 500);
    assert.equal(world.hub.pendingByteCount, 501);
    cursor.close();
    assert.equal(world.hub.pendingByteCount, 0);
  });

  it('are bounded by the house limit unless told otherwise', () => {
    const history = new MemoryHistory();
    const hub = new WatchHub({ history, wake: () => undefined });
    hub.open({ key: 'k' });
    const value = 'v'.repeat(LIMITS.watchBufferBytes / 8);
    for (let at = 0; at < 20; at++) hub.publish(history.apply(['k', value]));
    assert.equal(hub.pendingBatchCount, 7);
  });
});

describe('WatchHub: large previous pairs', () => {
  it('are looked up once for the watchers of an event, and not kept with the event', () => {
    const history = new MemoryHistory();
    const hub = new WatchHub({ history, wake: () => undefined });
    const open = (rangeEnd: string): WatchCursor =>
      hub.open({ key: 'k', rangeEnd, prevKv: true, startRevision: 1 });
    const cursors = ['l', 'm', 'n'].map((end) => open(end));
    for (const cursor of cursors) cursor.take(10);
    const large = 'v'.repeat(LIMITS.watchPreviousBytes + 1);
    hub.publish(history.apply(['k', large]));
    hub.publish(history.apply(['k', large]));
    assert.equal(history.previousCalls, 1);
    hub.publish(history.apply(['k', 'small']));
    hub.publish(history.apply(['k', 'smaller']));
    assert.equal(history.previousCalls, 3);
    const taken = cursors.map((cursor) => cursor.take(10));
    for (const batches of taken) {
      assert.deepEqual(
        batches.map(({ events }) => events[0]?.prevKv?.value.length),
        [undefined, large.length, large.length, 'small'.length],
      );
    }
    const late = open('o');
    late.take(10);
    assert.equal(history.previousCalls, 5, 'only the large ones are looked up again');
  });
});
