/**
 * Proves the contract of one machine with its caller: what a Ready holds, what a single voter does
 * at once, what is refused and why, and that nothing a peer says can make it throw or break it.
 */
import assert from 'node:assert/strict';
import type { RaftConfig, RestoredState } from '../../../src/kernel/raft/config.js';
import {
  checkMember,
  checkMemberStep,
  snapshotMember,
} from '../../../src/kernel/raft/invariants.js';
import type { Message } from '../../../src/kernel/raft/messages.js';
import { Raft } from '../../../src/kernel/raft/raft.js';
import type { Ready } from '../../../src/kernel/raft/ready.js';
import { EMPTY_HARD_STATE, type Entry } from '../../../src/kernel/raft/types.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { confStateOf } from './member-disk.js';

const CONFIG: RaftConfig = {
  id: 1n,
  electionTicks: 10,
  heartbeatTicks: 1,
  preVote: true,
  checkQuorum: true,
  maxMessageBytes: 1000,
  maxInflightMessages: 4,
  maxInflightBytes: 1000,
  maxUncommittedBytes: 100,
  electionJitter: () => 0,
};

function restored(voters: readonly number[], change: Partial<RestoredState> = {}): RestoredState {
  const mark = { index: 0, term: 0, confState: confStateOf(voters) };
  return { hardState: EMPTY_HARD_STATE, mark, entries: [], applied: 0, ...change };
}

/** Works off what is ready, and hands it all back. */
function drain(raft: Raft): Ready[] {
  const all: Ready[] = [];
  while (raft.hasReady()) {
    all.push(raft.ready());
    raft.advance();
  }
  return all;
}

function soleLeader(change: Partial<RaftConfig> = {}): Raft {
  const raft = new Raft({ ...CONFIG, ...change }, restored([1]));
  raft.campaign();
  drain(raft);
  return raft;
}

function entry(index: number, term: number): Entry {
  return { index, term, kind: 'normal', data: new Uint8Array([index]) };
}

describe('raft with a single voter', () => {
  it('leads at once, commits on its own persistence, and says each thing once', () => {
    const raft = new Raft(CONFIG, restored([1]));
    assert.equal(raft.hasReady(), false);
    raft.campaign();
    assert.equal(raft.role, 'leader');
    assert.equal(raft.immediateReadIndex(), undefined, 'nothing is committed in its term');
    const first = raft.ready();
    assert.deepEqual(first.softState, { leader: 1n, role: 'leader' });
    assert.deepEqual(first.hardState, { term: 1, vote: 1n, commit: 0 });
    assert.deepEqual(
      [first.mustSync, first.entries.length, first.committedEntries.length],
      [true, 1, 0],
    );
    assert.equal(first.entries[0]?.data.length, 0);
    raft.advance();
    const second = raft.ready();
    assert.deepEqual(second.hardState, { term: 1, vote: 1n, commit: 1 });
    assert.deepEqual(
      [second.mustSync, second.entries.length, second.committedEntries.length],
      [false, 0, 1],
    );
    assert.equal(second.softState, undefined);
    raft.advance();
    assert.equal(raft.hasReady(), false);
    assert.equal(raft.immediateReadIndex(), 1);
  });

  it('gives back the very bytes that were proposed, uncopied', () => {
    const raft = soleLeader();
    const data = [new Uint8Array([1]), new Uint8Array([2])];
    assert.deepEqual(raft.propose(data), { accepted: true, firstIndex: 2 });
    const [persist, apply] = drain(raft);
    assert.ok(persist?.entries.every((each, position) => each.data === data[position]));
    assert.equal(persist?.committedEntries.length, 0, 'nothing is applied before it is on disk');
    assert.ok(apply?.committedEntries.every((each, position) => each.data === data[position]));
    assert.equal(apply?.committedEntries.length, 2);
    assert.equal(raft.applied, 3);
  });

  it('hands out again what was not applied', () => {
    const raft = soleLeader();
    raft.propose([1, 2, 3].map((byte) => new Uint8Array([byte])));
    raft.ready();
    raft.advance();
    const first = raft.ready();
    assert.throws(() => raft.advance(5), /entry 5 is not in the Ready/);
    raft.advance(2);
    assert.equal(raft.applied, 2);
    const rest = raft.ready();
    assert.deepEqual(rest.committedEntries, first.committedEntries.slice(1));
    raft.advance();
    assert.equal(raft.applied, 4);
  });

  it('takes proposals while a Ready is out, into the next one', () => {
    const raft = soleLeader();
    raft.propose([new Uint8Array([1])]);
    const out = raft.ready();
    raft.propose([new Uint8Array([2])]);
    assert.equal(raft.hasReady(), false);
    assert.throws(() => raft.ready(), /not advanced/);
    assert.deepEqual(
      out.entries.map(({ index }) => index),
      [2],
    );
    raft.advance();
    assert.equal(raft.committed, 2, 'the second entry is not on disk');
    assert.deepEqual(
      raft.ready().entries.map(({ index }) => index),
      [3],
    );
    raft.advance();
    assert.throws(() => raft.advance(), /no Ready/);
  });

  it('answers reads without a round', () => {
    const raft = soleLeader();
    assert.deepEqual(raft.requestRead(1), { accepted: true });
    const [ready] = drain(raft);
    assert.deepEqual(ready?.readStates, [{ context: 1, index: 1 }]);
    assert.deepEqual([ready?.mustSync, ready?.entries.length], [false, 0]);
    assert.throws(() => raft.requestRead(1), /used before/);
  });

  it('is not ready for reads before it commits in its term', () => {
    const raft = new Raft(CONFIG, restored([1]));
    assert.deepEqual(raft.requestRead(1), { accepted: false, reason: 'no-leader' });
    raft.campaign();
    assert.deepEqual(raft.requestRead(1), { accepted: false, reason: 'not-ready' });
    drain(raft);
    assert.deepEqual(raft.requestRead(1), { accepted: true }, 'a refused context is not used up');
  });

  it('refuses beyond the uncommitted limit, but never the only proposal', () => {
    const raft = soleLeader();
    assert.equal(raft.propose([new Uint8Array(500)]).accepted, true);
    assert.deepEqual(raft.propose([new Uint8Array(1)]), {
      accepted: false,
      reason: 'uncommitted-limit',
    });
    drain(raft);
    assert.equal(raft.propose([new Uint8Array(60)]).accepted, true);
    assert.equal(raft.propose([new Uint8Array(40)]).accepted, true);
    assert.equal(raft.propose([new Uint8Array(1)]).accepted, false);
    drain(raft);
    assert.equal(raft.propose([new Uint8Array(100)]).accepted, true);
  });

  it('hands out what is to apply in portions', () => {
    const raft = soleLeader({ maxMessageBytes: 10, maxUncommittedBytes: 1000 });
    raft.propose([new Uint8Array(6), new Uint8Array(6), new Uint8Array(50), new Uint8Array(1)]);
    const portions = drain(raft).map(({ committedEntries }) => committedEntries.length);
    assert.deepEqual(portions, [0, 1, 1, 1, 1]);
  });

  it('comes back from what it had on disk, and forgets what it is told to', () => {
    const entries = [entry(1, 1), entry(2, 1), entry(3, 2)];
    const hardState = { term: 2, vote: 1n, commit: 2 };
    const raft = new Raft(CONFIG, restored([1], { hardState, entries, applied: 1 }));
    assert.deepEqual([raft.term, raft.committed, raft.applied, raft.lastIndex], [2, 2, 1, 3]);
    assert.deepEqual(
      drain(raft).flatMap((ready) => ready.committedEntries),
      [entries[1]],
    );
    raft.campaign();
    drain(raft);
    assert.deepEqual([raft.term, raft.applied, raft.lastIndex], [3, 4, 4]);
    raft.compactLog({ index: 3, term: 2, confState: raft.confState });
    assert.deepEqual([raft.firstIndex, raft.lastIndex, raft.immediateReadIndex()], [4, 4, 4]);
    raft.compactLog({ index: 4, term: 3, confState: raft.confState });
    assert.equal(raft.immediateReadIndex(), 4);
    assert.deepEqual(raft.propose([new Uint8Array(1)]), { accepted: true, firstIndex: 5 });
    drain(raft);
    assert.equal(raft.applied, 5);
  });

  it('trusts what was applied over a commit index that was not synced', () => {
    const entries = [entry(1, 1), entry(2, 1)];
    const hardState = { term: 1, vote: 1n, commit: 0 };
    const raft = new Raft(CONFIG, restored([1], { hardState, entries, applied: 2 }));
    assert.equal(raft.committed, 2);
    assert.deepEqual(
      drain(raft).map((ready) => ready.mustSync),
      [false],
    );
  });

  it('takes the term of a torn write from its entries, without a vote', () => {
    const raft = new Raft(CONFIG, restored([1, 2], { entries: [entry(1, 3)] }));
    assert.deepEqual([raft.term, raft.vote], [3, 0n]);
    assert.equal(drain(raft)[0]?.mustSync, true);
  });

  it('does not start from a state that lost something', () => {
    const hardState = { term: 1, vote: 0n, commit: 2 };
    assert.throws(() => new Raft(CONFIG, restored([1], { hardState, entries: [entry(1, 1)] })));
    assert.throws(() => new Raft({ ...CONFIG, id: 0n }, restored([1])), /id/);
  });
});

describe('raft among others', () => {
  const append = (change: Partial<Extract<Message, { kind: 'append' }>> = {}): Message => ({
    kind: 'append',
    from: 2n,
    to: 1n,
    term: 1,
    prevIndex: 0,
    prevTerm: 0,
    entries: [entry(1, 1), entry(2, 1)],
    commit: 0,
    ...change,
  });

  function follower(): Raft {
    const raft = new Raft(CONFIG, restored([1, 2, 3]));
    raft.step(append());
    drain(raft);
    return raft;
  }

  it('refuses proposals where it does not lead', () => {
    const raft = new Raft(CONFIG, restored([1, 2, 3]));
    assert.deepEqual(raft.propose([]), { accepted: false, reason: 'no-leader' });
    raft.step(append());
    assert.deepEqual(raft.propose([new Uint8Array(1)]), { accepted: false, reason: 'not-leader' });
    assert.equal(raft.immediateReadIndex(), undefined);
  });

  it('never changes a Ready that is out', () => {
    const raft = follower();
    raft.step(append({ commit: 1 }));
    raft.ready();
    raft.advance();
    raft.requestRead(1);
    const out = raft.ready();
    const before = structuredClone(out);
    raft.step(append({ prevIndex: 2, prevTerm: 1, entries: [entry(3, 1)] }));
    raft.requestRead(2);
    assert.deepEqual(out.messages, [], 'an answer that is not persisted must not slip in');
    assert.deepEqual(out, before);
  });

  it('withdraws an acknowledgement that a new term may make untrue', () => {
    const raft = follower();
    raft.step(append({ prevIndex: 2, prevTerm: 1, entries: [entry(3, 1)] }));
    raft.step(append({ from: 3n, term: 2, prevIndex: 2, prevTerm: 1, entries: [entry(3, 2)] }));
    const accepted = raft.ready().messages.filter(({ kind }) => kind === 'appendAccepted');
    assert.deepEqual(
      accepted.map(({ term }) => term),
      [2],
    );
  });

  it('bounds the commit index by what the append proves', () => {
    const raft = follower();
    // The entry at 2 may be another leader's; this append vouches for 1 only.
    raft.step(append({ prevIndex: 0, entries: [entry(1, 1)], commit: 2 }));
    assert.equal(raft.committed, 1);
    raft.step({ kind: 'heartbeat', from: 2n, to: 1n, term: 1, commit: 9, readRound: 0 });
    assert.equal(raft.committed, 1);
  });

  it('listens to one leader a term, and to no contradiction of what is committed', () => {
    const raft = follower();
    raft.step(append({ from: 3n, prevIndex: 2, prevTerm: 1, entries: [entry(3, 1)] }));
    assert.equal(raft.lastIndex, 2);
    raft.step(append({ commit: 2 }));
    raft.step(append({ from: 3n, term: 5, entries: [entry(1, 4), entry(2, 5)] }));
    assert.deepEqual([raft.termAt(1), raft.termAt(2), raft.committed], [1, 1, 2]);
  });

  it('does not fall for grants of another campaign', () => {
    const raft = new Raft(
      CONFIG,
      restored([1, 2, 3], { hardState: { term: 4, vote: 0n, commit: 0 } }),
    );
    raft.campaign();
    const grant = {
      kind: 'preVoteResponse',
      from: 2n,
      to: 1n,
      granted: true,
      commit: 0,
      commitTerm: 0,
    } as const;
    raft.step({ ...grant, term: 9 });
    raft.step({ ...grant, term: 4 });
    assert.equal(raft.role, 'pre-candidate');
    raft.step({ ...grant, term: 5 });
    assert.deepEqual([raft.role, raft.term], ['candidate', 5]);
    raft.step({
      kind: 'voteResponse',
      from: 9n,
      to: 1n,
      term: 5,
      granted: true,
      commit: 0,
      commitTerm: 0,
    });
    assert.equal(raft.role, 'candidate', 'a stranger has no vote');
  });

  it('learns from a refusal where to go on, and nothing of a match', () => {
    const entries = [entry(1, 1), entry(2, 1), entry(3, 4)];
    const hardState = { term: 4, vote: 0n, commit: 1 };
    const raft = new Raft({ ...CONFIG, preVote: false }, restored([1, 2], { hardState, entries }));
    raft.campaign();
    drain(raft);
    raft.step({
      kind: 'voteResponse',
      from: 2n,
      to: 1n,
      term: 5,
      granted: true,
      commit: 0,
      commitTerm: 0,
    });
    drain(raft);
    // The other has 2/3 where this one has 2/1: the hint is no proof.
    const refusal = { rejectedIndex: 3, hintIndex: 2, hintTerm: 3 };
    raft.step({ kind: 'appendRejected', from: 2n, to: 1n, term: 5, ...refusal });
    assert.equal(raft.progressOf(2n)?.match, 0);
    assert.equal(raft.progressOf(2n)?.next, 3);
    assert.equal(raft.committed, 1);
  });

  it('survives whatever a peer may say, and keeps its invariants', () => {
    const seed = Number(process.env['TIDELOCK_SEED'] ?? 7);
    const random = new SimRandom(seed);
    for (let round = 0; round < 60; round++) {
      const raft = new Raft(CONFIG, restored([1, 2, 3]));
      if (random.below(2) === 0) raft.campaign();
      for (let turn = 0; turn < 100; turn++) {
        const inputs = [
          () => raft.step(hostile(random)),
          () => random.below(5) === 0 && raft.tick(),
          () => random.below(9) === 0 && raft.campaign(),
          () => raft.propose([new Uint8Array(1)]),
        ];
        for (const input of inputs) {
          const before = snapshotMember(raft);
          input();
          checkMember(raft);
          checkMemberStep(before, raft);
        }
        if (random.below(3) === 0) drain(raft);
      }
    }
  });
});

const STRANGE = [0, 1, 1, 2, 2, 3, 3, 4, 9, -1, 0.5, Number.NaN, 2 ** 52, Number.MAX_VALUE];

function hostile(random: SimRandom): Message {
  const number = (): number => STRANGE[random.below(STRANGE.length)] ?? 0;
  const envelope = { from: BigInt(random.below(5) - 1), to: 1n, term: number() };
  const granted = random.below(2) === 0;
  const known = { commit: number(), commitTerm: number() };
  const entries = Array.from({ length: random.below(4) }, (_, at): Entry => {
    return { index: random.below(4) + at, term: number(), kind: 'normal', data: new Uint8Array(1) };
  });
  const confState = confStateOf([random.below(4), 2 + random.below(3)], [random.below(5)]);
  const bodies = [
    { kind: 'vote', lastIndex: number(), lastTerm: number(), force: granted, ...known },
    { kind: 'preVote', lastIndex: number(), lastTerm: number(), force: granted, ...known },
    { kind: 'voteResponse', granted, ...known },
    { kind: 'preVoteResponse', granted, ...known },
    { kind: 'append', prevIndex: number(), prevTerm: number(), entries, commit: number() },
    { kind: 'appendAccepted', matchIndex: number() },
    { kind: 'appendRejected', rejectedIndex: number(), hintIndex: number(), hintTerm: number() },
    { kind: 'heartbeat', commit: number(), readRound: number() },
    { kind: 'heartbeatResponse', readRound: number() },
    { kind: 'readIndex', context: number() },
    { kind: 'readIndexResponse', context: number(), index: number() },
    { kind: 'snapshot', mark: { index: number(), term: number(), confState } },
    { kind: 'timeoutNow' },
  ] as const;
  return { ...envelope, ...(bodies[random.below(bodies.length)] ?? bodies[0]) };
}
