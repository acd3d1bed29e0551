// Proves that a leader which has much to apply goes on leading: heartbeats leave, calls are
// answered and its followers stay, however long it takes; and that time which it spent on applying
// is not held against its disk.
import assert from 'node:assert/strict';
import type { ReplicaProbe } from '../../../src/kernel/index.js';
import { ClusterLite, ELECTION_MS, type LiteMember } from '../../support/sim-cluster-lite.js';

/** What applying one entry takes; many of them are longer than an election. */
const APPLY_MS = 10;
const ENTRIES = 400;

interface Slow {
  readonly cluster: ClusterLite;
  readonly leader: LiteMember;
  /** Milliseconds between two heartbeats of the leader. */
  readonly gapsMs: () => readonly number[];
  applyMs: number;
}

/** Three members, of which one leads that takes its time for each entry. */
async function slowLeader(): Promise<Slow> {
  const cluster = new ClusterLite({ seed: 3 });
  const beats: number[] = [];
  const slow = { applyMs: 0 };
  const probe: ReplicaProbe = {
    stepped: () => undefined,
    sending: ({ kind, to }) => {
      if (kind === 'heartbeat' && to === 2n) beats.push(cluster.clock.monotonic());
    },
    persisted: () => undefined,
    applied: () => cluster.clock.stall(slow.applyMs),
    installed: () => undefined,
  };
  await cluster.start(1n, { probe });
  await cluster.start(2n);
  await cluster.start(3n);
  const first = await cluster.elect();
  if (first.id !== 1n) await cluster.run(first.running.moveLeader(1n));
  const leader = await cluster.elect();
  const gapsMs = (): readonly number[] =>
    beats.slice(1).map((at, before) => at - (beats[before] as number));
  return Object.assign(slow, { cluster, leader, gapsMs });
}

/** Entries that nobody acknowledges before all of them are there. */
async function backlog({ cluster, leader }: Slow): Promise<readonly Promise<unknown>[]> {
  cluster.loses = ({ from, to }) => from !== 1n && to === 1n;
  const writes: Promise<unknown>[] = [];
  for (let at = 0; at < ENTRIES; at++) {
    writes.push(leader.running.store.put({ key: `k${at}`, value: '' }));
    await cluster.advance(1);
  }
  cluster.loses = () => false;
  return writes;
}

describe('a leader with much to apply', () => {
  it('sends its heartbeats meanwhile, and stays what it is', async () => {
    const slow = await slowLeader();
    const { cluster, leader } = slow;
    const { raftTerm } = leader.running.status();
    const writes = await backlog(slow);
    slow.applyMs = APPLY_MS;
    await cluster.run(Promise.all(writes));
    await cluster.advance(2 * ELECTION_MS);
    assert.equal(leader.running.status().raftTerm, raftTerm);
    assert.equal(leader.running.status().role, 'leader');
    const longestMs = Math.max(...slow.gapsMs());
    assert.ok(longestMs < ELECTION_MS / 2, `${longestMs} ms without a heartbeat`);
    await cluster.close();
  });

  it('answers what is applied before all of it is', async () => {
    const slow = await slowLeader();
    const writes = await backlog(slow);
    slow.applyMs = APPLY_MS;
    const startMs = slow.cluster.clock.monotonic();
    await slow.cluster.run(writes[0] as Promise<unknown>);
    assert.ok(slow.cluster.clock.monotonic() - startMs < (ENTRIES * APPLY_MS) / 2);
    await slow.cluster.run(Promise.all(writes));
    await slow.cluster.close();
  });

  it('does not take the time of one large entry for that of its disk', async () => {
    const slow = await slowLeader();
    const { cluster, leader } = slow;
    for (let at = 0; at < 3; at++) {
      await cluster.run(leader.running.store.put({ key: 'a', value: '' }));
    }
    slow.applyMs = ELECTION_MS + 200;
    const writes: Promise<unknown>[] = [];
    for (let at = 0; at < 20; at++) {
      writes.push(leader.running.store.put({ key: `k${at}`, value: '' }));
      await cluster.advance(0.5);
    }
    slow.applyMs = 0;
    await cluster.run(Promise.all(writes));
    const stalls = leader.events.filter(
      ({ name }) => name === 'the log took longer than an election',
    );
    assert.equal(stalls.length, 0);
    await cluster.close();
  });

  it('applies the rest when it is told to stop', async () => {
    const slow = await slowLeader();
    const { cluster, leader } = slow;
    const writes = await backlog(slow);
    slow.applyMs = APPLY_MS;
    await cluster.run(writes[0] as Promise<unknown>);
    await cluster.run(leader.running.close());
    const ends = await Promise.allSettled(writes);
    assert.ok(ends.every(({ status }) => status === 'fulfilled'));
    await cluster.close();
  });
});
