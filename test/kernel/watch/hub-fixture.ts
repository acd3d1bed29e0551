// A hub over history in memory, with small bounds, for the tests of the hub.
import assert from 'node:assert/strict';
import type { WatchCursor } from '../../../src/kernel/watch/cursor.js';
import { WatchHub } from '../../../src/kernel/watch/hub.js';
import { isStoreError, type StoreErrorCode, type WatchRequest } from '../../../src/store/index.js';
import { type Change, MemoryHistory } from './memory-history.js';

export class HubFixture {
  readonly history = new MemoryHistory();
  readonly hub: WatchHub;
  wakes = 0;

  constructor(bufferBatches = 4, recentRevisions = 0) {
    this.hub = new WatchHub({
      history: this.history,
      bufferBatches,
      recentRevisions,
      sliceRevisions: 10,
      wake: () => {
        this.wakes++;
      },
    });
  }

  publish(...changes: readonly Change[]): void {
    this.hub.publish(this.history.apply(...changes));
  }

  fill(count: number): void {
    for (let i = 0; i < count; i++) this.publish(['k', `${i}`]);
  }

  open(request: WatchRequest): { cursor: WatchCursor; calls: () => number } {
    const cursor = this.hub.open(request);
    let calls = 0;
    cursor.onReady = () => {
      calls++;
    };
    return { cursor, calls: () => calls };
  }
}

export function revisions(cursor: WatchCursor, limit = 100): number[] {
  return cursor.take(limit).map((batch) => batch.revision);
}

export function refuses(code: StoreErrorCode, open: () => unknown): void {
  assert.throws(open, (error) => isStoreError(error, code));
}
