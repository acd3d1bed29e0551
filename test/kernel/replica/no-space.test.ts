// Proves that a member that runs out of room says so before anything is lost: by one alarm, however
// many ask; reads and what makes room go on meanwhile, and writes when the alarm is cleared.
import assert from 'node:assert/strict';
import { type Kernel, openKernel, type ReplicaProbe } from '../../../src/kernel/index.js';
import { readEntryPayload } from '../../../src/kernel/codec/entry-payload.js';
import type { Disk } from '../../../src/ports/disk.js';
import { LIMITS } from '../../../src/store/index.js';
import { rejectsWith } from '../../contract/store-harness.js';
import { ClusterLite, CLUSTER_SETTINGS } from '../../support/sim-cluster-lite.js';
import {
  openSimKernel,
  SILENT,
  SMALL_SETTINGS,
  type SimWorld,
  simWorld,
} from '../../support/sim-kernel.js';

const RESERVE = 1000;
const SETTINGS = { ...SMALL_SETTINGS, diskReserveBytes: RESERVE };

/** A disk that says how much is left on it. */
function gauged(disk: Disk, freeBytes: () => Promise<number | undefined>): Disk {
  return Object.assign(disk, { freeBytes });
}

function clear(kernel: Kernel): Promise<unknown> {
  return Promise.all(kernel.alarms().map((alarm) => kernel.setAlarm('deactivate', alarm)));
}

/** Long enough for a look at the disk and for what follows from it. */
function look(world: SimWorld): Promise<void> {
  return world.clock.advance(LIMITS.diskCheckMs + 2 * SETTINGS.heartbeatMs);
}

describe('a member without room', () => {
  it('raises one alarm for all that it refuses', async () => {
    const world = simWorld(1);
    let alarmCount = 0;
    const probe: ReplicaProbe = {
      stepped: () => undefined,
      sending: () => undefined,
      persisted: () => undefined,
      applied: ({ kind, data }) => {
        if (kind !== 'normal' || data.length === 0) return;
        alarmCount += readEntryPayload(data).filter((command) => command.kind === 'alarm').length;
      },
      installed: () => undefined,
    };
    const kernel = await openKernel({
      ...world,
      trace: SILENT,
      settings: { ...SMALL_SETTINGS, quotaBytes: 1 },
      clusterId: 0xc0n,
      member: {
        id: 0xa1n,
        name: 'one',
        peerUrls: ['http://a:2380'],
        clientUrls: [],
        isLearner: false,
      },
      probe,
    });
    const puts = Array.from({ length: 50 }, (_, at) =>
      kernel.store.put({ key: `k${at}`, value: '' }),
    );
    for (const put of puts) await rejectsWith(put, 'NoSpace');
    assert.equal(alarmCount, 1);
    await kernel.close();
  });

  it('only refuses, for as long as it has no room, where nobody could clear an alarm', async () => {
    const world = simWorld(3);
    let free = RESERVE - 1;
    gauged(world.disk, () => Promise.resolve(free));
    const kernel = await openSimKernel(world, { ...SETTINGS, raisesNoSpace: false });
    const { store } = kernel;
    await look(world);
    await rejectsWith(store.put({ key: 'a', value: '' }), 'NoSpace');
    assert.deepEqual(kernel.alarms(), []);
    free = RESERVE;
    await look(world);
    await store.put({ key: 'a', value: '' });
    await kernel.close();
  });

  it('says so before its disk is full, and refuses what the log need not hold then', async () => {
    const world = simWorld(2);
    let free = RESERVE;
    gauged(world.disk, () => Promise.resolve(free));
    const kernel = await openSimKernel(world, SETTINGS);
    const { store } = kernel;
    await store.put({ key: 'a', value: '1' });
    await look(world);
    assert.deepEqual(kernel.alarms(), []);
    free = RESERVE - 1;
    await look(world);
    assert.deepEqual(kernel.alarms(), [{ memberId: 0xa1n, alarm: 'nospace' }]);
    const { appliedIndex } = kernel.status();
    await rejectsWith(store.put({ key: 'b', value: '' }), 'NoSpace');
    await rejectsWith(store.leases.grant({ ttlSeconds: 60 }), 'NoSpace');
    assert.equal(kernel.status().appliedIndex, appliedIndex);
    assert.equal((await store.range({ key: 'a' })).count, 1);
    assert.equal((await store.delete({ key: 'a' })).deleted, 1);
    await store.compact({ revision: kernel.header().revision });
    await kernel.close();
  });

  it('takes writes again once there is room and the alarm is cleared, not before', async () => {
    const world = simWorld(3);
    let free = 0;
    gauged(world.disk, () => Promise.resolve(free));
    const kernel = await openSimKernel(world, SETTINGS);
    await look(world);
    await clear(kernel);
    await look(world);
    assert.equal(kernel.alarms().length, 1, 'there is still no room');
    free = 10 * RESERVE;
    await look(world);
    await rejectsWith(kernel.store.put({ key: 'a', value: '' }), 'NoSpace');
    await clear(kernel);
    await kernel.store.put({ key: 'a', value: '' });
    await kernel.close();
  });

  it('is no member whose disk does not say', async () => {
    const world = simWorld(4);
    const answers: (() => Promise<number | undefined>)[] = [
      () => Promise.reject(new Error('no such call')),
      () => Promise.resolve(undefined),
    ];
    gauged(world.disk, () => (answers.shift() ?? (() => Promise.resolve(undefined)))());
    const kernel = await openSimKernel(world, SETTINGS);
    for (let at = 0; at < 3; at++) await look(world);
    assert.deepEqual(answers, []);
    await kernel.store.put({ key: 'a', value: '' });
    await kernel.close();
  });

  it('is not helped by other members that have some', async () => {
    const settings = { ...CLUSTER_SETTINGS, diskReserveBytes: RESERVE };
    const cluster = await new ClusterLite({ seed: 5, settings }).startAll();
    const leader = await cluster.elect();
    const poor = cluster.running.find(({ id }) => id !== leader.id);
    assert.ok(poor !== undefined);
    gauged(poor.disk, () => Promise.resolve(0));
    await cluster.advance(LIMITS.diskCheckMs + 500);
    const alarm = { memberId: poor.id, alarm: 'nospace' };
    for (const { running } of cluster.running) assert.deepEqual(running.alarms(), [alarm]);
    assert.equal(
      await cluster.codeOf(leader.running.store.put({ key: 'a', value: '' })),
      'NoSpace',
    );
    await cluster.close();
  });
});
