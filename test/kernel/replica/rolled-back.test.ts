// Proves that a member whose log was cut is found out, by itself and by the leader that it promised
// more to, and that no late frame and no new term is taken for that.
import assert from 'node:assert/strict';
import type { Message } from '../../../src/kernel/raft/messages.js';
import type { Raft } from '../../../src/kernel/raft/raft.js';
import { RolledBack } from '../../../src/kernel/replica/rolled-back.js';

class Machine {
  role = 'leader';
  term = 5;
  lastIndex = 30;
  match = 0;
  progressOf(): { readonly match: number } {
    return { match: this.match };
  }
}

function world(): { readonly machine: Machine; readonly rolledBack: RolledBack } {
  const machine = new Machine();
  const none = { of: () => undefined };
  return { machine, rolledBack: new RolledBack(machine as unknown as Raft, none) };
}

const envelope = { from: 2n, to: 1n, term: 5 };
const accepted = (matchIndex: number): Message => {
  return { kind: 'appendAccepted', ...envelope, matchIndex };
};
const rejected = (hintIndex: number, term = 5): Message => {
  return { kind: 'appendRejected', ...envelope, term, rejectedIndex: 30, hintIndex, hintTerm: 1 };
};
const heartbeat = (commit: number, term = 5): Message => {
  return { kind: 'heartbeat', ...envelope, term, commit, readRound: 0 };
};

describe('a log that was cut', () => {
  it('is seen by the leader when the next start refuses below what was acknowledged', () => {
    const { machine, rolledBack } = world();
    assert.equal(rolledBack.shows(accepted(20), 7n), false);
    machine.match = 20;
    assert.equal(rolledBack.shows(rejected(10), 7n), false, 'a late refusal of the same start');
    assert.equal(rolledBack.shows(accepted(20), 8n), false);
    assert.equal(rolledBack.shows(rejected(20), 8n), false);
    assert.equal(rolledBack.shows(rejected(19), 8n), true);
  });

  it('is not seen when a frame of an earlier start comes late, between two of the present one', () => {
    const { machine, rolledBack } = world();
    assert.equal(rolledBack.shows(rejected(4), 8n), false, 'far behind, with nothing promised');
    machine.match = 20;
    assert.equal(rolledBack.shows(heartbeat(0), 7n), false);
    assert.equal(rolledBack.shows(accepted(20), 8n), false);
    assert.equal(rolledBack.shows(rejected(4), 8n), false, 'sent before it acknowledged');
    assert.equal(rolledBack.shows(accepted(20), 9n), false);
    assert.equal(rolledBack.shows(heartbeat(0), 7n), false);
    assert.equal(rolledBack.shows(rejected(4), 9n), true, 'the next start is held to it');
  });

  it('is not seen in the present start, however many of the earlier ones come late', () => {
    const { machine, rolledBack } = world();
    assert.equal(rolledBack.shows(rejected(4), 1000n), false);
    machine.match = 20;
    for (let nonce = 1n; nonce <= 100n; nonce++) {
      assert.equal(rolledBack.shows(heartbeat(0), nonce), false);
      assert.equal(rolledBack.shows(accepted(20), 1000n), false);
      assert.equal(rolledBack.shows(rejected(4), 1000n), false);
    }
  });

  it('is not seen in what another term left', () => {
    const { machine, rolledBack } = world();
    assert.equal(rolledBack.shows(accepted(20), 7n), false);
    machine.match = 20;
    machine.term = 6;
    assert.equal(rolledBack.shows(rejected(10, 6), 8n), false);
    assert.equal(rolledBack.shows(rejected(10, 6), 8n), false);
    machine.role = 'follower';
    assert.equal(rolledBack.shows(rejected(0, 6), 9n), false);
  });

  it('is seen by the member itself in what the leader takes for acknowledged', () => {
    const { machine, rolledBack } = world();
    machine.role = 'follower';
    assert.equal(rolledBack.showsOwn(heartbeat(30)), false);
    assert.equal(rolledBack.showsOwn(heartbeat(31)), true);
    assert.equal(rolledBack.showsOwn(heartbeat(31, 6)), true);
    assert.equal(rolledBack.showsOwn(heartbeat(31, 4)), false);
    assert.equal(rolledBack.showsOwn(accepted(99)), false);
  });
});
