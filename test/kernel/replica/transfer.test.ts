// Proves that leadership is handed over where it is asked for, to whom may have it, without a
// request that fails; that a leader whose disk stands still gives it up; and that a member that
// stood still itself counts that time once.
import assert from 'node:assert/strict';
import type { Disk, DiskFile } from '../../../src/ports/disk.js';
import { ClusterLite, ELECTION_MS, type LiteMember } from '../../support/sim-cluster-lite.js';

function other(cluster: ClusterLite): LiteMember {
  const found = cluster.running.find(({ id }) => id !== cluster.leader?.id);
  assert.ok(found !== undefined);
  return found;
}

describe('handing leadership over', () => {
  it('goes to the member that was named, and is done when the call returns', async () => {
    const cluster = await new ClusterLite({ seed: 1 }).startAll();
    const leader = await cluster.elect();
    const target = other(cluster);
    await cluster.run(leader.running.moveLeader(target.id));
    assert.equal(leader.running.status().leader, target.id);
    assert.equal(target.running.status().role, 'leader');
    await cluster.run(target.running.moveLeader(target.id));
    await cluster.close();
  });

  it('is refused by who does not lead, and for who has no vote', async () => {
    const cluster = await new ClusterLite({ seed: 2 }).startAll();
    const leader = await cluster.elect();
    const follower = other(cluster);
    assert.equal(await cluster.codeOf(follower.running.moveLeader(leader.id)), 'NotLeader');
    assert.equal(await cluster.codeOf(leader.running.moveLeader(77n)), 'BadLeaderTransferee');
    await cluster.close();
  });

  it('ends with an error when the target does not answer, and the leader goes on', async () => {
    const cluster = await new ClusterLite({ seed: 3 }).startAll();
    const leader = await cluster.elect();
    const target = other(cluster);
    cluster.isolate(target.id);
    const moving = cluster.codeOf(leader.running.moveLeader(target.id));
    const put = leader.running.store.put({ key: 'a', value: '' });
    assert.equal(await moving, 'Timeout');
    await cluster.run(put);
    await cluster.close();
  });

  it('under load fails no request and does none twice', async () => {
    const cluster = await new ClusterLite({ seed: 4 }).startAll();
    await cluster.elect();
    const writes: Promise<unknown>[] = [];
    for (let at = 0; at < 300; at++) {
      const member = cluster.running[at % 3] as LiteMember;
      writes.push(member.running.store.put({ key: `k${at}`, value: '' }));
      if (at % 60 === 30) {
        const leader = cluster.leader;
        if (leader !== undefined) await cluster.run(leader.running.stepAside());
      }
      await cluster.advance(2);
    }
    await cluster.run(Promise.all(writes));
    const { kvs } = await cluster.run(cluster.kernel(1n).store.range({ key: 'k', rangeEnd: 'l' }));
    assert.equal(kvs.length, 300);
    assert.ok(kvs.every(({ version }) => version === 1));
    await cluster.close();
  });

  it('before a stop leaves the others without a pause', async () => {
    const cluster = await new ClusterLite({ seed: 5 }).startAll();
    const leader = await cluster.elect();
    await cluster.run(leader.running.stepAside());
    await cluster.stop(leader.id);
    const startMs = cluster.clock.monotonic();
    await cluster.run(other(cluster).running.store.put({ key: 'a', value: '' }));
    assert.ok(cluster.clock.monotonic() - startMs < ELECTION_MS / 2);
    await cluster.close();
  });

  it('is nothing to who does not lead, and to who is alone', async () => {
    const cluster = await new ClusterLite({ seed: 6, size: 1 }).startAll();
    await cluster.run(cluster.kernel(1n).stepAside());
    assert.equal(cluster.kernel(1n).status().role, 'leader');
    await cluster.close();
  });
});

describe('a leader that stands still', () => {
  it('for longer than an election on its disk does not lead on', async () => {
    const cluster = await new ClusterLite({ seed: 7 }).startAll();
    const leader = await cluster.elect();
    const { raftTerm } = leader.running.header();
    await cluster.stop(leader.id);
    let stallMs = 0;
    await cluster.start(leader.id, {
      disk: slowDisk(leader.disk, () =>
        stallMs === 0
          ? undefined
          : new Promise((done) => cluster.clock.timer(stallMs, () => done())),
      ),
    });
    const now = await cluster.elect();
    if (now.id !== leader.id) await cluster.run(now.running.moveLeader(leader.id));
    await cluster.run(leader.running.store.put({ key: 'a', value: '' }));
    stallMs = ELECTION_MS * 4;
    const write = leader.running.store.put({ key: 'b', value: '' });
    await cluster.advance(50);
    await cluster.until(() => cluster.leader !== undefined && cluster.leader.id !== leader.id);
    stallMs = 0;
    await cluster.run(write);
    await cluster.run(cluster.kernel(leader.id).store.range({ key: 'b' }));
    assert.ok((cluster.leader?.running.header().raftTerm ?? 0) > raftTerm);
    assert.notEqual(cluster.leader?.id, leader.id);
    await cluster.close();
  });

  it('hands over when nobody else came to lead meanwhile', async () => {
    const cluster = await new ClusterLite({ seed: 8 }).startAll();
    await cluster.elect();
    for (const { id } of cluster.running) {
      if (id === cluster.leader?.id) continue;
      await cluster.run(cluster.leader?.running.moveLeader(id) as Promise<void>);
      break;
    }
    const leader = await cluster.elect();
    await cluster.stop(leader.id);
    let stall: Promise<void> | undefined;
    await cluster.start(leader.id, { disk: slowDisk(leader.disk, () => stall) });
    const now = await cluster.elect();
    if (now.id !== leader.id) await cluster.run(now.running.moveLeader(leader.id));
    // Time stands still for everybody but the clock: the others have no chance to campaign.
    stall = Promise.resolve().then(() => {
      cluster.clock.stall(ELECTION_MS * 2);
      stall = undefined;
    });
    const write = leader.running.store.put({ key: 'b', value: '' });
    await cluster.run(write);
    await cluster.until(
      () => cluster.leader !== undefined && cluster.leader.id !== leader.id,
      3000,
    );
    await cluster.close();
  });
});

/** A disk whose durable writes wait for whatever `stall` gives. */
function slowDisk(inner: Disk, stall: () => Promise<void> | undefined): Disk {
  const slow = (file: DiskFile): DiskFile => ({
    write: (bytes, offset) => file.write(bytes, offset),
    writeDurably: async (bytes, offset) => {
      await stall();
      await file.writeDurably(bytes, offset);
    },
    sync: () => file.sync(),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    close: () => file.close(),
  });
  return {
    makeDirectory: (path) => inner.makeDirectory(path),
    list: (path) => inner.list(path),
    read: (path) => inner.read(path),
    readPart: (path, offset, byteCount) => inner.readPart(path, offset, byteCount),
    create: async (path, sizeBytes) => slow(await inner.create(path, sizeBytes)),
    open: async (path) => slow(await inner.open(path)),
    rename: (from, to) => inner.rename(from, to),
    remove: (path) => inner.remove(path),
    syncDirectory: (path) => inner.syncDirectory(path),
  };
}
