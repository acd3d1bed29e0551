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

  it('see entries taken during a transfer, and a transfer to who has no vote', () => {
    const before = snapshotMember(member({ transferee: 2n }));
    const after = member({ transferee: 2n, terms: [1, 2, 2, 2] });
    assert.throws(() => checkMemberStep(before, after), /while it hands over/);
    assert.throws(() => checkMember(member({ transferee: 4n })), /hands over to 4/);
  });

  it('see a change of the configuration that comes too early', () => {
    const config = (...indexes: readonly number[]): Change => {
      const view = member({ terms: [1, 2, 2, 2] });
      const entryAt = (index: number): Entry | undefined => {
        const entry = view.entryAt(index);
        return entry && indexes.includes(index) ? { ...entry, kind: 'config' } : entry;
      };
      return { terms: [1, 2, 2, 2], entryAt };
    };
    const before = snapshotMember(member());
    checkMemberStep(before, member(config(4)));
    assert.throws(() => checkMemberStep(before, member(config(3, 4))), /4 while 3 is under way/);
    const early = snapshotMember(member({ committed: 1 }));
    const change = member({ ...config(4), committed: 1 });
    assert.throws(() => checkMemberStep(early, change), /before a commit in its term/);
  });

  it('see a campaign by a configuration that is gone', () => {
    const entryAt = (index: number): Entry | undefined => {
      const entry = member().entryAt(index);
      return entry && index === 2 ? { ...entry, kind: 'config' } : entry;
    };
    const campaigns = { role: 'candidate', leader: 0n, entryAt } as const;
    assert.throws(() => checkMember(member(campaigns)), /the change 2 committed and not applied/);
    checkMember(member({ ...campaigns, applied: 2 }));
  });

  it('see a configuration that cannot be, and roles without a vote', () => {
    const confState = { ...confStateOf([1, 2, 3]), learners: [3n] };
    assert.throws(() => checkMember(member({ confState })), /not sound/);
    const others = member({ confState: confStateOf([2, 3]) });
    assert.throws(() => checkMember(others), /without a vote/);
  });

  it('see a leader that commits an earlier term by counting', () => {
    const before = snapshotMember(member({ term: 3, committed: 1 }));
    assert.throws(() => checkMemberStep(before, member({ term: 3 })), /by counting/);
  });
});

const VOTE = {
  kind: 'voteResponse',
  to: 1n,
  term: 2,
  granted: true,
  commit: 0,
  commitTerm: 0,
} as const;

describe('invariants of a cluster', () => {
  const disk = (terms: readonly number[], term = 2, vote = 1n) => ({
    term,
    vote,
    snapshotIndex: 0,
    termAt: (index: number) => (index === 0 ? 0 : terms[index - 1]),
  });
  /** Member 1 leads term 2 by the vote of member 2. */
  const cluster = (others: readonly number[] = [1, 2]): ClusterInvariants => {
    const checks = new ClusterInvariants(confStateOf([1, 2, 3]), (id) =>
      id === 1n ? disk([1, 2, 2]) : disk(id === 2n ? others : [1]),
    );
    checks.checkMessage({ ...VOTE, from: 2n });
    return checks;
  };

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
    assert.throws(
      () => checks.checkMessage({ ...accepted, from: 1n, term: 1, matchIndex: 2 }),
      /a leader that has another entry/,
    );
    const heartbeat = { kind: 'heartbeat', from: 1n, to: 2n, term: 3, commit: 0 } as const;
    assert.throws(() => checks.checkMessage({ ...heartbeat, readRound: 0 }), /spoke in term 3/);
    const vote = { ...VOTE, from: 2n };
    checks.checkMessage(vote);
    assert.throws(() => checks.checkMessage({ ...vote, term: 3 }), /before it was on its disk/);
    assert.throws(() => checks.checkMessage({ ...vote, to: 3n }), /voted for 1 and 3/);
  });

  it('see a leader that no quorum voted for, in either half of a joint configuration', () => {
    const checks = new ClusterInvariants(confStateOf([1, 2, 3]), () => disk([1, 2, 2]));
    assert.throws(() => checks.checkMember(member()), /without the votes of a quorum/);
    const confState = { ...confStateOf([1, 2, 3]), votersOutgoing: [1n, 4n] };
    const joint = new ClusterInvariants(confState, () => disk([1, 2, 2]));
    joint.checkMessage({ ...VOTE, from: 2n });
    assert.throws(() => joint.checkMember(member({ confState })), /without the votes/);
    joint.checkMessage({ ...VOTE, from: 4n });
    joint.checkMember(member({ confState, term: 2 }));
  });

  it('see a commit that only one half of a joint configuration has', () => {
    const confState = { ...confStateOf([1, 2, 3]), votersOutgoing: [1n, 4n] };
    const joint = new ClusterInvariants(confState, (id) => disk(id === 4n ? [] : [1, 2, 2]));
    joint.checkMessage({ ...VOTE, from: 2n });
    joint.checkMessage({ ...VOTE, from: 4n });
    assert.throws(() => joint.checkMember(member({ confState })), /entry 1 is committed, not on/);
  });

  it('see a commit that no leader made, and a snapshot of what nobody committed', () => {
    const checks = cluster();
    checks.checkMember(member({ committed: 1 }));
    const follower = { id: 2n, role: 'follower', leader: 1n } as const;
    assert.throws(() => checks.checkMember(member(follower)), /before any leader did/);
    const installed = { ...follower, id: 3n, firstIndex: 3, terms: [1, 2, 2] };
    assert.throws(() => checks.checkMember(member(installed)), /a snapshot at 2, which nobody/);
  });

  it('see a configuration that others do not have', () => {
    const checks = cluster();
    checks.checkMember(member());
    const follower = { id: 2n, role: 'follower', leader: 1n, committed: 1 } as const;
    const other = member({ ...follower, confState: confStateOf([1, 2]) });
    assert.throws(() => checks.checkMember(other), /others have 1,2,3/);
  });

  it('compare configurations once it is clear which changes are applied', () => {
    const checks = cluster();
    const view = (change: Change): MemberView => {
      const entryAt = (index: number): Entry | undefined => {
        const entry = member().entryAt(index);
        return entry && index === 2 ? { ...entry, kind: 'config' } : entry;
      };
      return member({ entryAt, ...change });
    };
    const conf = confStateOf([1, 2]);
    checks.checkMember(view({}));
    checks.checkMember(view({ confState: conf }));
    checks.checkMember(view({ confState: conf, applied: 2 }));
    const follower = { id: 2n, role: 'follower', leader: 1n, applied: 2 } as const;
    assert.throws(() => checks.checkMember(view(follower)), /since 2, others have 1,2 /);
    checks.checkMember(view({ ...follower, confState: conf }));
  });

  it('see an acknowledgement taken back, unless the disk is gone', () => {
    const checks = cluster();
    checks.checkMessage({ kind: 'appendAccepted', from: 2n, to: 1n, term: 2, matchIndex: 2 });
    const short = { id: 2n, role: 'follower', leader: 1n, terms: [1], committed: 0 } as const;
    const torn = member({ ...short, persisted: 1, applied: 0 });
    assert.throws(() => checks.checkMember(torn), /gave up 2/);
    checks.wiped(2n);
    checks.checkMember(torn);
  });

  it('take a snapshot for everything before it', () => {
    const conf = confStateOf([1, 2]);
    const checks = new ClusterInvariants(conf, (id) => {
      return id === 1n ? disk([1, 2, 2]) : { ...disk([]), snapshotIndex: 2 };
    });
    checks.checkMessage({ ...VOTE, from: 2n });
    checks.checkMember(member({ confState: conf }));
    checks.checkMessage({ kind: 'appendAccepted', from: 2n, to: 1n, term: 2, matchIndex: 2 });
    assert.throws(() => checks.checkMember(member({ confState: conf, committed: 3 })), /entry 3/);
  });
});
