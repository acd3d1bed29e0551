// Proves what a member does with the checkpoint of its index: it starts from the one that a clean
// close left, with its leases; it stops, as ever, at a damaged row that it reads; it says when a
// checkpoint cannot be used, and serves all the same; a checkpoint that cannot be written spoils no
// close; and its bytes are not counted against the quota.
import assert from 'node:assert/strict';
import { openKernel } from '../../../src/kernel/index.js';
import type { Trace } from '../../../src/ports/trace.js';
import { rejectsWith, showAll } from '../../contract/store-harness.js';
import {
  openSimKernel,
  type SimWorld,
  simWorld,
  SMALL_SETTINGS,
} from '../../support/sim-kernel.js';
import { checkpointKeys } from '../mvcc/checkpoint-world.js';

function crashed(world: SimWorld): SimWorld {
  world.backend.crash();
  return { ...world, disk: world.disk.crash() };
}

/** What a member warned of while it opened, took a write, and closed. */
async function warningsOf(world: SimWorld): Promise<string[]> {
  const warnings: string[] = [];
  const trace: Trace = {
    event: (severity, name) => {
      if (severity === 'warn' || severity === 'error') warnings.push(name);
    },
  };
  const kernel = await openKernel({
    ...world,
    random: world.random.split('kernel'),
    trace,
    settings: SMALL_SETTINGS,
    clusterId: 0xc0n,
    member: { id: 0xa1n, name: 'one', peerUrls: [], clientUrls: [], isLearner: false },
  });
  await kernel.store.put({ key: 'last', value: 'written' });
  await kernel.close();
  return warnings;
}

async function closedMember(seed: number): Promise<SimWorld> {
  const world = simWorld(seed);
  const kernel = await openSimKernel(world);
  for (const key of ['a', 'b', 'c']) await kernel.store.put({ key, value: `value of ${key}` });
  await kernel.close();
  const after = crashed(world);
  assert.ok(checkpointKeys(after.backend).length > 0);
  return after;
}

describe('a member that was closed cleanly', () => {
  it('starts without its rows, and stops at a damaged one that somebody reads', async () => {
    const world = await closedMember(1);
    assert.ok(world.backend.flipBit('key', 0, 100));
    const kernel = await openSimKernel(world);
    assert.deepEqual(showAll((await kernel.store.range({ key: 'b' })).kvs), ['b=value of b']);
    await rejectsWith(kernel.store.range({ key: 'a' }), 'Stopped');
    assert.match((await kernel.failed).message, /checksum/);
    await kernel.close();
    await assert.doesNotReject(openSimKernel(crashed(world)).then((again) => again.close()));
  });

  it('knows which keys its leases hold', async () => {
    const world = simWorld(2);
    const first = await openSimKernel(world);
    const { id } = await first.store.leases.grant({ ttlSeconds: 100 });
    await first.store.put({ key: 'leased', value: '', lease: id });
    await first.store.put({ key: 'free', value: '' });
    await first.close();
    const again = await openSimKernel(crashed(world));
    await again.store.leases.revoke(id);
    assert.deepEqual(showAll((await again.store.range({ key: 'free' })).kvs), ['free=']);
    assert.equal((await again.store.range({ key: 'leased' })).count, 0);
    await again.close();
  });

  it('keeps its checkpoint through lives without a write, and makes a new one after a write', async () => {
    let world = await closedMember(3);
    const bytes = (): unknown =>
      checkpointKeys(world.backend).map((k) => world.backend.get('meta', k));
    const before = bytes();
    for (let lives = 0; lives < 3; lives++) {
      await (await openSimKernel(world)).close();
      world = crashed(world);
      assert.deepEqual(bytes(), before);
    }
    const kernel = await openSimKernel(world);
    await kernel.store.put({ key: 'd', value: '' });
    await world.clock.advance(1000);
    assert.deepEqual(checkpointKeys(world.backend), []);
    await kernel.close();
    world = crashed(world);
    assert.equal(checkpointKeys(world.backend).length, 2);
    assert.notDeepEqual(bytes(), before);
    assert.deepEqual(await warningsOf(world), []);
  });

  it('says that its checkpoint is damaged, serves from its rows, and leaves a good one', async () => {
    const world = await closedMember(4);
    const rows = [...world.backend.range('meta', new Uint8Array(0), undefined, 0)];
    const at = rows.findIndex(({ key }) => new TextDecoder().decode(key).startsWith('indexC'));
    assert.ok(world.backend.flipBit('meta', at, 9));
    assert.deepEqual(await warningsOf(world), ['index checkpoint not used, reading all rows']);
    const after = crashed(world);
    assert.deepEqual(await warningsOf(after), []);
    const kernel = await openSimKernel(crashed(after));
    assert.equal((await kernel.store.range({ key: 'a', rangeEnd: 'd' })).count, 3);
    await kernel.close();
  });

  it('closes though its checkpoint cannot be written', async () => {
    const world = await closedMember(5);
    const commit = world.backend.commit.bind(world.backend);
    world.backend.commit = async (writes) => {
      const last = writes.at(-1);
      const name = new TextDecoder().decode(last?.key);
      if (name === 'indexCheckpoint' && last?.value !== undefined) throw new Error('no space left');
      await commit(writes);
    };
    assert.deepEqual(await warningsOf(world), ['no index checkpoint written']);
    const after = crashed(world);
    assert.deepEqual(checkpointKeys(after.backend), []);
    const again = await openSimKernel(after);
    assert.deepEqual(showAll((await again.store.range({ key: 'last' })).kvs), ['last=written']);
    await again.close();
  });

  it('leaves no checkpoint after a failure', async () => {
    const world = await closedMember(6);
    const kernel = await openSimKernel(world);
    await kernel.store.put({ key: 'd', value: '' });
    await world.clock.advance(1000);
    world.disk.fail({ call: 'writeDurably', nth: 1, kind: 'io' });
    await rejectsWith(kernel.store.put({ key: 'e', value: '' }), 'Stopped');
    await kernel.close();
    assert.deepEqual(checkpointKeys(crashed(world).backend), []);
  });

  it('has the room that it had before, by its quota', async () => {
    const world = simWorld(7);
    const first = await openSimKernel(world);
    for (let at = 0; at < 200; at++) await first.store.put({ key: `k${at}`, value: '' });
    await world.clock.advance(1000);
    const { dbSizeInUseBytes } = first.status();
    await first.close();
    const after = crashed(world);
    const settings = { ...SMALL_SETTINGS, quotaBytes: dbSizeInUseBytes + 700 };
    assert.ok(after.backend.size().usedBytes > settings.quotaBytes);
    const kernel = await openSimKernel(after, settings);
    await kernel.store.put({ key: 'new', value: '' });
    await kernel.close();
  });
});
