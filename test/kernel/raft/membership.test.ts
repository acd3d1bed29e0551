/**
 * Proves what a machine refuses and does around a change of the configuration, a transfer of
 * leadership and a snapshot, where a transcript would not show it.
 */
import assert from 'node:assert/strict';
import { LEAVE_JOINT } from '../../../src/kernel/raft/conf-change.js';
import type { RaftConfig, RestoredState } from '../../../src/kernel/raft/config.js';
import type { Message, SnapshotMessage } from '../../../src/kernel/raft/messages.js';
import { Raft } from '../../../src/kernel/raft/raft.js';
import type { Ready } from '../../../src/kernel/raft/ready.js';
import { EMPTY_CONF_STATE, EMPTY_HARD_STATE, type Entry } from '../../../src/kernel/raft/types.js';
import { changeData, changeOf, describeConf, parseChange } from './change-text.js';
import { confStateOf } from './member-disk.js';

const CONFIG: RaftConfig = {
  id: 1n,
  electionTicks: 10,
  heartbeatTicks: 1,
  preVote: false,
  checkQuorum: true,
  maxMessageBytes: 1000,
  maxInflightMessages: 4,
  maxInflightBytes: 1000,
  maxUncommittedBytes: 100,
  electionJitter: () => 0,
};

function machine(
  voters: readonly number[],
  change: Partial<RestoredState> = {},
  config: Partial<RaftConfig> = {},
): Raft {
  const mark = { index: 0, term: 0, confState: confStateOf(voters) };
  const restored = { hardState: EMPTY_HARD_STATE, mark, entries: [], applied: 0, ...change };
  return new Raft({ ...CONFIG, ...config }, restored);
}

/** Works off what is ready, applying changes on the way. */
function drain(raft: Raft): Ready[] {
  const all: Ready[] = [];
  while (raft.hasReady()) {
    const ready = raft.ready();
    for (const entry of ready.committedEntries) {
      if (entry.kind === 'config') raft.applyConfChange(changeOf(entry));
    }
    raft.advance();
    all.push(ready);
  }
  return all;
}

function sent(readies: readonly Ready[]): Message[] {
  return readies.flatMap((ready) => [...ready.messagesBeforePersist, ...ready.messages]);
}

/** A leader of term 1 over voters 1..3 that has committed its first entry. */
function leader(config: Partial<RaftConfig> = {}): Raft {
  const raft = machine([1, 2, 3], {}, config);
  raft.campaign();
  drain(raft);
  const known = { commit: 0, commitTerm: 0 };
  raft.step({ kind: 'voteResponse', from: 2n, to: 1n, term: 1, granted: true, ...known });
  drain(raft);
  accept(raft, 2n);
  assert.equal(raft.applied, 1);
  return raft;
}

function accept(raft: Raft, from: bigint, matchIndex = raft.lastIndex): Ready[] {
  raft.step({ kind: 'appendAccepted', from, to: 1n, term: raft.term, matchIndex });
  return drain(raft);
}

function propose(raft: Raft, text: string): string {
  const change = parseChange(text);
  const result = raft.proposeConfChange(change, changeData(change));
  return result.accepted ? 'accepted' : result.reason;
}

const config = (index: number, term: number, text: string): Entry => {
  return { index, term, kind: 'config', data: changeData(parseChange(text)) };
};

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

describe('snapshots', () => {
  const snapshot = (index: number, term = 1): SnapshotMessage => {
    const mark = { index, term, confState: confStateOf([1, 2, 3]) };
    return { kind: 'snapshot', from: 2n, to: 1n, term: 2, mark };
  };
  const blank = { mark: { index: 0, term: 0, confState: EMPTY_CONF_STATE } };

  it('give a member that knows nothing its beginning', () => {
    const raft = machine([], blank);
    assert.equal(raft.promotable, false);
    raft.step(snapshot(7));
    raft.campaign();
    assert.equal(raft.role, 'follower', 'it is not installed yet');
    const ready = raft.ready();
    assert.deepEqual([ready.snapshot?.index, ready.mustSync], [7, true]);
    assert.deepEqual(ready.hardState, { term: 2, vote: 0n, commit: 7 });
    assert.equal(raft.promotable, false);
    raft.advance();
    assert.deepEqual([raft.promotable, raft.applied, raft.lastIndex], [true, 7, 7]);
  });

  it('that come while a Ready is out wait for its end, the newest of them', () => {
    const raft = machine([1, 2]);
    const entries = [config(1, 1, 'simple +4'), config(2, 1, 'simple +3')];
    raft.step({
      kind: 'append',
      from: 2n,
      to: 1n,
      term: 2,
      prevIndex: 0,
      prevTerm: 0,
      entries,
      commit: 2,
    });
    raft.ready();
    raft.advance();
    const ready = raft.ready();
    raft.step(snapshot(8));
    raft.step(snapshot(6));
    for (const entry of ready.committedEntries) raft.applyConfChange(changeOf(entry));
    assert.deepEqual([describeConf(raft.confState), raft.committed], ['1 2 3 4', 2]);
    raft.advance();
    assert.deepEqual([describeConf(raft.confState), raft.committed], ['1 2 3', 8]);
    assert.equal(raft.ready().snapshot?.index, 8);
  });

  it('of an earlier term are news all the same, but never to a leader', () => {
    const raft = machine([1, 2, 3], { hardState: { term: 5, vote: 0n, commit: 0 } });
    raft.step(snapshot(4));
    assert.deepEqual([raft.committed, raft.term, raft.leader], [4, 5, 0n]);
    const leads = leader();
    leads.step({ ...snapshot(9), term: 1 });
    assert.equal(leads.committed, 1);
  });

  it('never go below the commit index', () => {
    const entries: Entry[] = [1, 2, 3].map((index) => {
      return { index, term: 1, kind: 'normal', data: new Uint8Array(1) };
    });
    const raft = machine([1, 2, 3], { entries, hardState: { term: 1, vote: 0n, commit: 2 } });
    raft.step(snapshot(2));
    raft.step(snapshot(1));
    assert.deepEqual([raft.committed, raft.lastIndex, raft.firstIndex], [2, 3, 1]);
    raft.step(snapshot(3));
    assert.deepEqual([raft.committed, raft.firstIndex], [3, 1], 'the log has it already');
    assert.ok(drain(raft).every((ready) => ready.snapshot === undefined));
  });

  it('are asked for once, not for who is silent, and again when one has failed', () => {
    const raft = leader();
    raft.propose([new Uint8Array(1)]);
    drain(raft);
    accept(raft, 2n);
    raft.compactLog({ index: 2, term: 1, confState: raft.confState });
    const asked = (): number =>
      sent(drain(raft)).filter(({ kind, to }) => kind === 'snapshot' && to === 3n).length;
    const heartbeatResponse = (): void =>
      raft.step({ kind: 'heartbeatResponse', from: 3n, to: 1n, term: 1, readRound: 0 });
    raft.propose([new Uint8Array(1)]);
    assert.equal(asked(), 0, '3 was never heard');
    heartbeatResponse();
    assert.equal(asked(), 1);
    assert.equal(raft.progressOf(3n)?.state, 'snapshot');
    heartbeatResponse();
    raft.propose([new Uint8Array(1)]);
    assert.equal(asked(), 0);
    raft.snapshotReported(3n, false);
    assert.equal(asked(), 0);
    heartbeatResponse();
    assert.equal(asked(), 1);
    raft.snapshotReported(3n, true);
    assert.deepEqual([raft.progressOf(3n)?.state, raft.progressOf(3n)?.next], ['probe', 3]);
    raft.snapshotReported(3n, false);
    assert.equal(raft.progressOf(3n)?.next, 3, 'a report too many changes nothing');
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
