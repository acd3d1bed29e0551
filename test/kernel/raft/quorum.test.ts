/**
 * Proves the arithmetic of majorities: sizes, joint configurations, and that learners never count.
 */
import assert from 'node:assert/strict';
import {
  isSoleVoter,
  isVoter,
  majority,
  membersOf,
  quorumReached,
  voteResult,
} from '../../../src/kernel/raft/quorum.js';
import type { ConfState } from '../../../src/kernel/raft/types.js';
import { confStateOf } from './member-disk.js';

function joint(incoming: number[], outgoing: number[]): ConfState {
  return { ...confStateOf(incoming), votersOutgoing: outgoing.map(BigInt) };
}

/** reached([5, 3]) says that member 1 reached 5 and member 2 reached 3; the others 0. */
function reached(values: readonly number[]): (id: bigint) => number {
  return (id) => values[Number(id) - 1] ?? 0;
}

function votes(values: readonly (boolean | undefined)[]): (id: bigint) => boolean | undefined {
  return (id) => values[Number(id) - 1];
}

describe('quorum', () => {
  it('needs more than half', () => {
    assert.deepEqual([1, 2, 3, 4, 5, 6, 7].map(majority), [1, 2, 2, 3, 3, 4, 4]);
  });

  it('finds what a majority has reached, in any order', () => {
    assert.equal(quorumReached(confStateOf([1]), reached([7])), 7);
    assert.equal(quorumReached(confStateOf([1, 2]), reached([7, 4])), 4);
    assert.equal(quorumReached(confStateOf([1, 2, 3]), reached([7, 4, 5])), 5);
    assert.equal(quorumReached(confStateOf([1, 2, 3, 4]), reached([7, 4, 5, 6])), 5);
    assert.equal(quorumReached(confStateOf([1, 2, 3, 4, 5]), reached([9, 1, 8, 2, 10])), 8);
    // Numbers compare as numbers: 10 is more than 9.
    assert.equal(quorumReached(confStateOf([1, 2, 3]), reached([9, 10, 100])), 10);
  });

  it('agrees with counting, for every outcome of up to five voters', () => {
    for (let size = 1; size <= 5; size++) {
      const conf = confStateOf(Array.from({ length: size }, (_, position) => position + 1));
      for (let code = 0; code < 3 ** size; code++) {
        const values = Array.from({ length: size }, (_, at) => Math.floor(code / 3 ** at) % 3);
        const result = quorumReached(conf, reached(values));
        const atLeast = (level: number): number => values.filter((value) => value >= level).length;
        assert.ok(atLeast(result) * 2 > size, `${String(values)} gives ${result}`);
        assert.ok(atLeast(result + 1) * 2 <= size, `${String(values)} gives ${result}`);
      }
    }
  });

  it('has reached nothing without voters', () => {
    assert.equal(quorumReached(confStateOf([]), reached([7])), 0);
    assert.equal(voteResult(confStateOf([]), votes([true])), 'lost');
  });

  it('takes the smaller of both majorities while joint', () => {
    assert.equal(quorumReached(joint([1, 2, 3], [3, 4, 5]), reached([9, 9, 1, 2, 0])), 1);
    assert.equal(quorumReached(joint([3, 4, 5], [1, 2, 3]), reached([9, 9, 1, 2, 0])), 1);
    assert.equal(quorumReached(joint([1, 2, 3], [1]), reached([2, 9, 9])), 2);
  });

  it('decides votes as soon as they are decided', () => {
    const three = confStateOf([1, 2, 3]);
    assert.equal(voteResult(three, votes([true])), 'pending');
    assert.equal(voteResult(three, votes([true, false])), 'pending');
    assert.equal(voteResult(three, votes([true, false, true])), 'won');
    assert.equal(voteResult(three, votes([false, false])), 'lost');
    const four = confStateOf([1, 2, 3, 4]);
    assert.equal(voteResult(four, votes([true, true])), 'pending');
    assert.equal(voteResult(four, votes([false, false])), 'lost');
  });

  it('needs both majorities for a vote while joint', () => {
    const conf = joint([1, 2, 3], [3, 4]);
    assert.equal(voteResult(conf, votes([true, true])), 'pending');
    assert.equal(voteResult(conf, votes([true, true, true, false])), 'lost');
    assert.equal(voteResult(conf, votes([false, false])), 'lost');
    assert.equal(voteResult(conf, votes([undefined, true, true, true])), 'won');
  });

  it('counts no learners', () => {
    const conf = confStateOf([1, 2, 3], [4, 5]);
    assert.equal(quorumReached(conf, reached([1, 1, 0, 9, 9])), 1);
    assert.equal(voteResult(conf, votes([true, undefined, undefined, true, true])), 'pending');
    assert.equal(isVoter(conf, 4n), false);
    assert.deepEqual(membersOf(conf), [1n, 2n, 3n, 4n, 5n]);
    assert.equal(isSoleVoter(confStateOf([1], [2]), 1n), true);
    assert.equal(isSoleVoter(joint([1], [1]), 1n), false);
    assert.equal(isVoter(joint([1], [2]), 2n), true);
    assert.deepEqual(membersOf(joint([1, 2], [2, 3])), [1n, 2n, 3n]);
  });
});
