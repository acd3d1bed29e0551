/**
 * Proves what a follower does that is told that its leader's process has ended: it helps others to
 * replace the leader at once and campaigns itself when asked to, by way of pre-votes; and that a
 * wrong word of that kind, or one too many, changes nothing where a leader is heard.
 */
import assert from 'node:assert/strict';
import type { RaftConfig } from '../../../src/kernel/raft/config.js';
import type { Message } from '../../../src/kernel/raft/messages.js';
import type { Raft } from '../../../src/kernel/raft/raft.js';
import type { Entry } from '../../../src/kernel/raft/types.js';
import { confStateOf } from './member-disk.js';
import { drain, leader, machine, sent } from './machine.js';

const ELECTION_TICKS = 10;
const BEAT = { kind: 'heartbeat', to: 1n, commit: 0, readRound: 0 } as const;

/** Member 1 of three, which has heard member 3 lead term 1. */
function follower(voters: readonly number[] = [1, 2, 3], config: Partial<RaftConfig> = {}): Raft {
  const raft = machine(voters, {}, { preVote: true, ...config });
  raft.step({ ...BEAT, from: 3n, term: 1 });
  drain(raft);
  return raft;
}

type Members = ReadonlyMap<bigint, Raft>;

function three(entries: Readonly<Record<string, readonly Entry[]>> = {}): Members {
  const hardState = { term: 1, vote: 0n, commit: 0 };
  return new Map(
    [1n, 2n, 3n].map((id) => {
      const restored = { hardState, entries: entries[String(id)] ?? [] };
      return [id, machine([1, 2, 3], restored, { id, preVote: true })];
    }),
  );
}

/** Each round carries what all have sent in the one before, in order. */
function deliverAll(members: Members): void {
  for (let round = 0; round < 20; round++) {
    for (const message of [...members.values()].flatMap((raft) => sent(drain(raft)))) {
      members.get(message.to)?.step(message);
    }
  }
}

function ask(raft: Raft, kind: 'vote' | 'preVote', term: number): Message | undefined {
  const log = { lastIndex: 0, lastTerm: 0, commit: 0, commitTerm: 0 };
  raft.step({ kind, from: 2n, to: 1n, term, force: false, ...log });
  return sent(drain(raft)).at(-1);
}

describe('a follower whose leader is said to be gone', () => {
  it('gives its word at once, where it was silent before', () => {
    const raft = follower();
    assert.equal(ask(raft, 'preVote', 2), undefined, 'it hears a leader');
    assert.equal(raft.leaderGone(3n), true);
    assert.deepEqual([raft.role, raft.leader, raft.term, raft.vote], ['follower', 0n, 1, 0n]);
    const answer = ask(raft, 'preVote', 2);
    assert.ok(answer?.kind === 'preVoteResponse' && answer.granted);
    const vote = ask(raft, 'vote', 2);
    assert.ok(vote?.kind === 'voteResponse' && vote.granted);
    assert.equal(raft.vote, 2n);
  });

  it('answers who asked while it waited for the leader to be heard, and not who asked before', () => {
    const raft = follower();
    ask(raft, 'preVote', 2);
    raft.leaderGone(3n);
    const answer = sent(drain(raft)).at(-1);
    assert.ok(answer?.kind === 'preVoteResponse' && answer.granted && answer.to === 2n);
    raft.succeed();
    assert.equal(raft.role, 'follower', 'it gave its word');
    const other = follower();
    ask(other, 'preVote', 2);
    other.step({ ...BEAT, from: 3n, term: 1 });
    drain(other);
    other.leaderGone(3n);
    assert.deepEqual(sent(drain(other)), []);
  });

  it('says nothing by itself, and asks for pre-votes when its turn comes', () => {
    for (const preVote of [true, false]) {
      const raft = follower([1, 2, 3], { preVote });
      raft.leaderGone(3n);
      assert.deepEqual(sent(drain(raft)), []);
      raft.succeed();
      assert.deepEqual([raft.role, raft.term], ['pre-candidate', 1]);
      const asked = sent(drain(raft));
      assert.deepEqual(
        asked.map(({ kind, to, term }) => [kind, to, term]),
        [
          ['preVote', 2n, 2],
          ['preVote', 3n, 2],
        ],
      );
      const known = { commit: 0, commitTerm: 0 };
      const grant = { from: 2n, to: 1n, term: 2, granted: true, ...known };
      raft.step({ kind: 'preVoteResponse', ...grant });
      assert.deepEqual([raft.role, raft.term], ['candidate', 2], 'without a tick in between');
      drain(raft);
      raft.step({ kind: 'voteResponse', ...grant });
      assert.equal(raft.role, 'leader');
    }
  });

  it('follows it again as soon as it is heard, and does not campaign', () => {
    const raft = follower();
    raft.leaderGone(3n);
    raft.step({ ...BEAT, from: 3n, term: 1 });
    raft.succeed();
    assert.deepEqual([raft.role, raft.leader], ['follower', 3n]);
    drain(raft);
    assert.equal(ask(raft, 'preVote', 2), undefined, 'it hears a leader');
  });

  it('goes back to a leader that it asked to replace', () => {
    const raft = follower();
    raft.leaderGone(3n);
    raft.succeed();
    drain(raft);
    raft.step({ ...BEAT, from: 3n, term: 1 });
    assert.deepEqual([raft.role, raft.leader, raft.term], ['follower', 3n, 1]);
  });

  it('does not stand against whom it gave its word, until its own time is over', () => {
    const raft = follower();
    raft.leaderGone(3n);
    ask(raft, 'preVote', 2);
    raft.succeed();
    assert.equal(raft.role, 'follower');
    for (let tick = 0; tick < ELECTION_TICKS; tick++) raft.tick();
    assert.equal(raft.role, 'pre-candidate');
  });

  it('does not stand in a later term, whoever led the one before', () => {
    const raft = follower();
    raft.leaderGone(3n);
    raft.step({ ...BEAT, from: 2n, term: 2 });
    raft.succeed();
    assert.deepEqual([raft.role, raft.leader], ['follower', 2n]);
    assert.equal(raft.leaderGone(3n), false, 'it follows another one');
    assert.equal(raft.leaderGone(2n), true, 'another term, another leader');
  });

  it('believes it once in a term', () => {
    const raft = follower();
    assert.equal(raft.leaderGone(3n), true);
    raft.step({ ...BEAT, from: 3n, term: 1 });
    assert.equal(raft.leaderGone(3n), false);
    raft.succeed();
    assert.deepEqual([raft.role, raft.leader], ['follower', 3n]);
  });

  it('campaigns when its time is over, told or not', () => {
    const raft = follower();
    for (let tick = 0; tick < ELECTION_TICKS - 1; tick++) raft.tick();
    raft.leaderGone(3n);
    raft.tick();
    assert.equal(raft.role, 'pre-candidate');
  });
});

describe('two that ask for pre-votes at once', () => {
  function rolesAfter(members: Members, ...asking: readonly bigint[]): unknown[] {
    for (const id of asking) members.get(id)?.campaign();
    deliverAll(members);
    return [...members.values()].map(({ role, leader: known, term }) => [role, known, term]);
  }

  it('do not take the votes from each other: the lower id goes on', () => {
    for (const asking of [
      [1n, 2n],
      [2n, 1n],
    ]) {
      const members = new Map([...three()].slice(0, 2));
      assert.deepEqual(rolesAfter(members, ...asking), [
        ['leader', 1n, 2],
        ['follower', 1n, 2],
      ]);
    }
    assert.deepEqual(rolesAfter(three(), 1n, 2n, 3n), [
      ['leader', 1n, 2],
      ['follower', 1n, 2],
      ['follower', 1n, 2],
    ]);
  });

  it('leave it to the one that has more of the log', () => {
    const entry: Entry = { index: 1, term: 1, kind: 'normal', data: new Uint8Array(1) };
    const members = new Map([...three({ 2: [entry] })].slice(0, 2));
    assert.deepEqual(rolesAfter(members, 1n, 2n), [
      ['follower', 2n, 2],
      ['leader', 2n, 2],
    ]);
  });
});

describe('the word that a leader is gone', () => {
  it('means nothing to whoever follows nobody, or another one', () => {
    const raft = machine([1, 2, 3], {}, { preVote: true });
    assert.equal(raft.leaderGone(3n), false);
    assert.equal(raft.leaderGone(0n), false, 'nobody cannot go');
    raft.succeed();
    assert.equal(raft.role, 'follower', 'it was not told');
    raft.campaign();
    assert.equal(raft.leaderGone(0n), false);
    assert.equal(raft.role, 'pre-candidate');
    assert.equal(follower().leaderGone(2n), false);
  });

  it('means nothing to a leader', () => {
    const raft = leader();
    assert.equal(raft.leaderGone(1n), false);
    assert.equal(raft.leaderGone(2n), false);
    raft.succeed();
    assert.deepEqual([raft.role, raft.leader, raft.term], ['leader', 1n, 1]);
  });

  it('lets nobody campaign who has no vote', () => {
    const confState = confStateOf([2, 3], [1]);
    const learner = machine([], { mark: { index: 0, term: 0, confState } });
    learner.step({ ...BEAT, from: 3n, term: 1 });
    assert.equal(learner.leaderGone(3n), true);
    learner.succeed();
    assert.equal(learner.role, 'follower');
    const removed = follower([2, 3]);
    removed.leaderGone(3n);
    removed.succeed();
    assert.equal(removed.role, 'follower');
  });

  it('costs no vote that was given: a term has one leader', () => {
    const raft = machine([1, 2, 3], {}, { preVote: true });
    assert.equal(ask(raft, 'vote', 1)?.kind, 'voteResponse');
    raft.step({ ...BEAT, from: 2n, term: 1 });
    raft.leaderGone(2n);
    const log = { lastIndex: 5, lastTerm: 0, commit: 0, commitTerm: 0 };
    raft.step({ kind: 'vote', from: 3n, to: 1n, term: 1, force: false, ...log });
    const answer = sent(drain(raft)).at(-1);
    assert.ok(answer?.kind === 'voteResponse' && !answer.granted);
    assert.equal(raft.vote, 2n);
  });

  it('does not depose a leader that the others hear', () => {
    const members = three();
    const deliver = (): void => deliverAll(members);
    members.get(3n)?.campaign();
    deliver();
    const states = (): unknown[] =>
      [...members.values()].map(({ role, leader: known, term }) => [role, known, term]);
    const before = states();
    assert.deepEqual(before[2], ['leader', 3n, 2]);
    const misled = members.get(1n);
    assert.equal(misled?.leaderGone(3n), true);
    misled?.succeed();
    deliver();
    assert.deepEqual(states()[0], ['pre-candidate', 0n, 2], 'nobody answers it');
    assert.deepEqual(states().slice(1), before.slice(1));
    members.get(3n)?.tick();
    deliver();
    assert.deepEqual(states(), before);
  });
});
