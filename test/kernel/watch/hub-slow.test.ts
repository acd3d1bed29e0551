// Proves that the hub stays bounded and honest with consumers that are slow: the buffer, the seam
// to history, what position and synced claim, compaction; and what happens to all when the member
// gets a snapshot or closes.
import assert from 'node:assert/strict';
import { WatchHub } from '../../../src/kernel/watch/hub.js';
import { LIMITS, prefix } from '../../../src/store/index.js';
import { HubFixture, refuses, revisions } from './hub-fixture.js';
import { MemoryHistory } from './memory-history.js';

describe('WatchHub: slow consumers', () => {
  it('buffers up to its bound, then reads history, and loses nothing at the seam', () => {
    const fixture = new HubFixture(3);
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
    const fixture = new HubFixture(1);
    const { cursor } = fixture.open(prefix('k'));
    for (let i = 0; i < 3; i++) fixture.publish(['k1', ''], ['k2', ''], ['k3', '']);
    for (const revision of [2, 3, 4]) {
      const [batch] = cursor.take(1);
      assert.equal(batch?.revision, revision);
      assert.equal(batch?.events.length, 3);
    }
  });

  it('is not synced while anything waits, so that no progress is claimed for it', () => {
    const fixture = new HubFixture();
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
    const fixture = new HubFixture(2);
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
    const fixture = new HubFixture(1);
    const { cursor } = fixture.open({ key: 'k' });
    fixture.fill(5);
    fixture.history.compact(5);
    assert.deepEqual(revisions(cursor), [2]);
    assert.equal(cursor.compactRevision, 5);
  });

  it('leaves a watcher alone that needs nothing below the compaction revision', () => {
    const fixture = new HubFixture(2);
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
    const fixture = new HubFixture();
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
    const fixture = new HubFixture();
    const { cursor } = fixture.open({ key: 'k' });
    for (let i = 0; i < 5; i++) fixture.history.apply(['k', '']);
    fixture.history.compact(6);
    fixture.hub.historyReplaced();
    assert.equal(cursor.compactRevision, 6);
    assert.equal(cursor.position, 1);
  });

  it('takes a gap between published revisions for a snapshot', () => {
    const fixture = new HubFixture();
    const { cursor } = fixture.open({ key: 'k' });
    fixture.history.apply(['k', '2']);
    fixture.publish(['k', '3']);
    assert.deepEqual(revisions(cursor), [2, 3]);
  });

  it('stops the member when a revision is published twice or out of order', () => {
    const fixture = new HubFixture();
    const batch = fixture.history.apply(['k', '1']);
    fixture.hub.publish(batch);
    assert.throws(() => fixture.hub.publish(batch), /revision 2 published after 2/);
  });

  it('ends everybody when it closes, and says so', () => {
    const fixture = new HubFixture(1);
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
