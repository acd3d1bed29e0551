/** Proves how a leader's knowledge of a follower moves, and that the in-flight window bounds it. */
import assert from 'node:assert/strict';
import { Inflights } from '../../../src/kernel/raft/inflights.js';
import { Progress } from '../../../src/kernel/raft/progress.js';

describe('in-flight window', () => {
  it('is full by messages', () => {
    const inflights = new Inflights(2, 1000);
    inflights.add(1, 10);
    assert.equal(inflights.full, false);
    inflights.add(2, 10);
    assert.equal(inflights.full, true);
    assert.throws(() => inflights.add(3, 10), /full/);
    inflights.freeTo(1);
    assert.deepEqual([inflights.full, inflights.count, inflights.bytes], [false, 1, 10]);
  });

  it('is full by bytes, overshot by one message at most', () => {
    const inflights = new Inflights(10, 100);
    inflights.add(5, 99);
    assert.equal(inflights.full, false);
    inflights.add(9, 500);
    assert.equal(inflights.full, true);
    inflights.freeTo(8);
    assert.equal(inflights.bytes, 500);
    inflights.freeTo(9);
    assert.deepEqual([inflights.full, inflights.count, inflights.bytes], [false, 0, 0]);
  });

  it('stays right over a long use', () => {
    const inflights = new Inflights(3, 1000);
    for (let index = 1; index <= 1000; index++) {
      inflights.add(index, 1);
      if (index > 2) inflights.freeTo(index - 2);
      assert.equal(inflights.count, Math.min(index, 2));
      assert.equal(inflights.bytes, inflights.count);
    }
    inflights.freeTo(0);
    assert.equal(inflights.count, 2);
  });
});

describe('progress', () => {
  const fresh = (next: number): Progress => new Progress(next, new Inflights(2, 1000));

  it('probes with one append at a time', () => {
    const progress = fresh(10);
    assert.deepEqual([progress.state, progress.match, progress.next], ['probe', 0, 10]);
    progress.sent(3, 30);
    assert.deepEqual([progress.paused, progress.next], [true, 10]);
    progress.resume();
    assert.equal(progress.paused, false);
  });

  it('replicates once a probe is answered, optimistically', () => {
    const progress = fresh(10);
    progress.sent(2, 20);
    assert.equal(progress.accepted(11), true);
    assert.deepEqual([progress.state, progress.match, progress.next], ['replicate', 11, 12]);
    progress.sent(2, 20);
    assert.deepEqual([progress.next, progress.paused], [14, false]);
    progress.sent(1, 20);
    assert.deepEqual([progress.next, progress.paused, progress.takesEntries], [15, true, false]);
    assert.equal(progress.accepted(13), true);
    assert.deepEqual([progress.match, progress.next, progress.paused], [13, 15, false]);
    assert.equal(progress.accepted(13), false, 'a copy says nothing new');
    assert.equal(progress.accepted(12), false, 'match never goes back');
    assert.equal(progress.match, 13);
  });

  it('goes back behind its match when a follower in replication refuses', () => {
    const progress = fresh(5);
    progress.accepted(4);
    progress.sent(5, 10);
    assert.equal(progress.rejected(4, 1), false, 'older than the match');
    assert.equal(progress.rejected(9, 1), true);
    assert.deepEqual([progress.state, progress.match, progress.next], ['probe', 4, 5]);
  });

  it('follows hints while probing, never to or below its match', () => {
    const progress = fresh(20);
    assert.equal(progress.rejected(12, 3), false, 'not the append that is under way');
    assert.equal(progress.rejected(19, 7), true);
    assert.equal(progress.next, 8);
    assert.equal(progress.rejected(7, 100), true);
    assert.equal(progress.next, 7, 'a refusal always moves back');
    progress.accepted(3);
    progress.rejected(9, 0);
    assert.deepEqual([progress.match, progress.next], [3, 4]);
    progress.rejected(3, 0);
    assert.deepEqual([progress.match, progress.next], [3, 4]);
  });

  it('sends nothing while a snapshot is on its way, and replicates from what it reached', () => {
    const progress = fresh(5);
    progress.awaitSnapshot(20);
    progress.resume();
    assert.deepEqual([progress.state, progress.paused], ['snapshot', true]);
    assert.equal(progress.rejected(4, 1), false);
    assert.equal(progress.accepted(7), true, 'an append from before');
    assert.deepEqual([progress.state, progress.match, progress.paused], ['snapshot', 7, true]);
    assert.equal(progress.accepted(25), true, 'the image reached further than it had to');
    assert.deepEqual([progress.state, progress.next, progress.paused], ['replicate', 26, false]);
  });

  it('probes after a snapshot, once the follower is heard', () => {
    const progress = fresh(5);
    progress.accepted(4);
    progress.awaitSnapshot(20);
    progress.snapshotEnded(false);
    assert.deepEqual([progress.state, progress.next, progress.paused], ['probe', 5, true]);
    progress.awaitSnapshot(20);
    progress.snapshotEnded(true);
    assert.deepEqual([progress.state, progress.next, progress.match], ['probe', 21, 4]);
    progress.resume();
    assert.equal(progress.paused, false);
  });
});
