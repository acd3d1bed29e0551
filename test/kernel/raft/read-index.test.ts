/**
 * Proves that a read is confirmed only by a round that began after it, and that waiting is bounded.
 */
import assert from 'node:assert/strict';
import { ReadRounds } from '../../../src/kernel/raft/read-index.js';

const read = (context: number) => ({ requester: 1n, context, index: 5 });

describe('rounds of reads', () => {
  it('shares a round until it leaves, and numbers the next', () => {
    const rounds = new ReadRounds();
    assert.equal(rounds.add(read(1)), 'opened');
    assert.equal(rounds.add(read(2)), 'joined');
    rounds.close();
    assert.equal(rounds.add(read(3)), 'opened');
    assert.equal(rounds.newest, 2);
    assert.deepEqual(rounds.confirm(0), []);
    assert.deepEqual(
      rounds.confirm(1).map(({ context }) => context),
      [1, 2],
    );
    assert.deepEqual(rounds.confirm(1), []);
    assert.equal(rounds.pendingCount, 1);
  });

  it('confirms earlier rounds with a later one', () => {
    const rounds = new ReadRounds();
    rounds.add(read(1));
    rounds.close();
    rounds.add(read(2));
    assert.deepEqual(
      rounds.confirm(2).map(({ context }) => context),
      [1, 2],
    );
  });

  it('forgets who waits, not the numbers', () => {
    const rounds = new ReadRounds();
    rounds.add(read(1));
    rounds.reset();
    assert.equal(rounds.add(read(2)), 'opened');
    assert.equal(rounds.newest, 2);
    assert.deepEqual(rounds.confirm(1), []);
  });

  it('refuses more than it can hold', () => {
    const rounds = new ReadRounds();
    let held = 0;
    while (rounds.add(read(held + 1)) !== 'full') held++;
    assert.equal(held, 4096);
    rounds.confirm(1);
    assert.notEqual(rounds.add(read(held + 1)), 'full');
  });
});
