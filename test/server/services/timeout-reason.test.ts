// Proves that a call whose time is over is told etcd's reason, and only where there is one: it
// began shortly before this member was elected, or whoever decides was out of reach meanwhile.
import assert from 'node:assert/strict';
import { timeoutError } from '../../../src/server/services/timeout-reason.js';
import { toStatus } from '../../../src/wire/errors.js';

const ME = 1n;
const OTHER = 2n;
const PLAIN = 'etcdserver: request timed out';
const LEADER_FAILED = `${PLAIN}, possibly due to previous leader failure`;
const CONNECTION_LOST = `${PLAIN}, possibly due to connection lost`;

describe('the reason of a timeout', () => {
  interface Situation {
    readonly leader?: bigint;
    readonly electedAtMs?: number;
    /** Since when the other member, and with it a quorum, is connected. */
    readonly connectedAtMs?: number;
    readonly method?: string;
  }

  /** What a call that began at 10 000 is told. */
  function told({ leader = ME, electedAtMs, connectedAtMs = 0, method = 'Put' }: Situation) {
    const view = { leader, electedAtMs, kernel: { header: () => ({ memberId: ME }) } };
    const peers = {
      connectedSince: (peer: bigint, sinceMs: number) => peer === OTHER && connectedAtMs <= sinceMs,
      connectedToQuorumSince: (sinceMs: number) => connectedAtMs <= sinceMs,
    };
    const { code, details } = toStatus(
      timeoutError({ view, peers, electionMs: 1000 }, method, 10_000),
    );
    assert.equal(code, 14);
    return details;
  }

  it('is none in good times, and with nobody to reach', () => {
    for (const leader of [0n, ME, OTHER]) assert.equal(told({ leader }), PLAIN);
    assert.equal(told({ leader: 0n, connectedAtMs: 11_000 }), PLAIN);
  });

  it('is the leader before, when this member was elected while the call waited', () => {
    assert.equal(told({ electedAtMs: 10_001 }), LEADER_FAILED);
    assert.equal(told({ electedAtMs: 11_999 }), LEADER_FAILED);
    assert.equal(told({ electedAtMs: 12_001 }), PLAIN, 'too long after');
    assert.equal(told({ electedAtMs: 9999 }), PLAIN, 'before the call');
  });

  it('is the connection, when the leader or a quorum was out of reach', () => {
    assert.equal(told({ leader: OTHER, connectedAtMs: 10_001 }), CONNECTION_LOST);
    assert.equal(told({ leader: ME, connectedAtMs: 10_001 }), CONNECTION_LOST);
    assert.equal(told({ leader: 3n }), CONNECTION_LOST, 'a leader it has no connection to');
    assert.equal(told({ leader: OTHER, connectedAtMs: 10_000 }), PLAIN);
  });

  it('is not given to reads, and who asks the leader is told when there was none', () => {
    assert.equal(told({ leader: OTHER, connectedAtMs: 11_000, method: 'Range' }), PLAIN);
    assert.equal(told({ leader: 0n, method: 'Range' }), PLAIN);
    for (const method of ['MemberPromote', 'LeaseTimeToLive']) {
      assert.equal(told({ leader: OTHER, method }), PLAIN);
      assert.equal(told({ leader: 0n, method }), 'etcdserver: no leader');
    }
  });
});
