// Proves what holds for a member as a whole: revisions are emitted in order even when subscribers
// write, any I/O failure ends the member and nothing is answered after it, what a member was told
// is there when it is opened again, and state that does not fit together is refused.
import assert from 'node:assert/strict';
import { StateMismatchError } from '../../../src/kernel/index.js';
import { Wal } from '../../../src/kernel/wal/wal.js';
import { SimBackend } from '../../../src/simulation/sim-backend.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { isStoreError } from '../../../src/store/index.js';
import { Collector, rejectsWith, showAll } from '../../contract/store-harness.js';
import {
  openSimKernel,
  type SimWorld,
  simWorld,
  SMALL_SETTINGS,
} from '../../support/sim-kernel.js';

describe('a member', () => {
  it('emits revisions in order to every subscriber, even when one of them writes', async () => {
    const { store } = await openSimKernel(simWorld(1));
    const second: number[] = [];
    let written: Promise<unknown> | undefined;
    store.revisions$.subscribe(({ revision }) => {
      if (revision === 2) written = store.put({ key: 'from inside', value: '' });
    });
    store.revisions$.subscribe(({ revision }) => second.push(revision));
    await Promise.all(['a', 'b', 'c'].map((key) => store.put({ key, value: '' })));
    await written;
    assert.deepEqual(second, [2, 3, 4, 5]);
    await store.close();
  });

  it('puts many waiting writes into few log entries', async () => {
    const kernel = await openSimKernel(simWorld(1));
    const before = kernel.status().appliedIndex;
    const writes = Array.from({ length: 500 }, (_, at) =>
      kernel.store.put({ key: `k${at}`, value: 'v' }),
    );
    await Promise.all(writes);
    assert.equal(kernel.header().revision, 501);
    assert.ok(kernel.status().appliedIndex - before <= 3);
    await kernel.close();
  });

  it('is the same after it was closed and opened again', async () => {
    const world = simWorld(2);
    const first = await openSimKernel(world);
    const { id } = await first.store.leases.grant({ ttlSeconds: 100 });
    for (let at = 0; at < 100; at++) {
      await first.store.put({ key: `k${at % 7}`, value: `${at}`, lease: at % 2 === 0 ? id : 0n });
    }
    await first.store.compact({ revision: 50 });
    await first.setAlarm('activate', { memberId: 1n, alarm: 'nospace' });
    const hash = await first.hashKv(0);
    const { term } = { term: first.header().raftTerm };
    await first.close();
    const again = await openSimKernel(crashed(world));
    assert.deepEqual(await again.hashKv(0), hash);
    assert.ok(again.header().raftTerm > term);
    assert.equal(again.header().revision, 101);
    assert.deepEqual(again.alarms(), [{ memberId: 1n, alarm: 'nospace' }]);
    const lease = await again.store.leases.timeToLive({ id, keys: true });
    assert.equal(lease.grantedTtlSeconds, 100);
    assert.ok(lease.keys.length > 0);
    assert.equal((await again.members(true))[0]?.name, 'one');
    await again.close();
  });

  it('flushes when few rows hold much, without waiting for its timer', async () => {
    const world = simWorld(9);
    const kernel = await openSimKernel(world, { ...SMALL_SETTINGS, requestBytesMax: 2 ** 24 });
    const value = new Uint8Array(2 ** 23);
    for (let at = 0; at < 6; at++) await kernel.store.put({ key: `${at}`, value });
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    assert.ok(world.backend.count('key') > 0);
    await kernel.close();
  });

  it('refuses writes that cost space while the alarm is up, and lets go of space', async () => {
    const kernel = await openSimKernel(simWorld(3));
    const { store } = kernel;
    await store.put({ key: 'a', value: '1' });
    await kernel.setAlarm('activate', { memberId: 1n, alarm: 'nospace' });
    await rejectsWith(store.put({ key: 'b', value: '1' }), 'NoSpace');
    await rejectsWith(store.txn({ success: [{ kind: 'put', key: 'b', value: '1' }] }), 'NoSpace');
    await rejectsWith(store.leases.grant({ ttlSeconds: 10 }), 'NoSpace');
    assert.deepEqual(showAll((await store.range({ key: 'a' })).kvs), ['a=1']);
    assert.equal((await store.delete({ key: 'a' })).deleted, 1);
    await kernel.setAlarm('deactivate', { memberId: 1n, alarm: 'nospace' });
    await store.put({ key: 'b', value: '1' });
    await kernel.setAlarm('activate', { memberId: 1n, alarm: 'corrupt' });
    await rejectsWith(store.range({ key: 'b' }), 'Corrupt');
    await rejectsWith(store.delete({ key: 'b' }), 'Corrupt');
    await kernel.close();
  });

  it('ends at the first failed sync, and answers nothing after it', async () => {
    const world = simWorld(4);
    const kernel = await openSimKernel(world);
    await kernel.store.put({ key: 'a', value: 'acknowledged' });
    world.disk.fail({ call: 'writeDurably', nth: 1, kind: 'io' });
    await rejectsWith(kernel.store.put({ key: 'a', value: 'lost' }), 'Stopped');
    assert.match((await kernel.failed).message, /writeDurably|write/);
    await rejectsWith(kernel.store.range({ key: 'a' }), 'Stopped');
    await rejectsWith(kernel.store.put({ key: 'b', value: '' }), 'Stopped');
    await kernel.close();
    const again = await openSimKernel(crashed(world));
    const { kvs } = await again.store.range({ key: 'a' });
    assert.ok(['a=acknowledged', 'a=lost'].includes(showAll(kvs)[0] as string));
    await again.close();
  });

  it('ends when the backend fails, though the write was acknowledged from the log', async () => {
    const world = simWorld(5);
    const kernel = await openSimKernel(world);
    await kernel.store.put({ key: 'a', value: '1' });
    world.backend.failNextCommit(new Error('disk gone'));
    await world.clock.advance(200);
    assert.match((await kernel.failed).message, /disk gone/);
    await rejectsWith(kernel.store.put({ key: 'b', value: '' }), 'Stopped');
    await kernel.close();
    const again = await openSimKernel(crashed(world));
    assert.deepEqual(showAll((await again.store.range({ key: 'a' })).kvs), ['a=1']);
    await again.close();
  });

  it('ends watches with Stopped when it closes and when it fails', async () => {
    const world = simWorld(9);
    const closing = await openSimKernel(world);
    const watch = Collector.watch(closing.store, { key: 'a' });
    await closing.close();
    assert.ok(isStoreError(await watch.failed(), 'Stopped'));
    const failing = await openSimKernel(crashed(world));
    const other = Collector.watch(failing.store, { key: 'a' });
    world.backend.failNextCommit(new Error('disk gone'));
    await failing.store.put({ key: 'b', value: '' });
    await world.clock.advance(200);
    assert.ok(isStoreError(await other.failed(), 'Stopped'));
    await failing.close();
  });

  it('will not start on a backend that is older than its log', async () => {
    const world = simWorld(6);
    const kernel = await openSimKernel(world);
    for (let at = 0; at < 100; at++) await kernel.store.put({ key: 'k', value: `${at}` });
    await kernel.close();
    const empty = { ...world, backend: new SimBackend(new SimRandom(1)) };
    await assert.rejects(openSimKernel(empty), StateMismatchError);
  });

  // A clean close leaves a checkpoint, with which a start does not look at rows of keys.
  for (const bucket of ['key', 'meta', 'lease', 'alarm', 'members'] as const) {
    it(`will not start when any bit of a row in ${bucket} is wrong`, async () => {
      const world = simWorld(9);
      const kernel = await openSimKernel(world);
      const { id } = await kernel.store.leases.grant({ ttlSeconds: 100 });
      await kernel.store.put({ key: 'k', value: 'v', lease: id });
      await kernel.setAlarm('activate', { memberId: 1n, alarm: 'nospace' });
      if (bucket === 'key') await world.clock.advance(1000);
      else await kernel.close();
      for (let bit = 0; bit < 64; bit++) {
        const damaged = crashed(world);
        if (!damaged.backend.flipBit(bucket, 0, bit)) break;
        await assert.rejects(openSimKernel(damaged), /corrupt|damaged|checksum/i, `bit ${bit}`);
        damaged.backend.flipBit(bucket, 0, bit);
      }
      const again = await openSimKernel(crashed(world));
      assert.equal(again.header().revision, 2);
      await again.close();
    });
  }

  it('says that a directory of another release is one', async () => {
    const world = simWorld(10);
    const conf = { voters: [0xa1n], learners: [], votersOutgoing: [], learnersNext: [] };
    const mark = { index: 0, term: 0, confState: { ...conf, autoLeave: false } };
    // Format 1, cluster id, member id: what 0.1.0 wrote.
    const metadata = Uint8Array.of(1, ...new Uint8Array(16).fill(7));
    const wal = await Wal.create({ disk: world.disk, directory: 'wal' }, metadata, mark);
    await wal.close();
    await assert.rejects(openSimKernel(world), /metadata has format 1.*another release/);
  });

  it('will not start on a log that was made anew under its state', async () => {
    const world = simWorld(7);
    const kernel = await openSimKernel(world);
    for (let at = 0; at < 100; at++) await kernel.store.put({ key: 'k', value: `${at}` });
    await kernel.close();
    const { disk } = simWorld(8);
    await assert.rejects(openSimKernel({ ...crashed(world), disk }), StateMismatchError);
  });
});

/** The world as a power cut leaves it. */
function crashed(world: SimWorld): SimWorld {
  world.backend.crash();
  return { ...world, disk: world.disk.crash() };
}
