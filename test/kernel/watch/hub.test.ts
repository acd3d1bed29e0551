// Proves, one by one, what a consumer of the watch hub relies on: where a watch starts, what is shared,
// when it is called, what its position promises, and how it ends. The random test beside this one
// proves that nothing is lost or doubled in between.
import assert from 'node:assert/strict';
import type { WatchCursor } from '../../../src/kernel/watch/cursor.js';
import { WatchHub } from '../../../src/kernel/watch/hub.js';
import {
  isStoreError,
  LIMITS,
  prefix,
  type StoreErrorCode,
  toText,
  type WatchRequest,
} from '../../../src/store/index.js';
import { type Change, MemoryHistory } from './memory-history.js';

class Fixture {
  readonly history = new MemoryHistory();
  readonly hub: WatchHub;
  wakes = 0;

  constructor(bufferBatches = 4) {
    this.hub = new WatchHub({
      history: this.history,
      bufferBatches,
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

function revisions(cursor: WatchCursor, limit = 100): number[] {
  return cursor.take(limit).map((batch) => batch.revision);
}

function refuses(code: StoreErrorCode, open: () => unknown): void {
  assert.throws(open, (error) => isStoreError(error, code));
}

describe('WatchHub: where a watch starts', () => {
  it('starts after the current revision by default', () => {
    const fixture = new Fixture();
    fixture.fill(3);
    const { cursor } = fixture.open({ key: 'k', startRevision: 0 });
    assert.equal(cursor.position, 4);
    assert.equal(cursor.synced, true);
    fixture.publish(['k', 'x']);
    assert.deepEqual(revisions(cursor), [5]);
  });

  it('starts after what is applied, even if that is not published yet', () => {
    const { history, hub } = new Fixture();
    const batch = history.apply(['k', '1']);
    const cursor = hub.open({ key: 'k' });
    assert.equal(cursor.position, 2);
    hub.publish(batch);
    hub.publish(history.apply(['k', '2']));
    assert.deepEqual(revisions(cursor), [3]);
  });

  it('replays from a start in the past, then goes on with what happens', () => {
    const fixture = new Fixture();
    fixture.fill(5);
    const { cursor } = fixture.open({ key: 'k', startRevision: 3 });
    assert.equal(cursor.synced, false);
    assert.equal(cursor.position, 2);
    assert.deepEqual(revisions(cursor), [3, 4, 5, 6]);
    fixture.publish(['k', 'x']);
    assert.deepEqual(revisions(cursor), [7]);
    assert.equal(cursor.synced, true);
  });

  it('waits for a start in the future, and its position stays in the present meanwhile', () => {
    const fixture = new Fixture();
    const { cursor, calls } = fixture.open({ key: 'k', startRevision: 5 });
    assert.equal(cursor.position, 1);
    fixture.fill(2);
    fixture.hub.notify();
    assert.equal(calls(), 0);
    assert.equal(cursor.position, 3);
    assert.equal(cursor.synced, true);
    fixture.fill(2);
    assert.deepEqual(revisions(cursor), [5]);
  });

  it('works at the compaction revision, and gives the tombstone that is there', () => {
    const fixture = new Fixture();
    fixture.fill(2);
    fixture.publish(['k', null], ['other', 'x']);
    fixture.history.compact(4);
    fixture.hub.compacted(4);
    const { cursor } = fixture.open({ key: 'k', startRevision: 4 });
    const [batch] = cursor.take(10);
    assert.deepEqual(
      batch?.events.map(({ type }) => type),
      ['delete'],
    );
    assert.equal(cursor.compactRevision, undefined);
  });

  it('has ended from the beginning below the compaction revision', () => {
    const fixture = new Fixture();
    fixture.fill(5);
    fixture.history.compact(4);
    const { cursor, calls } = fixture.open({ key: 'k', startRevision: 3 });
    assert.equal(cursor.compactRevision, 4);
    assert.equal(cursor.synced, false);
    fixture.hub.notify();
    assert.equal(calls(), 1);
    assert.deepEqual(revisions(cursor), []);
    fixture.hub.notify();
    assert.equal(calls(), 1, 'an end is told once');
    assert.equal(fixture.hub.watcherCount, 0);
  });

  it('refuses a negative start, a start that is no number, and a range without keys', () => {
    const { hub } = new Fixture();
    refuses('Compacted', () => hub.open({ key: 'k', startRevision: -1 }));
    refuses('InvalidArgument', () => hub.open({ key: 'k', startRevision: Number.NaN }));
    refuses('InvalidArgument', () => hub.open({ key: 'k', startRevision: 1.5 }));
    refuses('WatchRangeEmpty', () => hub.open({ key: 'k', rangeEnd: 'k' }));
    refuses('WatchRangeEmpty', () => hub.open({ key: 'k', rangeEnd: 'a' }));
    assert.equal(hub.watcherCount, 0);
  });

  it('takes an empty key for the least one', () => {
    const fixture = new Fixture();
    const all = fixture.open({ key: '', rangeEnd: '\0' }).cursor;
    const least = fixture.open({ key: '' }).cursor;
    fixture.publish(['k', '1']);
    fixture.publish(['\0', '1']);
    assert.deepEqual(revisions(all), [2, 3]);
    assert.deepEqual(revisions(least), [3]);
  });

  it('does not follow a key that its owner changes afterwards', () => {
    const fixture = new Fixture();
    const key = Uint8Array.of(107);
    const { cursor } = fixture.open({ key });
    key[0] = 0;
    fixture.publish(['k', '1']);
    assert.deepEqual(revisions(cursor), [2]);
    cursor.close();
    assert.equal(fixture.hub.watcherCount, 0);
  });
});

describe('WatchHub: what is shared', () => {
  it('hands out the published object itself when all of it is seen', () => {
    const { history, hub } = new Fixture();
    const cursors = [
      hub.open({ key: 'a' }),
      hub.open(prefix('')),
      hub.open({ ...prefix('a'), noDelete: true, prevKv: true }),
    ];
    const batch = history.apply(['a', '1']);
    hub.publish(batch);
    for (const cursor of cursors) assert.equal(cursor.take(1)[0], batch);
    const late = hub.open({ key: 'a', startRevision: 2 });
    assert.equal(late.take(1)[0], batch);
  });

  it('hands one reduced batch to all who share range and filter, of the same events', () => {
    const { history, hub } = new Fixture();
    const first = hub.open(prefix('a'));
    const second = hub.open(prefix('a'));
    const batch = history.apply(['a1', '1'], ['b', '1'], ['a2', null]);
    hub.publish(batch);
    const [seen] = first.take(1);
    assert.equal(second.take(1)[0], seen);
    assert.deepEqual(seen?.events, [batch.events[0], batch.events[2]]);
    assert.equal(seen?.events[0], batch.events[0]);
  });

  it('looks a previous pair up once, and gives one copy to all who asked for it', () => {
    const { history, hub } = new Fixture();
    hub.publish(history.apply(['a', '1']));
    const asked = [
      hub.open({ key: 'a', prevKv: true }),
      hub.open({ ...prefix('a'), prevKv: true }),
    ];
    const plain = hub.open({ key: 'a' });
    const batch = history.apply(['a', null]);
    hub.publish(batch);
    const events = asked.map((cursor) => cursor.take(1)[0]?.events[0]);
    assert.equal(toText(events[0]?.prevKv?.value ?? new Uint8Array(0)), '1');
    assert.equal(events[1], events[0]);
    assert.equal(history.previousCalls, 1);
    assert.equal(plain.take(1)[0], batch);
    assert.equal(batch.events[0]?.prevKv, undefined);
  });

  it('looks nothing up for events that a filter leaves out', () => {
    const { history, hub } = new Fixture();
    const cursor = hub.open({ key: 'a', prevKv: true, noPut: true });
    hub.publish(history.apply(['a', '1']));
    assert.equal(history.previousCalls, 0);
    assert.deepEqual(revisions(cursor), []);
    assert.equal(cursor.position, 2);
  });
});

describe('WatchHub: calls', () => {
  it('calls once, from notify only, until the next take', () => {
    const fixture = new Fixture();
    const { cursor, calls } = fixture.open({ key: 'k' });
    fixture.publish(['k', '1']);
    assert.equal(calls(), 0);
    assert.equal(fixture.wakes, 1);
    fixture.hub.notify();
    fixture.publish(['k', '2']);
    fixture.hub.notify();
    assert.equal(calls(), 1);
    assert.deepEqual(revisions(cursor), [2, 3]);
    fixture.publish(['other', '3']);
    fixture.hub.notify();
    assert.equal(calls(), 1, 'nothing to take');
    fixture.publish(['k', '4']);
    fixture.hub.notify();
    assert.equal(calls(), 2);
  });

  it('calls a watcher that has history to read, and again while there is more', () => {
    const fixture = new Fixture();
    fixture.fill(35);
    const { cursor, calls } = fixture.open({ key: 'absent', startRevision: 1 });
    for (let round = 1; round <= 4; round++) {
      fixture.hub.notify();
      assert.equal(calls(), round);
      assert.deepEqual(revisions(cursor), []);
    }
    assert.equal(cursor.synced, true);
    fixture.hub.notify();
    assert.equal(calls(), 4);
    assert.equal(fixture.history.historyCalls, 4);
  });

  it('is not called after it closed itself', () => {
    const fixture = new Fixture();
    const { cursor, calls } = fixture.open({ key: 'k' });
    fixture.publish(['k', '1']);
    cursor.close();
    cursor.close();
    fixture.hub.notify();
    assert.equal(calls(), 0);
    assert.equal(cursor.closed, true);
    assert.deepEqual(revisions(cursor), []);
    assert.equal(fixture.hub.pendingBatchCount, 0);
  });

  it('may open, take and close watchers while it is called', () => {
    const fixture = new Fixture();
    const first = fixture.hub.open({ key: 'k' });
    const second = fixture.open({ key: 'k' });
    let third: WatchCursor | undefined;
    first.onReady = () => {
      second.cursor.close();
      third = fixture.hub.open({ key: 'k', startRevision: 2 });
      assert.deepEqual(revisions(first), [2]);
    };
    fixture.publish(['k', '1']);
    fixture.hub.notify();
    assert.equal(second.calls(), 0);
    assert.ok(third !== undefined);
    assert.deepEqual(revisions(third), [2]);
    assert.equal(fixture.hub.watcherCount, 2);
  });

  it('notifies by itself when nobody said how to be woken', async () => {
    const history = new MemoryHistory();
    const hub = new WatchHub({ history });
    const cursor = hub.open({ key: 'k' });
    const called = new Promise<void>((resolve) => {
      cursor.onReady = resolve;
    });
    hub.publish(history.apply(['k', '1']));
    await called;
    assert.deepEqual(revisions(cursor), [2]);
  });
});

describe('WatchHub: slow consumers', () => {
  it('buffers up to its bound, then reads history, and loses nothing at the seam', () => {
    const fixture = new Fixture(3);
    const { cursor } = fixture.open({ key: 'k' });
    fixture.fill(3);
    assert.equal(fixture.hub.slowWatcherCount, 0);
    fixture.fill(1);
    assert.equal(fixture.hub.slowWatcherCount, 1);
    fixture.fill(5);
    assert.equal(fixture.hub.pendingBatchCount, 3);
    assert.equal(cursor.position, 1);
    assert.equal(fixture.history.historyCalls, 0);
    assert.deepEqual(revisions(cursor, 2), [2, 3]);
    assert.equal(cursor.position, 3);
    assert.equal(cursor.synced, false);
    assert.deepEqual(revisions(cursor), [4, 5, 6, 7, 8, 9, 10]);
    assert.equal(cursor.synced, true);
    assert.equal(fixture.hub.slowWatcherCount, 0);
    fixture.fill(1);
    assert.deepEqual(revisions(cursor), [11]);
  });

  it('is bounded by the house limit unless told otherwise', () => {
    const history = new MemoryHistory();
    const hub = new WatchHub({ history, wake: () => undefined });
    hub.open({ key: 'k' });
    for (let i = 0; i < LIMITS.watchBufferBatches + 50; i++) hub.publish(history.apply(['k', '']));
    assert.equal(hub.pendingBatchCount, LIMITS.watchBufferBatches);
  });

  it('never splits a revision, whatever the limits', () => {
    const fixture = new Fixture(1);
    const { cursor } = fixture.open(prefix('k'));
    for (let i = 0; i < 3; i++) fixture.publish(['k1', ''], ['k2', ''], ['k3', '']);
    for (const revision of [2, 3, 4]) {
      const [batch] = cursor.take(1);
      assert.equal(batch?.revision, revision);
      assert.equal(batch?.events.length, 3);
    }
  });

  it('is not synced while anything waits, so that no progress is claimed for it', () => {
    const fixture = new Fixture();
    const { cursor } = fixture.open({ key: 'k' });
    fixture.publish(['k', '1']);
    assert.equal(cursor.synced, false);
    assert.equal(cursor.position, 1);
    fixture.publish(['other', '1']);
    assert.equal(cursor.position, 1);
    revisions(cursor);
    assert.equal(cursor.synced, true);
    assert.equal(cursor.position, 3);
    fixture.history.apply(['k', '2']);
    assert.equal(cursor.synced, false, 'an applied revision is still to be published');
  });

  it('ends a watcher that compaction overtook, after what it still had', () => {
    const fixture = new Fixture(2);
    const { cursor, calls } = fixture.open({ key: 'k' });
    fixture.fill(6);
    fixture.history.compact(6);
    fixture.hub.compacted(6);
    assert.equal(cursor.compactRevision, undefined, 'two batches are still here');
    assert.deepEqual(revisions(cursor), [2, 3]);
    assert.equal(cursor.compactRevision, 6);
    fixture.hub.notify();
    assert.equal(calls(), 1);
    assert.deepEqual(revisions(cursor), []);
    fixture.fill(1);
    assert.deepEqual(revisions(cursor), []);
    assert.equal(cursor.position, 3);
  });

  it('notices a compaction that nobody announced when it reads', () => {
    const fixture = new Fixture(1);
    const { cursor } = fixture.open({ key: 'k' });
    fixture.fill(5);
    fixture.history.compact(5);
    assert.deepEqual(revisions(cursor), [2]);
    assert.equal(cursor.compactRevision, 5);
  });

  it('leaves a watcher alone that needs nothing below the compaction revision', () => {
    const fixture = new Fixture(2);
    const level = fixture.open({ key: 'k' }).cursor;
    const slow = fixture.open({ key: 'k' }).cursor;
    fixture.fill(2);
    assert.deepEqual(revisions(level), [2, 3]);
    fixture.fill(2);
    fixture.history.compact(4);
    fixture.hub.compacted(4);
    assert.deepEqual(revisions(level), [4, 5]);
    assert.deepEqual(revisions(slow), [2, 3, 4, 5]);
  });
});

describe('WatchHub: the member', () => {
  it('reads what a snapshot brought instead of being published', () => {
    const fixture = new Fixture();
    const { cursor, calls } = fixture.open({ key: 'k' });
    const future = fixture.open({ key: 'k', startRevision: 5 });
    fixture.history.apply(['k', '2']);
    fixture.history.apply(['k', '3']);
    fixture.hub.historyReplaced();
    fixture.hub.notify();
    assert.equal(calls(), 1);
    assert.equal(future.calls(), 0);
    assert.deepEqual(revisions(cursor), [2, 3]);
    fixture.fill(2);
    assert.deepEqual(revisions(cursor), [4, 5]);
    assert.deepEqual(revisions(future.cursor), [5]);
  });

  it('ends whom a snapshot leaves without history', () => {
    const fixture = new Fixture();
    const { cursor } = fixture.open({ key: 'k' });
    for (let i = 0; i < 5; i++) fixture.history.apply(['k', '']);
    fixture.history.compact(6);
    fixture.hub.historyReplaced();
    assert.equal(cursor.compactRevision, 6);
    assert.equal(cursor.position, 1);
  });

  it('takes a gap between published revisions for a snapshot', () => {
    const fixture = new Fixture();
    const { cursor } = fixture.open({ key: 'k' });
    fixture.history.apply(['k', '2']);
    fixture.publish(['k', '3']);
    assert.deepEqual(revisions(cursor), [2, 3]);
  });

  it('stops the member when a revision is published twice or out of order', () => {
    const fixture = new Fixture();
    const batch = fixture.history.apply(['k', '1']);
    fixture.hub.publish(batch);
    assert.throws(() => fixture.hub.publish(batch), /revision 2 published after 2/);
  });

  it('ends everybody when it closes, and says so', () => {
    const fixture = new Fixture(1);
    const live = fixture.open({ key: 'k' });
    const slow = fixture.open({ key: 'k', startRevision: 1 });
    fixture.fill(3);
    fixture.hub.close();
    fixture.hub.close();
    fixture.hub.notify();
    for (const { cursor, calls } of [live, slow]) {
      assert.equal(calls(), 1);
      assert.equal(cursor.closed, true);
      assert.equal(cursor.synced, false);
      assert.deepEqual(revisions(cursor), []);
    }
    fixture.hub.notify();
    assert.equal(live.calls(), 1);
    assert.equal(fixture.hub.watcherCount, 0);
    assert.equal(fixture.hub.pendingBatchCount, 0);
    refuses('Stopped', () => fixture.hub.open({ key: 'k' }));
  });
});
