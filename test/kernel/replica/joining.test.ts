// Proves that a member that is added begins with nothing, gets the whole state from the others, and
// takes part from then on; that one that lagged for long catches up, by entries where they are
// still there; and that a replaced member leaves no trace of doubt about who is who.
import assert from 'node:assert/strict';
import { readFrame } from '../../../src/kernel/codec/peer-frame.js';
import { type Kernel, MemberRefusedError } from '../../../src/kernel/index.js';
import { SimBackend } from '../../../src/simulation/sim-backend.js';
import { SimDisk } from '../../../src/simulation/sim-disk.js';
import { ClusterLite, CLUSTER_SETTINGS, type LiteMember } from '../../support/sim-cluster-lite.js';

async function started(
  options: ConstructorParameters<typeof ClusterLite>[0],
): Promise<ClusterLite> {
  const cluster = await new ClusterLite(options).startAll();
  await cluster.elect();
  await cluster.advance(1000);
  return cluster;
}

/** Adds a member through `through` and starts it. */
async function join(
  cluster: ClusterLite,
  through: Kernel,
  id: bigint,
  isLearner: boolean,
): Promise<Kernel> {
  const member = cluster.place(id);
  const members = await cluster.run(
    through.addMember({ ...member.record, name: '', clientUrls: [], isLearner }),
  );
  return await cluster.start(id, {
    start: { kind: 'join', members },
    member: { ...member.record, isLearner },
  });
}

async function write(cluster: ClusterLite, count: number): Promise<void> {
  const writes: Promise<unknown>[] = [];
  const { store } = (cluster.running[0] as LiteMember).running;
  for (let at = 0; at < count; at++) {
    writes.push(store.put({ key: `k${at % 50}`, value: `${at}` }));
    if (at % 10 === 9) await cluster.advance(1);
  }
  await cluster.run(Promise.all(writes));
}

async function sameState(cluster: ClusterLite): Promise<void> {
  const hashes = [];
  for (const { running } of cluster.running) {
    // A hash is of what the member has; this makes sure that it has everything.
    await cluster.run(running.members(true));
    hashes.push((await cluster.run(running.hashKv(0))).hash);
  }
  assert.equal(new Set(hashes).size, 1);
}

describe('a member that joins', () => {
  it('as a voter has everything, and counts', async () => {
    const cluster = await started({ seed: 1 });
    await write(cluster, 120);
    await join(cluster, cluster.kernel(2n), 4n, false);
    await cluster.until(() => cluster.kernel(4n).header().revision === 121);
    await sameState(cluster);
    await cluster.run(cluster.kernel(4n).store.put({ key: 'from the new one', value: '' }));
    const listed = await cluster.run(cluster.kernel(4n).members(true));
    assert.deepEqual(
      listed.map(({ name }) => name),
      ['m1', 'm2', 'm3', 'm4'],
    );
    await cluster.run((cluster.leader as LiteMember).running.moveLeader(4n));
    cluster.crash(4n);
    await cluster.start(4n, { start: { kind: 'join' } });
    await cluster.run(cluster.kernel(4n).store.put({ key: 'after a crash', value: '' }));
    await sameState(cluster);
    await cluster.close();
  });

  it('as a learner becomes a voter once it has everything', async () => {
    const cluster = await started({ seed: 2 });
    await write(cluster, 60);
    const learner = await join(cluster, cluster.kernel(1n), 4n, true);
    await cluster.until(() => learner.header().revision === 61);
    assert.equal(learner.status().isLearner, true);
    await cluster.run(learner.promoteMember(4n));
    assert.equal(learner.status().isLearner, false);
    await cluster.close();
  });

  it('to a cluster of one makes it one of two, and more', async () => {
    const cluster = await started({ seed: 3, size: 1 });
    await write(cluster, 40);
    for (const id of [2n, 3n]) {
      await join(cluster, cluster.kernel(1n), id, false);
      await cluster.until(() => cluster.kernel(id).header().revision >= 41);
      await cluster.advance(500);
    }
    cluster.crash(1n);
    await cluster.run(cluster.kernel(2n).store.put({ key: 'a', value: '' }));
    await cluster.start(1n);
    await sameState(cluster);
    await cluster.close();
  });

  it('in the place of a removed one, at its addresses, is another member', async () => {
    const cluster = await started({ seed: 4 });
    await write(cluster, 30);
    const gone = cluster.running.find(({ id }) => id !== cluster.leader?.id) as LiteMember;
    cluster.crash(gone.id);
    await cluster.advance(3000);
    const leader = cluster.leader as LiteMember;
    await cluster.run(leader.running.removeMember(gone.id));
    const member = cluster.place(7n);
    const peerUrls = gone.record.peerUrls;
    const members = await cluster.run(
      leader.running.addMember({ ...member.record, peerUrls, name: '' }),
    );
    const kernel = await cluster.start(7n, {
      start: { kind: 'join', members },
      member: { ...member.record, peerUrls },
    });
    await cluster.until(() => kernel.header().revision === 31);
    assert.ok(leader.peers.every(({ id }) => id !== gone.id));
    await sameState(cluster);
    await cluster.close();
  });
});

describe('a member that joins and loses its directory before anybody knows its name', () => {
  it('is refused as what it was, and welcome as a new one, while the others run on', async () => {
    const cluster = await started({ seed: 8 });
    await write(cluster, 30);
    const first = cluster.place(4n);
    const members = await cluster.run(
      cluster.kernel(1n).addMember({ ...first.record, name: '', clientUrls: [] }),
    );
    const start = { kind: 'join', members } as const;
    // It is heard, and has no chance to publish itself.
    cluster.loses = ({ from, frame }) => from === 4n && readFrame(frame).kind === 'forward';
    await cluster.start(4n, { start });
    await cluster.until(() => cluster.kernel(4n).header().revision === 31);
    cluster.crash(4n);
    cluster.loses = () => false;
    const { name } = await memberOf(4n);
    assert.equal(name, '');
    first.disk = new SimDisk(cluster.random.split('empty disk'));
    first.backend = new SimBackend(cluster.random.split('empty backend'));
    await cluster.start(4n, { start });
    await cluster.until(() => first.failure !== undefined);
    assert.equal(first.failure instanceof MemberRefusedError && first.failure.reason, 'amnesia');
    await cluster.stop(4n);
    await cluster.run(cluster.kernel(1n).removeMember(4n));
    const again = await join(cluster, cluster.kernel(2n), 5n, false);
    await cluster.until(() => again.header().revision === 31);
    await cluster.run(again.store.put({ key: 'from the new one', value: '' }));
    for (const id of [1n, 2n, 3n]) assert.equal(cluster.member(id).starts, 1);
    await sameState(cluster);
    await cluster.close();

    async function memberOf(id: bigint): Promise<{ readonly name: string }> {
      const listed = await cluster.run(cluster.kernel(1n).members(true));
      return listed.find((member) => member.id === id) ?? { name: 'nobody' };
    }
  });
});

describe('a member that lags', () => {
  const settings = { ...CLUSTER_SETTINGS, snapshotEntries: 20, snapshotCatchUpEntries: 200 };

  function lagging(cluster: ClusterLite): LiteMember {
    return cluster.running.find(({ id }) => id !== cluster.leader?.id) as LiteMember;
  }

  it('by little gets the entries that stayed behind the marks', async () => {
    const cluster = await started({ seed: 5, settings });
    const member = lagging(cluster);
    cluster.isolate(member.id);
    await writeOneByOne(cluster, cluster.leader as LiteMember, 100);
    cluster.heal();
    const revision = (cluster.leader as LiteMember).running.header().revision;
    await cluster.until(() => member.running.header().revision === revision);
    assert.ok(member.events.every(({ name }) => name !== 'state installed'));
    await sameState(cluster);
    await cluster.close();
  });

  it('by much gets the whole state', async () => {
    const small = { ...settings, snapshotCatchUpEntries: 5 };
    const cluster = await started({ seed: 6, settings: small });
    const member = lagging(cluster);
    cluster.isolate(member.id);
    await writeOneByOne(cluster, cluster.leader as LiteMember, 100);
    cluster.heal();
    const revision = (cluster.leader as LiteMember).running.header().revision;
    await cluster.until(() => member.running.header().revision === revision);
    assert.ok(member.events.some(({ name }) => name === 'state installed'));
    await sameState(cluster);
    await cluster.close();
  });

  it('and members that kept entries for it start again from marks and entries', async () => {
    const cluster = await started({ seed: 7, settings });
    await writeOneByOne(cluster, cluster.leader as LiteMember, 150);
    for (let round = 0; round < 2; round++) {
      for (const id of [1n, 2n, 3n]) {
        if (round === 0) cluster.crash(id);
        else await cluster.stop(id);
      }
      for (const id of [1n, 2n, 3n]) await cluster.start(id);
      await cluster.elect();
      await sameState(cluster);
      assert.equal(cluster.kernel(1n).header().revision, 151);
    }
    await cluster.close();
  });

  async function writeOneByOne(cluster: ClusterLite, through: LiteMember, count: number) {
    for (let at = 0; at < count; at++) {
      await cluster.run(through.running.store.put({ key: `k${at}`, value: 'x' }));
    }
    await cluster.advance(500);
  }
});
