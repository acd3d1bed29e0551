// Proves, one by one, what a consumer of the watch hub relies on: where a watch starts, what is
// shared, and when it is called. The random test beside this one proves that nothing is lost or
// doubled.
import assert from 'node:assert/strict';
import type { WatchCursor } from '../../../src/kernel/watch/cursor.js';
import { WatchHub } from '../../../src/kernel/watch/hub.js';
import { prefix, toText } from '../../../src/store/index.js';
import { HubFixture, refuses, revisions } from './hub-fixture.js';
import { MemoryHistory } from './memory-history.js';

describe('WatchHub: where a watch starts', () => {
  it('starts after the current revision by default', () => {
    const fixture = new HubFixture();
    fixture.fill(3);
    const { cursor } = fixture.open({ key: 'k', startRevision: 0 });
    assert.equal(cursor.position, 4);
    assert.equal(cursor.synced, true);
    fixture.publish(['k', 'x']);
    assert.deepEqual(revisions(cursor), [5]);
  });

  it('starts after what is applied, even if that is not published yet', () => {
    const { history, hub } = new HubFixture();
    const batch = history.apply(['k', '1']);
    const cursor = hub.open({ key: 'k' });
    assert.equal(cursor.position, 2);
    hub.publish(batch);
    hub.publish(history.apply(['k', '2']));
    assert.deepEqual(revisions(cursor), [3]);
  });

  it('replays from a start in the past, then goes on with what happens', () => {
    const fixture = new HubFixture();
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
    const fixture = new HubFixture();
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

  it('waits for a start that no revision will ever reach', () => {
    const fixture = new HubFixture();
    for (const startRevision of [2 ** 53, 2 ** 63]) {
      const { cursor } = fixture.open({ key: 'k', startRevision });
      fixture.publish(['k', 'x']);
      assert.deepEqual(revisions(cursor), []);
      assert.equal(cursor.closed, false);
    }
  });

  it('works at the compaction revision, and gives the tombstone that is there', () => {
    const fixture = new HubFixture();
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
    const fixture = new HubFixture();
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
    const { hub } = new HubFixture();
    refuses('Compacted', () => hub.open({ key: 'k', startRevision: -1 }));
    refuses('InvalidArgument', () => hub.open({ key: 'k', startRevision: Number.NaN }));
    refuses('InvalidArgument', () => hub.open({ key: 'k', startRevision: 1.5 }));
    refuses('WatchRangeEmpty', () => hub.open({ key: 'k', rangeEnd: 'k' }));
    refuses('WatchRangeEmpty', () => hub.open({ key: 'k', rangeEnd: 'a' }));
    assert.equal(hub.watcherCount, 0);
  });

  it('takes an empty key for the least one', () => {
    const fixture = new HubFixture();
    const all = fixture.open({ key: '', rangeEnd: '\0' }).cursor;
    const least = fixture.open({ key: '' }).cursor;
    fixture.publish(['k', '1']);
    fixture.publish(['\0', '1']);
    assert.deepEqual(revisions(all), [2, 3]);
    assert.deepEqual(revisions(least), [3]);
  });

  it('does not follow a key that its owner changes afterwards', () => {
    const fixture = new HubFixture();
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
    const { history, hub } = new HubFixture();
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
    const { history, hub } = new HubFixture();
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
    const { history, hub } = new HubFixture();
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
    const { history, hub } = new HubFixture();
    const cursor = hub.open({ key: 'a', prevKv: true, noPut: true });
    hub.publish(history.apply(['a', '1']));
    assert.equal(history.previousCalls, 0);
    assert.deepEqual(revisions(cursor), []);
    assert.equal(cursor.position, 2);
  });
});

describe('WatchHub: calls', () => {
  it('calls once, from notify only, until the next take', () => {
    const fixture = new HubFixture();
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
    const fixture = new HubFixture();
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
    const fixture = new HubFixture();
    const { cursor, calls } = fixture.open({ key: 'k' });
    fixture.publish(['k', '1']);
    cursor.close();
    cursor.close();
    fixture.hub.notify();
    assert.equal(calls(), 0);
    assert.equal(cursor.closed, true);
    assert.equal(cursor.position, 1);
    assert.deepEqual(revisions(cursor), []);
    assert.equal(fixture.hub.pendingBatchCount, 0);
  });

  it('claims nothing once it is closed, and keeps the position that it had', () => {
    const fixture = new HubFixture();
    const { cursor } = fixture.open({ key: 'k' });
    fixture.publish(['other', '1']);
    cursor.close();
    assert.equal(cursor.synced, false);
    assert.equal(cursor.position, 2);
  });

  it('may open, take and close watchers while it is called', () => {
    const fixture = new HubFixture();
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
