/**
 * Proves that the index of watchers hands out all of them, however many watch the very same range
 * or key: more than a call takes arguments.
 */
import assert from 'node:assert/strict';
import {
  type IndexedWatcher,
  NO_SLOT,
  WatcherIndex,
} from '../../../src/kernel/watch/watcher-index.js';
import { type Interval, toBytes } from '../../../src/store/index.js';

const MANY = 200_000;

function indexOf(interval: Interval): WatcherIndex<IndexedWatcher> {
  const index = new WatcherIndex<IndexedWatcher>();
  for (let i = 0; i < MANY; i++) {
    index.add({
      interval,
      filter: { noPut: false, noDelete: false, prevKv: false },
      slot: NO_SLOT,
      offer: () => undefined,
    });
  }
  return index;
}

describe('kernel/watch/watcher-index', () => {
  it('all watchers of one range are found, however many', () => {
    const index = indexOf({ start: toBytes('a'), end: toBytes('b') });
    assert.equal(new Set(index.all()).size, MANY);
  });

  it('all watchers of one key are found, however many', () => {
    const index = indexOf({ start: toBytes('a'), end: undefined });
    assert.equal(new Set(index.all()).size, MANY);
  });
});
