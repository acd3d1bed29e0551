// Proves that an image of a member's state holds exactly one revision, whatever is written while it
// is read, that a new cluster begins with it, and that a restore which cannot be trusted leaves
// nothing that a member would start from.
import assert from 'node:assert/strict';
import {
  inspectImage,
  type Kernel,
  type MemberRecord,
  restoreImage,
  type StateImage,
} from '../../../src/kernel/index.js';
import { SimBackend } from '../../../src/simulation/sim-backend.js';
import { SimDisk } from '../../../src/simulation/sim-disk.js';
import { LIMITS } from '../../../src/store/index.js';
import { ClusterLite } from '../../support/sim-cluster-lite.js';
import {
  openSimKernel,
  type SimWorld,
  simWorld,
  SMALL_SETTINGS,
} from '../../support/sim-kernel.js';

const decoder = new TextDecoder();

async function during<T>(world: SimWorld, work: Promise<T>): Promise<T> {
  let done = false;
  const settled = work.finally(() => {
    done = true;
  });
  settled.catch(() => undefined);
  for (let steps = 0; !done && steps < 20_000; steps++) await world.clock.advance(1);
  return await settled;
}

async function collect(world: SimWorld, image: StateImage): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const read = async (): Promise<void> => {
    for await (const piece of image.pieces) parts.push(piece);
  };
  await during(world, read());
  return Uint8Array.from(Buffer.concat(parts));
}

async function* inPieces(image: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < image.length; at += 777) yield image.subarray(at, at + 777);
}

/** A member with some history, a lease and a compaction. */
async function filled(seed: number): Promise<{ world: SimWorld; kernel: Kernel }> {
  const world = simWorld(seed);
  const kernel = await during(world, openSimKernel(world));
  const { store } = kernel;
  await during(world, store.leases.grant({ id: 7n, ttlSeconds: 600 }));
  await during(world, store.put({ key: 'leased', value: 'l', lease: 7n }));
  for (let i = 0; i < 60; i++) {
    await during(world, store.put({ key: `k${i % 30}`, value: `value ${i}` }));
  }
  await during(world, store.delete({ key: 'k3' }));
  await during(world, store.compact({ revision: 20, physical: true }));
  await during(world, store.put({ key: 'last', value: 'z' }));
  return { world, kernel };
}

const IDS = [1n, 2n, 3n];

/** Restores an image for three members and starts them. */
async function restored(image: Uint8Array, revisionBump?: number): Promise<ClusterLite> {
  const cluster = new ClusterLite({ seed: 5 });
  const members: MemberRecord[] = IDS.map((id) => cluster.member(id).record);
  for (const id of IDS) {
    const { disk, backend } = cluster.member(id);
    const header = await restoreImage({
      disk,
      backend,
      image: inPieces(image),
      walSegmentBytes: SMALL_SETTINGS.walSegmentBytes,
      identity: { clusterId: 0xbeefn, memberId: id, directoryNonce: 100n + id },
      members,
      ...(revisionBump === undefined ? {} : { revisionBump }),
    });
    assert.equal(header.clusterId, 0xc0n);
    cluster.member(id).disk = disk.crash('lost');
  }
  await cluster.startAll();
  await cluster.elect();
  return cluster;
}

async function pairs(cluster: ClusterLite, id: bigint): Promise<ReadonlyMap<string, string>> {
  const { kvs } = await cluster.run(cluster.kernel(id).store.range({ key: '\0', rangeEnd: '\0' }));
  return new Map(kvs.map(({ key, value }) => [decoder.decode(key), decoder.decode(value)]));
}

describe('an image of the state', () => {
  it('is as long as it says, of one revision, and a new cluster begins with it', async () => {
    const { world, kernel } = await filled(1);
    const image = await during(world, kernel.snapshot());
    const { revision } = kernel.header();
    assert.equal(image.revision, revision);
    const { hash } = await during(world, kernel.hashKv(revision));
    await during(world, kernel.store.put({ key: 'later', value: 'not in the image' }));
    const bytes = await collect(world, image);
    assert.equal(bytes.length, image.byteCount);
    assert.equal(bytes.length % 512, 0);
    const summary = await inspectImage(inPieces(bytes));
    assert.equal(summary.byteCount, bytes.length);
    assert.equal(summary.header.revision, revision);
    assert.equal(summary.rowCounts.lease, 1);
    assert.equal(summary.rowCounts.key, world.backend.count('key'));
    await kernel.close();
    const cluster = await restored(bytes);
    for (const id of IDS) {
      const member = cluster.kernel(id);
      assert.equal(member.header().revision, revision);
      assert.equal(member.header().clusterId, 0xbeefn);
      assert.equal((await cluster.run(member.hashKv(revision))).hash, hash);
      const found = await pairs(cluster, id);
      assert.equal(found.get('last'), 'z');
      assert.equal(found.has('later'), false);
      assert.equal(found.has('k3'), false);
      assert.equal(member.status().leaseCount, 1);
      assert.deepEqual(
        (await member.members(false)).map(({ name }) => name),
        ['m1', 'm2', 'm3'],
      );
    }
    await cluster.run(cluster.kernel(2n).store.put({ key: 'new', value: 'n' }));
    assert.equal(cluster.kernel(2n).header().revision, revision + 1);
    for (const id of IDS) cluster.crash(id);
    for (const id of IDS) await cluster.start(id);
    await cluster.elect();
    assert.equal((await pairs(cluster, 3n)).get('new'), 'n');
    const left = await cluster.run(cluster.kernel(1n).store.leases.revoke(7n));
    assert.equal(left.header.revision, revision + 2);
    assert.equal((await pairs(cluster, 1n)).has('leased'), false);
    await cluster.close();
  });

  it('leaves behind the alarms of members that the new cluster does not have', async () => {
    const { world, kernel } = await filled(3);
    const raise = (memberId: bigint): Promise<unknown> =>
      during(world, kernel.setAlarm('activate', { memberId, alarm: 'nospace' }));
    await raise(0xa1n);
    await raise(2n);
    const bytes = await collect(world, await during(world, kernel.snapshot()));
    await kernel.close();
    const cluster = await restored(bytes);
    for (const id of IDS) {
      assert.deepEqual(cluster.kernel(id).alarms(), [{ memberId: 2n, alarm: 'nospace' }]);
    }
    await cluster.run(
      cluster.kernel(1n).setAlarm('deactivate', { memberId: 2n, alarm: 'nospace' }),
    );
    await cluster.run(cluster.kernel(1n).store.put({ key: 'a', value: '' }));
    await cluster.close();
  });

  it('leaves behind what is a copy of the rows', async () => {
    const { world, kernel } = await filled(8);
    await during(world, kernel.close());
    world.backend.crash();
    const again = await during(world, openSimKernel(world));
    const { meta } = (
      await inspectImage(inPieces(await collect(world, await during(world, again.snapshot()))))
    ).rowCounts;
    assert.ok(world.backend.count('meta') > 4, 'there is an index checkpoint');
    assert.equal(meta, 4, 'store, applied entry, and two of compaction');
    await during(world, again.close());
  });

  it('is taken while others write, and is of one moment', async () => {
    const { world, kernel } = await filled(2);
    const taking = kernel.snapshot();
    const writes = Array.from({ length: 200 }, (_, i) =>
      kernel.store.txn({
        success: [
          { kind: 'put', key: 'a', value: `${i}` },
          { kind: 'put', key: 'b', value: `${i}` },
        ],
      }),
    );
    const image = await during(world, taking);
    await during(world, Promise.all(writes));
    const bytes = await collect(world, image);
    await kernel.close();
    const cluster = await restored(bytes);
    const found = await pairs(cluster, 1n);
    assert.equal(found.get('a'), found.get('b'));
    assert.equal(cluster.kernel(1n).header().revision, image.revision);
    await cluster.close();
  });

  it('goes on from a later revision when it is told to, with all before compacted', async () => {
    const { world, kernel } = await filled(3);
    const bytes = await collect(world, await during(world, kernel.snapshot()));
    const { revision } = kernel.header();
    await kernel.close();
    const cluster = await restored(bytes, 1_000_000);
    const bumped = revision + 1_000_000;
    for (const id of IDS) assert.equal(cluster.kernel(id).header().revision, bumped);
    assert.equal((await pairs(cluster, 1n)).get('last'), 'z');
    const { store } = cluster.kernel(1n);
    const old = store.range({ key: 'last', revision });
    assert.equal(await cluster.codeOf(old), 'Compacted');
    let error: unknown;
    store.watch({ key: 'k', startRevision: revision + 1 }).subscribe({
      error: (reason: unknown) => {
        error = reason;
      },
    });
    const seen: number[] = [];
    const watching = store
      .watch({ key: 'k', rangeEnd: 'm', startRevision: bumped })
      .subscribe((batch) => seen.push(batch.revision));
    await cluster.run(cluster.kernel(3n).store.put({ key: 'k1', value: 'again' }));
    await cluster.advance(500);
    assert.match(String(error), /compacted/);
    assert.deepEqual(seen, [bumped + 1]);
    watching.unsubscribe();
    const hashes = new Set<number>();
    for (const id of IDS) {
      hashes.add((await cluster.run(cluster.kernel(id).hashKv(bumped + 1))).hash);
    }
    assert.equal(hashes.size, 1);
    for (const id of IDS) cluster.crash(id);
    for (const id of IDS) await cluster.start(id);
    await cluster.elect();
    assert.equal((await pairs(cluster, 2n)).get('k1'), 'again');
    await cluster.run(cluster.kernel(2n).store.compact({ revision: bumped + 1, physical: true }));
    await cluster.close();
  });

  it('leaves nothing to start from when it is damaged', async () => {
    const { world, kernel } = await filled(4);
    const bytes = await collect(world, await during(world, kernel.snapshot()));
    await kernel.close();
    const cluster = new ClusterLite();
    const members = IDS.map((id) => cluster.member(id).record);
    const identity = { clusterId: 1n, memberId: 1n, directoryNonce: 3n };
    const disk = new SimDisk(world.random.split('other disk'));
    const backend = new SimBackend(world.random.split('other backend'));
    for (const damaged of [bytes.with(bytes.length >> 1, 7), bytes.subarray(0, -512)]) {
      const image = inPieces(damaged);
      await assert.rejects(restoreImage({ disk, backend, image, identity, members }), /damaged/);
      assert.equal(backend.count('key'), 0);
      assert.deepEqual(await disk.list('wal'), []);
    }
    const stranger = { ...identity, memberId: 9n };
    await assert.rejects(
      restoreImage({ disk, backend, image: inPieces(bytes), identity: stranger, members }),
      /not among the members/,
    );
    await restoreImage({ disk, backend, image: inPieces(bytes), identity, members });
    await assert.rejects(
      restoreImage({ disk, backend, image: inPieces(bytes), identity, members }),
      /there is a state/,
    );
  });

  it('is one of a few at once, and is given back when nobody reads it to its end', async () => {
    const { world, kernel } = await filled(5);
    const images = await Promise.all(
      Array.from({ length: LIMITS.imagesAtOnce }, () => during(world, kernel.snapshot())),
    );
    await assert.rejects(during(world, kernel.snapshot()), { code: 'TooManyRequests' });
    await images[0]?.pieces[Symbol.asyncIterator]().return?.();
    const another = await during(world, kernel.snapshot());
    const reading = collect(world, another);
    const closing = kernel.close();
    await assert.rejects(reading, { code: 'Stopped' });
    await during(world, closing);
    await assert.rejects(kernel.snapshot(), { code: 'Stopped' });
  });

  it('is not disturbed by a defragmentation, and neither are reads and writes', async () => {
    const { world, kernel } = await filled(7);
    const image = await during(world, kernel.snapshot());
    const work = Array.from({ length: 30 }, async (_, i) => {
      if (i % 10 === 3) await kernel.defragment();
      await kernel.store.put({ key: `d${i}`, value: `${i}` });
      const { kvs } = await kernel.store.range({ key: `d${i}` });
      assert.equal(decoder.decode(kvs[0]?.value), `${i}`);
    });
    await during(world, Promise.all(work));
    assert.equal((await collect(world, image)).length, image.byteCount);
    const { revision } = kernel.header();
    const { hash } = await during(world, kernel.hashKv(revision));
    await during(world, kernel.close());
    await assert.rejects(kernel.defragment(), { code: 'Stopped' });
    world.backend.crash();
    const again = await during(world, openSimKernel(world));
    assert.equal((await during(world, again.hashKv(revision))).hash, hash);
    await during(world, again.close());
  });

  it('stops a member whose rows are damaged', async () => {
    const { world, kernel } = await filled(6);
    await world.clock.advance(1000);
    world.backend.flipBit('key', 25, 40);
    await assert.rejects(during(world, kernel.snapshot()), { code: 'Stopped' });
    assert.match(String(await kernel.failed), /corrupt/);
    await kernel.close();
  });
});
