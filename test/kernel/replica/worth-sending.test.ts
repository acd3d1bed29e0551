/**
 * Proves which messages of a bunch are left out: those that a later one to the same member repeats,
 * and no others.
 */
import assert from 'node:assert/strict';
import type { Message } from '../../../src/kernel/raft/messages.js';
import { worthSending } from '../../../src/kernel/replica/worth-sending.js';

const ENTRY = { kind: 'normal', term: 3, index: 8, data: new Uint8Array([1]) } as const;

function append(to: bigint, entryCount: number, prevIndex = 7, term = 3): Message {
  const entries = entryCount === 0 ? [] : [ENTRY];
  return { kind: 'append', from: 1n, to, term, prevIndex, prevTerm: 3, entries, commit: 7 };
}

function accepted(to: bigint, matchIndex: number, term = 3): Message {
  return { kind: 'appendAccepted', from: 1n, to, term, matchIndex };
}

function kept(messages: readonly Message[]): readonly number[] {
  return worthSending(messages).map((message) => messages.indexOf(message));
}

describe('worthSending', () => {
  it('an append without entries is left out before one to the same member', () => {
    assert.deepEqual(kept([append(2n, 0), append(3n, 0), append(2n, 1), append(3n, 1)]), [2, 3]);
    assert.deepEqual(kept([append(2n, 0), append(2n, 0)]), [1]);
  });

  it('an append with entries stays, and so does one that nothing follows', () => {
    assert.deepEqual(kept([append(2n, 1), append(2n, 1)]), [0, 1]);
    assert.deepEqual(kept([append(2n, 1), append(2n, 0)]), [0, 1]);
    assert.deepEqual(kept([append(2n, 0), append(3n, 1)]), [0, 1]);
  });

  it('an append that asks about another place, or is of another term, stays', () => {
    assert.deepEqual(kept([append(2n, 0, 6), append(2n, 1, 7)]), [0, 1]);
    assert.deepEqual(kept([append(2n, 0, 7, 2), append(2n, 1, 7, 3)]), [0, 1]);
  });

  it('of acceptances in one term the one that reaches farthest is enough', () => {
    assert.deepEqual(kept([accepted(2n, 7), accepted(2n, 8), accepted(2n, 9)]), [2]);
    assert.deepEqual(kept([accepted(2n, 9), accepted(2n, 8)]), [0, 1]);
    assert.deepEqual(kept([accepted(2n, 7), accepted(3n, 8)]), [0, 1]);
    assert.deepEqual(kept([accepted(2n, 7, 2), accepted(2n, 8, 3)]), [0, 1]);
  });

  it('other kinds all leave, in their order', () => {
    const heartbeat: Message = {
      kind: 'heartbeat',
      from: 1n,
      to: 2n,
      term: 3,
      commit: 7,
      readRound: 1,
    };
    const messages = [heartbeat, append(2n, 0), heartbeat, append(2n, 1), heartbeat];
    assert.deepEqual(
      worthSending(messages).map(({ kind }) => kind),
      ['heartbeat', 'heartbeat', 'append', 'heartbeat'],
    );
    assert.equal(worthSending(messages).at(0), heartbeat);
  });
});
