/**
 * Proves who leads and for how long: hand-overs, steps down after a pause, and the check of the
 * quorum, each of which heeds voters alone.
 */
import assert from 'node:assert/strict';
import { confStateOf } from './member-disk.js';
import { machine, drain, sent, leader } from './machine.js';

describe('transfer of leadership', () => {
  it('heeds only the leader, and only who votes', () => {
    const raft = machine([1, 2, 3]);
    const now = { kind: 'timeoutNow', to: 1n, term: 1 } as const;
    raft.step({ ...now, from: 2n });
    assert.equal(raft.term, 0, 'of a term that is not ours');
    raft.step({ kind: 'heartbeat', from: 2n, to: 1n, term: 1, commit: 0, readRound: 0 });
    raft.step({ ...now, from: 3n });
    assert.equal(raft.role, 'follower');
    raft.step({ ...now, from: 2n });
    assert.deepEqual([raft.role, raft.term], ['candidate', 2]);
    const learner = machine([2, 3]);
    learner.step({ kind: 'heartbeat', from: 2n, to: 1n, term: 1, commit: 0, readRound: 0 });
    learner.step({ ...now, from: 2n });
    assert.equal(learner.role, 'follower');
  });

  it('is repeated for nobody, redirected on demand, and over after a timeout', () => {
    const raft = leader();
    assert.equal(raft.transferLeadership(2n), true);
    assert.equal(raft.transferLeadership(2n), true);
    const told = sent(drain(raft)).filter(({ kind }) => kind === 'timeoutNow');
    assert.equal(told.length, 1);
    assert.equal(raft.transferLeadership(3n), true);
    assert.equal(raft.transferee, 3n);
    for (let tick = 0; tick < 9; tick++) raft.tick();
    assert.equal(raft.transferee, 3n);
    raft.tick();
    assert.equal(raft.transferee, 0n);
  });
});

describe('stepping down', () => {
  it('is for leaders, and after a pause only where there may be another', () => {
    const raft = leader();
    raft.pauseNoticed();
    assert.deepEqual([raft.role, raft.leader], ['follower', 0n]);
    const alone = machine([1]);
    alone.campaign();
    drain(alone);
    alone.pauseNoticed();
    assert.equal(alone.role, 'leader');
    alone.stepDown();
    assert.equal(alone.role, 'follower');
  });

  it('gives a follower that stood still a whole timeout', () => {
    const raft = machine([1, 2, 3]);
    for (let tick = 0; tick < 9; tick++) raft.tick();
    raft.pauseNoticed();
    for (let tick = 0; tick < 9; tick++) raft.tick();
    assert.equal(raft.role, 'follower');
    raft.tick();
    assert.equal(raft.role, 'candidate');
  });
});

describe('the check of the quorum', () => {
  it('hears voters, not learners', () => {
    const confState = confStateOf([1, 2], [3]);
    const raft = machine([1], { mark: { index: 0, term: 0, confState } });
    raft.campaign();
    drain(raft);
    const known = { commit: 0, commitTerm: 0 };
    raft.step({ kind: 'voteResponse', from: 2n, to: 1n, term: 1, granted: true, ...known });
    const heard = (from: bigint): void => {
      raft.step({ kind: 'heartbeatResponse', from, to: 1n, term: 1, readRound: 0 });
      for (let tick = 0; tick < 10; tick++) raft.tick();
    };
    heard(2n);
    assert.equal(raft.role, 'leader');
    heard(3n);
    assert.equal(raft.role, 'follower');
  });
});
