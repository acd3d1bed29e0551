// Proves that a member that its cluster will not have (again) is told so, stops with a reason in
// plain words, and disturbs nobody meanwhile: with another directory, of another cluster, running
// twice, removed.
import assert from 'node:assert/strict';
import { writeRefused } from '../../../src/kernel/codec/peer-body.js';
import { type FrameOrigin, FrameWriter, readFrame } from '../../../src/kernel/codec/peer-frame.js';
import { MemberRefusedError } from '../../../src/kernel/index.js';
import { SimBackend } from '../../../src/simulation/sim-backend.js';
import { SimDisk } from '../../../src/simulation/sim-disk.js';
import { ClusterLite, type LiteMember } from '../../support/sim-cluster-lite.js';

function refusalOf(member: LiteMember): string | undefined {
  const { failure } = member;
  return failure instanceof MemberRefusedError ? failure.reason : failure?.message;
}

function follower(cluster: ClusterLite): LiteMember {
  const found = cluster.running.find(({ id }) => id !== cluster.leader?.id);
  assert.ok(found !== undefined);
  return found;
}

describe('a member that the cluster refuses', () => {
  it('has lost its directory and is back under its old id', async () => {
    const cluster = await new ClusterLite({ seed: 1 }).startAll();
    await cluster.elect();
    await cluster.run(cluster.kernel(1n).store.put({ key: 'a', value: '1' }));
    await cluster.advance(1000);
    const lost = follower(cluster);
    await cluster.stop(lost.id);
    lost.disk = new SimDisk(cluster.random.split('empty disk'));
    lost.backend = new SimBackend(cluster.random.split('empty backend'));
    const term = cluster.leader?.running.header().raftTerm;
    await cluster.start(lost.id);
    await cluster.until(() => lost.failure !== undefined);
    assert.equal(refusalOf(lost), 'amnesia');
    lost.kernel = undefined;
    const leader = cluster.leader;
    assert.ok(leader !== undefined);
    assert.equal(leader.running.header().raftTerm, term);
    await cluster.run(leader.running.store.put({ key: 'b', value: '2' }));
    await cluster.close();
  });

  it('has an old copy of its directory, and promised more', async () => {
    const cluster = await new ClusterLite({ seed: 7 }).startAll();
    await cluster.elect();
    await cluster.run(cluster.kernel(1n).store.put({ key: 'a', value: '1' }));
    await cluster.advance(1000);
    const member = follower(cluster);
    await cluster.stop(member.id);
    const disk = member.disk.crash('kept');
    const backend = member.backend.copy();
    await cluster.start(member.id);
    for (let at = 0; at < 20; at++) {
      await cluster.run(member.running.store.put({ key: 'b', value: `${at}` }));
    }
    await cluster.stop(member.id);
    member.disk = disk;
    member.backend = backend;
    await cluster.start(member.id);
    await cluster.until(() => member.failure !== undefined);
    assert.equal(refusalOf(member), 'amnesia');
    await cluster.stop(member.id);
    await cluster.close();
  });

  it('is of another cluster under the same ids, and cannot end the others', async () => {
    const cluster = await new ClusterLite({ seed: 2 }).startAll();
    await cluster.elect();
    const stray = follower(cluster);
    await cluster.stop(stray.id);
    stray.disk = new SimDisk(cluster.random.split('empty disk'));
    stray.backend = new SimBackend(cluster.random.split('empty backend'));
    await cluster.start(stray.id, { clusterId: 0xc1n });
    await cluster.until(() => stray.failure !== undefined);
    assert.equal(refusalOf(stray), 'wrong-cluster');
    stray.kernel = undefined;
    await cluster.advance(3000);
    for (const { failure } of cluster.running) assert.equal(failure, undefined);
    await cluster.run(
      cluster.running[0]?.running.store.put({ key: 'a', value: '' }) as Promise<unknown>,
    );
    await cluster.close();
  });

  it('runs twice: the second process ends, the first goes on', async () => {
    const cluster = await new ClusterLite({ seed: 3 }).startAll();
    await cluster.elect();
    const first = follower(cluster);
    await cluster.advance(500);
    const copy = cluster.place(99n);
    copy.disk = first.disk.crash('kept');
    copy.backend = first.backend.copy();
    const second = await cluster.start(99n, {
      member: first.record,
      network: twinNetwork(cluster, first, copy),
    });
    await cluster.until(() => copy.failure !== undefined);
    assert.equal(refusalOf(copy), 'duplicate');
    copy.kernel = undefined;
    await cluster.run(second.close());
    await cluster.run(first.running.store.put({ key: 'a', value: '' }));
    assert.equal(first.failure, undefined);
    await cluster.close();
  });

  it('is started again quickly, and is not taken for a second process', async () => {
    const cluster = await new ClusterLite({ seed: 4 }).startAll();
    await cluster.elect();
    const member = follower(cluster);
    for (let round = 0; round < 5; round++) {
      cluster.crash(member.id);
      await cluster.start(member.id);
      await cluster.run(member.running.store.put({ key: `k${round}`, value: '' }));
    }
    assert.equal(member.failure, undefined);
    await cluster.close();
  });

  it('was removed while nobody could tell it: it is told and stops, and so it does when it is started again', async () => {
    const cluster = await new ClusterLite({ seed: 5 }).startAll();
    await cluster.elect();
    const gone = follower(cluster);
    const leader = cluster.leader;
    assert.ok(leader !== undefined);
    await cluster.advance(1000);
    cluster.isolate(gone.id);
    await cluster.advance(2000);
    const left = await cluster.run(leader.running.removeMember(gone.id));
    assert.equal(left.length, 2);
    cluster.heal();
    const { raftTerm } = leader.running.header();
    await cluster.until(() => gone.failure !== undefined);
    assert.equal(refusalOf(gone), 'removed');
    assert.equal(leader.running.header().raftTerm, raftTerm);
    await cluster.stop(gone.id);
    await cluster.start(gone.id);
    await cluster.until(() => gone.failure !== undefined);
    assert.equal(refusalOf(gone), 'removed');
    await cluster.close();
  });

  it('was removed before the others began: they look for it no more, and tell it when it comes', async () => {
    const cluster = await new ClusterLite({ seed: 9 }).startAll();
    await cluster.elect();
    const gone = follower(cluster);
    await cluster.advance(1000);
    await cluster.stop(gone.id);
    const { leader } = cluster;
    assert.ok(leader !== undefined);
    await cluster.run(leader.running.removeMember(gone.id));
    const others = cluster.running;
    const looks = (): boolean => others.some(({ peers }) => peers.some(({ id }) => id === gone.id));
    assert.equal(looks(), true, 'it may be there and not know');
    await cluster.advance(1000);
    for (const { id } of others) await cluster.stop(id);
    for (const other of others) {
      other.callers.clear();
      await cluster.start(other.id);
    }
    await cluster.elect();
    assert.equal(looks(), false);
    await cluster.start(gone.id);
    await cluster.until(() => gone.failure !== undefined);
    assert.equal(refusalOf(gone), 'removed');
    assert.equal(looks(), false);
    await cluster.close();
  });

  it('was removed and applied that itself: it stops, and so it does when it is started again', async () => {
    const cluster = await new ClusterLite({ seed: 6 }).startAll();
    await cluster.elect();
    await cluster.advance(1000);
    const gone = follower(cluster);
    await cluster.run(gone.running.removeMember(gone.id));
    await cluster.until(() => gone.failure !== undefined);
    assert.equal(refusalOf(gone), 'removed');
    await cluster.stop(gone.id);
    await assert.rejects(cluster.start(gone.id), MemberRefusedError);
    await cluster.close();
  });

  it('is not ended by the word of one that was removed', async () => {
    const cluster = await new ClusterLite({ seed: 8 }).startAll();
    cluster.records = true;
    await cluster.elect();
    await cluster.advance(1000);
    const gone = follower(cluster);
    await cluster.run(gone.running.removeMember(gone.id));
    await cluster.until(() => gone.failure !== undefined);
    await cluster.stop(gone.id);
    const origins = new Map(
      cluster.sent.map(({ from, frame }) => [from, readFrame(frame).origin] as const),
    );
    const writer = new FrameWriter(origins.get(gone.id) as FrameOrigin);
    for (const reason of ['amnesia', 'duplicate', 'removed'] as const) {
      for (const { id, receive } of cluster.running) {
        const { startNonce } = origins.get(id) as FrameOrigin;
        receive?.(writer.frame('refused', id, writeRefused({ reason, startNonce })));
      }
    }
    await cluster.advance(5000);
    assert.equal(cluster.running.length, 2);
    for (const { failure } of cluster.running) assert.equal(failure, undefined);
    await cluster.close();
  });
});

/** Frames of both processes leave under one id, and both get what is sent to it. */
function twinNetwork(cluster: ClusterLite, first: LiteMember, copy: LiteMember) {
  const inner = cluster.network(first, first.starts);
  const receiveFirst = first.receive;
  return {
    ...inner,
    onFrame: (receive: (frame: Uint8Array) => void) => {
      copy.receive = receive;
      first.receive = (frame) => {
        receiveFirst?.(frame);
        receive(frame);
      };
    },
    setPeers: () => undefined,
  };
}
