/** Proves that the invariant checks see what they are there to see, and accept what is sound. */
import assert from 'node:assert/strict';
import { ClusterInvariants } from '../../../src/kernel/raft/cluster-invariants.js';
import {
  checkMember,
  checkMemberStep,
  type MemberView,
  snapshotMember,
} from '../../../src/kernel/raft/invariants.js';
import type { Entry } from '../../../src/kernel/raft/types.js';
import { confStateOf } from './member-disk.js';

type Change = Partial<MemberView> & { readonly terms?: readonly number[] };

/** A sound leader of term 2 with three entries, but for what is changed. */
function member({ terms = [1, 2, 2], ...change }: Change = {}): MemberView {
  const entries = terms.map((term, position): Entry => {
    return { index: position + 1, term, kind: 'normal', data: new Uint8Array([term]) };
  });
  return {
    id: 1n,
    term: 2,
    vote: 1n,
    role: 'leader',
    leader: 1n,
    firstIndex: 1,
    applied: 1,
    committed: 2,
    persisted: 3,
    lastIndex: terms.length,
    confState: confStateOf([1, 2, 3]),
    transferee: 0n,
    termAt: (index) => (index === 0 ? 0 : entries[index - 1]?.term),
    entryAt: (index) => entries[index - 1],
    progressOf: () => ({ match: 2, next: 4 }),
    ...change,
  };
}

describe('invariants of a member', () => {
  it('hold for a sound one', () => {
    checkMember(member());
    checkMemberStep(snapshotMember(member()), member());
  });

  const broken: readonly [string, Change, RegExp][] = [
    ['applied beyond committed', { applied: 3 }, /applied 3 is beyond committed/],
    ['applied beyond the disk', { persisted: 0 }, /beyond persisted 0/],
    ['committed beyond the end', { committed: 4 }, /beyond the last entry 3/],
    ['persisted beyond the end', { persisted: 4 }, /persisted 4 is beyond/],
    ['terms that fall', { terms: [1, 2, 1] }, /older than before/],
    ['a log of a later term', { term: 1, role: 'follower', leader: 0n }, /the log ends in term 2/],
    ['a leader without its own vote', { vote: 2n }, /leads with vote 2/],
    ['a candidate that knows a leader', { role: 'candidate' }, /campaigns with/],
    ['one that follows itself', { role: 'follower' }, /follows itself/],
    ['a peer that is not followed', { progressOf: () => undefined }, /does not follow peer 2/],
    ['next at match', { progressOf: () => ({ match: 2, next: 2 }) }, /match 2, next 2/],
    ['next beyond the end', { progressOf: () => ({ match: 2, next: 5 }) }, /next 5 of 3/],
  ];
  for (const [name, change, message] of broken) {
    it(`see ${name}`, () => assert.throws(() => checkMember(member(change)), message));
  }

  const steps: readonly [string, Change, RegExp][] = [
    ['a term that falls', { term: 1 }, /the term went back/],
    ['a commit that falls', { committed: 1 }, /committed went back/],
    ['applied that falls', { applied: 0 }, /applied went back/],
    ['a committed entry that changes', { terms: [1, 1, 2] }, /committed entry 2 changed/],
    ['a vote that moves', { vote: 3n }, /the vote moved/],
    ['a second leader of a term', { role: 'follower', leader: 2n }, /a second leader, 2/],
    ['a leader that becomes a candidate', { role: 'candidate', leader: 0n }, /became candidate/],
    ['a leader that shortens its log', { terms: [1, 2] }, /shortened/],
    ['pre-votes that raise the term', { role: 'pre-candidate', term: 3 }, /raised the term/],
  ];
  for (const [name, change, message] of steps) {
    it(`see ${name}`, () => {
      assert.throws(() => checkMemberStep(snapshotMember(member()), member(change)), message);
    });
  }

  it('see a leader that commits an earlier term by counting', () => {
    const before = snapshotMember(member({ term: 3, committed: 1 }));
    assert.throws(() => checkMemberStep(before, member({ term: 3 })), /by counting/);
  });
});

describe('invariants of a cluster', () => {
  const disk = (terms: readonly number[], term = 2, vote = 1n) => ({
    term,
    vote,
    snapshotIndex: 0,
    termAt: (index: number) => (index === 0 ? 0 : terms[index - 1]),
  });
  const cluster = (others: readonly number[] = [1, 2]): ClusterInvariants =>
    new ClusterInvariants(confStateOf([1, 2, 3]), (id) =>
      id === 1n ? disk([1, 2, 2]) : disk(id === 2n ? others : [1]),
    );

  it('see a commit that is on no quorum of disks', () => {
    cluster().checkMember(member());
    assert.throws(() => cluster([1, 1]).checkMember(member()), /entry 2 .* quorum's disks/);
    assert.throws(() => cluster().checkMember(member({ committed: 3 })), /entry 3/);
  });

  it('see two leaders of a term', () => {
    const checks = cluster();
    checks.checkMember(member());
    assert.throws(() => checks.checkMember(member({ id: 2n })), /both led term 2/);
  });

  it('see logs and commits that differ', () => {
    const checks = cluster();
    checks.checkMember(member());
    const follower = { id: 2n, role: 'follower', leader: 1n } as const;
    assert.throws(
      () => checks.checkMember(member({ ...follower, terms: [2, 2, 2] })),
      /two logs differ/,
    );
    const other = member({ ...follower, id: 3n, terms: [1, 3], term: 3 });
    assert.throws(() => checks.checkMember(other), /committed another entry at 2/);
  });

  it('see a leader that misses what was committed', () => {
    const checks = cluster();
    checks.checkMember(member());
    const late = member({ id: 2n, term: 3, terms: [1], committed: 1 });
    assert.throws(() => checks.checkMember(late), /misses entry 2/);
  });

  it('see promises that are not on a disk, and votes given twice', () => {
    const checks = cluster();
    const accepted = { kind: 'appendAccepted', from: 3n, to: 1n, term: 2 } as const;
    checks.checkMessage({ ...accepted, matchIndex: 1 });
    assert.throws(() => checks.checkMessage({ ...accepted, matchIndex: 2 }), /not on its disk/);
    const vote = {
      kind: 'voteResponse',
      from: 2n,
      to: 1n,
      term: 2,
      granted: true,
      commit: 0,
      commitTerm: 0,
    } as const;
    checks.checkMessage(vote);
    assert.throws(() => checks.checkMessage({ ...vote, term: 3 }), /before it was on its disk/);
    assert.throws(() => checks.checkMessage({ ...vote, to: 3n }), /voted for 1 and 3/);
  });
});
