// Proves that what a member acknowledged outlives the leader to which it did: those who heard of it
// count no vote of a member that forgot it, and the member finds out by itself; and that nothing
// which an honest member says is taken for that.
import assert from 'node:assert/strict';
import { MemberRefusedError } from '../../../src/kernel/index.js';
import type { Pledge } from '../../../src/kernel/codec/peer-body.js';
import type { Message } from '../../../src/kernel/raft/messages.js';
import type { Raft } from '../../../src/kernel/raft/raft.js';
import { Pledges } from '../../../src/kernel/replica/pledges.js';
import { RolledBack } from '../../../src/kernel/replica/rolled-back.js';
import type { SimBackend } from '../../../src/simulation/sim-backend.js';
import type { SimDisk } from '../../../src/simulation/sim-disk.js';
import { ClusterLite, ELECTION_MS, type LiteMember } from '../../support/sim-cluster-lite.js';

class Machine {
  role = 'leader';
  term = 5;
  lastIndex = 30;
  committed = 25;
  /** The first entry of the own term. */
  ownFrom = 20;
  readonly matches = new Map([
    [2n, 24],
    [3n, 19],
  ]);
  readonly confState = {
    voters: [1n, 2n, 3n] as readonly bigint[],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
  };
  progressOf(id: bigint): { readonly match: number } | undefined {
    const match = this.matches.get(id);
    return match === undefined ? undefined : { match };
  }
  termAt(index: number): number {
    return index >= this.ownFrom ? this.term : this.term - 1;
  }
}

function pledgesOf(machine: Machine): Pledges {
  return new Pledges(machine as unknown as Raft);
}

const envelope = { from: 2n, to: 1n };
const known = { commit: 0, commitTerm: 0 };
const KEPT: Pledge = { id: 2n, index: 24, term: 5 };

function vote(kind: 'vote' | 'preVote', term: number, lastIndex: number): Message {
  return { kind, ...envelope, ...known, term, lastIndex, lastTerm: 4, force: false };
}

function voted(term: number, granted = true): Message {
  return { kind: 'voteResponse', ...envelope, ...known, term, granted };
}

function rejected(term: number, hintIndex: number): Message {
  return { kind: 'appendRejected', ...envelope, term, rejectedIndex: 29, hintIndex, hintTerm: 4 };
}

describe('what members hold for good', () => {
  it('is told by the leader: what is acknowledged, committed, and of its own term', () => {
    const machine = new Machine();
    const pledges = pledgesOf(machine);
    assert.deepEqual(pledges.gather(), [KEPT]);
    assert.equal(pledges.gather(), undefined, 'nothing new');
    machine.matches.set(3n, 30);
    assert.deepEqual(pledges.gather(), [KEPT, { id: 3n, index: 25, term: 5 }]);
    for (let heartbeat = 1; heartbeat < 10; heartbeat++) assert.equal(pledges.gather(), undefined);
    assert.equal(pledges.gather()?.length, 2, 'the frame before may be lost');
    machine.role = 'follower';
    machine.matches.set(2n, 25);
    assert.equal(pledges.gather(), undefined);
  });

  it('is forgotten by the leader once the member is none', () => {
    const machine = new Machine();
    const pledges = pledgesOf(machine);
    machine.matches.set(3n, 30);
    assert.equal(pledges.gather()?.length, 2);
    machine.matches.set(3n, 31);
    machine.committed = 26;
    machine.confState.voters = [1n, 3n];
    assert.deepEqual(pledges.gather(), [{ id: 3n, index: 26, term: 5 }]);
    assert.equal(pledges.of(2n), undefined);
  });

  it('is kept by all who hear of it, the most of it, for members alone', () => {
    const pledges = pledgesOf(new Machine());
    pledges.learn([KEPT, { id: 9n, index: 7, term: 5 }]);
    pledges.learn([{ id: 2n, index: 20, term: 6 }]);
    assert.deepEqual(pledges.of(2n), KEPT);
    assert.equal(pledges.of(9n), undefined);
    pledges.learn([{ id: 2n, index: 26, term: 7 }]);
    assert.equal(pledges.of(2n)?.index, 26);
  });

  it('is not held by who asks for votes, votes or refuses with less, in a later term', () => {
    const machine = new Machine();
    const rolledBack = new RolledBack(machine as unknown as Raft, { of: () => KEPT });
    machine.term = 6;
    assert.equal(rolledBack.shows(vote('vote', 6, 23), 1n), true);
    assert.equal(rolledBack.shows(rejected(6, 23), 1n), true);
    machine.role = 'candidate';
    machine.lastIndex = 23;
    assert.equal(rolledBack.shows(voted(6), 1n), true);
  });

  it('may be held by everybody else', () => {
    const machine = new Machine();
    const rolledBack = new RolledBack(machine as unknown as Raft, { of: () => KEPT });
    const honest: Message[] = [vote('vote', 6, 24), vote('preVote', 6, 3), rejected(6, 24)];
    // Sent before the promise, or for an earlier term.
    honest.push(vote('vote', 5, 3), rejected(5, 3), voted(5));
    machine.term = 6;
    for (const message of honest) assert.equal(rolledBack.shows(message, 1n), false, message.kind);
    machine.role = 'candidate';
    assert.equal(rolledBack.shows(voted(6), 1n), false, 'the candidate has the entry');
    machine.lastIndex = 23;
    assert.equal(rolledBack.shows(voted(6, false), 1n), false);
    assert.equal(rolledBack.shows(voted(7), 1n), false, 'of another election');
  });
});

interface Copied {
  readonly cluster: ClusterLite;
  readonly leader: LiteMember;
  /** Has missed the last write. */
  readonly late: LiteMember;
  /** Has acknowledged it, and then got an older copy of its directory. */
  readonly copied: LiteMember;
}

/** A write that the leader and one other member have, and that other is put back before it. */
async function putBack(seed: number): Promise<Copied> {
  const cluster = await new ClusterLite({ seed }).startAll();
  const leader = await cluster.elect();
  await cluster.run(leader.running.store.put({ key: 'a', value: '1' }));
  await cluster.advance(1000);
  const [copied, late] = cluster.running.filter(({ id }) => id !== leader.id);
  assert.ok(copied !== undefined && late !== undefined);
  const disk: SimDisk = copied.disk.crash('kept');
  const backend: SimBackend = copied.backend.copy();
  cluster.loses = ({ to, lane }) => to === late.id && lane === 'log';
  for (let at = 0; at < 5; at++) {
    await cluster.run(leader.running.store.put({ key: 'kept', value: `${at}` }));
  }
  await cluster.advance(300);
  cluster.crash(copied.id);
  copied.disk = disk;
  copied.backend = backend;
  return { cluster, leader, late, copied };
}

function hasForgotten({ failure }: LiteMember): boolean {
  return failure instanceof MemberRefusedError && failure.reason === 'amnesia';
}

describe('a member with an old copy of its directory', () => {
  it('does not make a leader of one that lacks what it forgot', async () => {
    for (const seed of [1, 2, 3]) {
      const { cluster, leader, late, copied } = await putBack(seed);
      cluster.crash(leader.id);
      cluster.loses = () => false;
      await cluster.start(copied.id);
      await cluster.until(() => hasForgotten(copied));
      await cluster.advance(5 * ELECTION_MS);
      assert.notEqual(late.running.status().role, 'leader');
      await cluster.stop(copied.id);
      await cluster.start(leader.id);
      const { kvs } = await cluster.run(late.running.store.range({ key: 'kept' }));
      assert.equal(String.fromCharCode(...(kvs[0]?.value ?? [])), '4');
      await cluster.close();
    }
  });

  it('finds out by itself when somebody leads who has heard of its promise', async () => {
    const { cluster, leader, late, copied } = await putBack(4);
    cluster.loses = () => false;
    await cluster.advance(1000);
    await cluster.run(leader.running.moveLeader(late.id));
    cluster.crash(leader.id);
    await cluster.start(copied.id);
    await cluster.until(() => hasForgotten(copied));
    await cluster.close();
  });
});
