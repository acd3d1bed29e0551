/**
 * Proves what a machine refuses and does around a change of the configuration, where a transcript
 * would not show it.
 */
import assert from 'node:assert/strict';
import { LEAVE_JOINT } from '../../../src/kernel/raft/conf-change.js';
import { describeConf, parseChange } from './change-text.js';
import { confStateOf } from './member-disk.js';
import { machine, drain, leader, accept, propose, config } from './machine.js';

describe('changes of the configuration', () => {
  it('are refused where they cannot be led', () => {
    const raft = machine([1, 2, 3]);
    assert.equal(propose(raft, 'simple -2'), 'no-leader');
    raft.step({ kind: 'heartbeat', from: 2n, to: 1n, term: 1, commit: 0, readRound: 0 });
    assert.equal(propose(raft, 'simple -2'), 'not-leader');
  });

  it('are refused without data, beyond the uncommitted limit, and where they are impossible', () => {
    const raft = leader();
    const add = parseChange('simple +4');
    const refusal = { accepted: false, reason: 'bad-conf-change' };
    assert.deepEqual(raft.proposeConfChange(add, new Uint8Array(0)), refusal);
    assert.deepEqual(raft.proposeConfChange(LEAVE_JOINT, new Uint8Array(0)), refusal);
    raft.propose([new Uint8Array(95)]);
    assert.equal(propose(raft, 'simple +4'), 'uncommitted-limit');
    accept(raft, 2n);
    assert.equal(propose(raft, 'simple +4'), 'accepted');
  });

  it('wait for what an earlier leader may have left in the log', () => {
    const entries = [config(1, 1, 'simple -3')];
    const hardState = { term: 1, vote: 0n, commit: 0 };
    const raft = machine([1, 2, 3], { entries, hardState });
    raft.campaign();
    drain(raft);
    const known = { commit: 0, commitTerm: 0 };
    raft.step({ kind: 'voteResponse', from: 2n, to: 1n, term: 2, granted: true, ...known });
    drain(raft);
    assert.equal(propose(raft, 'simple -2'), 'not-ready');
    raft.step({ kind: 'appendAccepted', from: 2n, to: 1n, term: 2, matchIndex: 2 });
    assert.equal(raft.committed, 2);
    assert.equal(propose(raft, 'simple -2'), 'conf-change-pending');
    drain(raft);
    assert.equal(describeConf(raft.confState), '1 2');
    assert.equal(propose(raft, 'simple -2'), 'accepted');
  });

  it('count by the new configuration as soon as it is applied, not before', () => {
    const raft = leader();
    assert.equal(propose(raft, 'simple -3'), 'accepted');
    raft.propose([new Uint8Array(1)]);
    raft.ready();
    raft.advance();
    // 2 has the change, not the entry behind it.
    raft.step({ kind: 'appendAccepted', from: 2n, to: 1n, term: 1, matchIndex: 2 });
    assert.equal(raft.committed, 2);
    drain(raft);
    assert.equal(raft.progressOf(3n), undefined);
    accept(raft, 3n);
    assert.equal(raft.committed, 2, 'who was removed does not count');
    accept(raft, 2n);
    assert.equal(raft.committed, 3);
  });

  it('commit what a smaller quorum has already', () => {
    const raft = leader();
    propose(raft, 'simple -3');
    raft.ready();
    raft.advance();
    raft.step({ kind: 'appendAccepted', from: 3n, to: 1n, term: 1, matchIndex: 2 });
    drain(raft);
    propose(raft, 'simple -2');
    raft.propose([new Uint8Array(1)]);
    drain(raft);
    accept(raft, 2n, 3);
    assert.deepEqual([raft.committed, describeConf(raft.confState)], [4, '1']);
  });

  it('keep who has not applied them from campaigning', () => {
    const entries = [config(1, 1, 'simple -3')];
    const raft = machine([1, 2, 3], { entries, hardState: { term: 1, vote: 0n, commit: 1 } });
    raft.campaign();
    for (let tick = 0; tick < 30; tick++) raft.tick();
    assert.equal(raft.role, 'follower');
    drain(raft);
    raft.campaign();
    assert.equal(raft.role, 'candidate');
  });

  it('silence who was removed, until it comes back', () => {
    const raft = machine([1, 2, 3]);
    raft.applyConfChange(parseChange('simple -3'));
    const vote = { kind: 'vote', from: 3n, to: 1n, term: 5, lastIndex: 0, lastTerm: 0 } as const;
    const request = { ...vote, force: true, commit: 0, commitTerm: 0 };
    raft.step(request);
    assert.equal(raft.term, 0);
    raft.applyConfChange(parseChange('simple ~3'));
    raft.step(request);
    assert.equal(raft.term, 5);
  });

  it('are not applied if they are impossible', () => {
    assert.throws(() => machine([1]).applyConfChange(parseChange('simple -1')), /impossible/);
    assert.throws(() => machine([1]).applyConfChange(LEAVE_JOINT), /not joint/);
  });

  it('come back after a restart with the applied state, not with the mark', () => {
    const entries = [config(1, 1, 'simple +2'), config(2, 1, 'simple +3')];
    const hardState = { term: 1, vote: 0n, commit: 2 };
    const confState = confStateOf([1, 2]);
    const raft = machine([1], { entries, hardState, applied: 1, confState });
    assert.equal(describeConf(raft.confState), '1 2');
    drain(raft);
    assert.equal(describeConf(raft.confState), '1 2 3');
    assert.throws(() => machine([1], { entries, hardState, applied: 1 }), /is not given/);
  });

  it('do not let a new member bring its leader down before it could answer', () => {
    const raft = leader();
    propose(raft, 'simple -2');
    accept(raft, 3n);
    propose(raft, 'simple +4');
    accept(raft, 3n);
    raft.step({ kind: 'heartbeatResponse', from: 3n, to: 1n, term: 1, readRound: 0 });
    for (let tick = 0; tick < 10; tick++) raft.tick();
    assert.equal(raft.role, 'leader');
  });
});

describe('leaving a joint configuration', () => {
  it('is proposed by a later leader too, after a commit of its own', () => {
    const confState = {
      ...confStateOf([1, 2]),
      votersOutgoing: [1n, 2n, 3n],
      autoLeave: true,
    };
    const raft = machine([1], { mark: { index: 0, term: 0, confState } });
    raft.campaign();
    drain(raft);
    const known = { commit: 0, commitTerm: 0 };
    raft.step({ kind: 'voteResponse', from: 2n, to: 1n, term: 1, granted: true, ...known });
    drain(raft);
    raft.tick();
    assert.equal(raft.lastIndex, 1);
    accept(raft, 2n);
    assert.deepEqual([raft.lastIndex, raft.entryAt(2)?.kind], [2, 'config']);
    raft.tick();
    assert.equal(raft.lastIndex, 2, 'once');
    accept(raft, 2n);
    assert.equal(describeConf(raft.confState), '1 2');
  });
});

describe('what votes tell of commits', () => {
  it('is believed only where the log has that very entry', () => {
    const entries = [config(1, 1, 'simple -3')];
    const hardState = { term: 3, vote: 0n, commit: 0 };
    const raft = machine([1, 2, 3], { entries, hardState });
    raft.campaign();
    const refusal = { kind: 'voteResponse', from: 2n, to: 1n, term: 4, granted: false } as const;
    raft.step({ ...refusal, commit: 1, commitTerm: 2 });
    raft.step({ ...refusal, commit: 2, commitTerm: 1 });
    assert.deepEqual([raft.committed, raft.role], [0, 'candidate']);
    raft.step({ ...refusal, commit: 1, commitTerm: 1 });
    assert.deepEqual([raft.committed, raft.role], [1, 'follower']);
  });
});
