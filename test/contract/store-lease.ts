// Leases: granted, kept alive, ended; their keys vanish in one revision.
import assert from 'node:assert/strict';
import { prefix, toText } from '../../src/store/index.js';
import { Collector, rejectsWith, showAll, showBatch, type StoreHarness } from './store-harness.js';

export function leaseContract(harness: () => StoreHarness): void {
  const store = (): StoreHarness['store'] => harness().store;

  it('grants under a chosen or a fresh id, never twice', async () => {
    const fresh = await store().leases.grant({ ttlSeconds: 60 });
    assert.ok(fresh.id > 0n);
    assert.equal(fresh.ttlSeconds, 60);
    const chosen = fresh.id - 1n;
    assert.equal((await store().leases.grant({ ttlSeconds: 60, id: chosen })).id, chosen);
    await rejectsWith(store().leases.grant({ ttlSeconds: 60, id: chosen }), 'LeaseExists');
    await rejectsWith(store().leases.grant({ ttlSeconds: 9_000_000_001 }), 'LeaseTtlTooLarge');
    const { ids } = await store().leases.list();
    assert.ok(ids.includes(fresh.id) && ids.includes(chosen));
    await store().leases.revoke(fresh.id);
    await store().leases.revoke(chosen);
    const after = await store().leases.list();
    assert.ok(!after.ids.includes(fresh.id));
  });

  it('raises a TTL below the minimum', async () => {
    const { id, ttlSeconds } = await store().leases.grant({ ttlSeconds: 1 });
    assert.equal(ttlSeconds, harness().ttlMinSeconds ?? 2);
    await store().leases.revoke(id);
  });

  it('deletes all keys of a revoked lease in one revision, in order', async () => {
    const { id } = await store().leases.grant({ ttlSeconds: 60 });
    await store().put({ key: 'l/b', value: '1', lease: id });
    await store().put({ key: 'l/a', value: '1', lease: id });
    await store().put({ key: 'l/free', value: '1', lease: id });
    const base = (await store().put({ key: 'l/free', value: '2' })).header.revision;
    const watch = Collector.watch(store(), { ...prefix('l/'), startRevision: base + 1 });
    const { header } = await store().leases.revoke(id);
    assert.equal(header.revision, base + 1);
    const [batch] = await watch.until(1);
    assert.ok(batch !== undefined);
    assert.equal(showBatch(batch, base), '1: -l/a -l/b');
    assert.deepEqual(showAll((await store().range(prefix('l/'))).kvs), ['l/free=2']);
    await rejectsWith(store().put({ key: 'l/a', value: '3', lease: id }), 'LeaseNotFound');
    await rejectsWith(store().leases.revoke(id), 'LeaseNotFound');
    watch.stop();
  });

  it('moves a key from lease to lease', async () => {
    const first = (await store().leases.grant({ ttlSeconds: 60 })).id;
    const second = (await store().leases.grant({ ttlSeconds: 60 })).id;
    await store().put({ key: 'l2/k', value: '1', lease: first });
    await store().put({ key: 'l2/k', value: '2', lease: second });
    const keysOf = async (id: bigint): Promise<readonly string[]> =>
      (await store().leases.timeToLive({ id, keys: true })).keys.map((key) => toText(key));
    assert.deepEqual(await keysOf(first), []);
    assert.deepEqual(await keysOf(second), ['l2/k']);
    await store().leases.revoke(first);
    assert.deepEqual(showAll((await store().range({ key: 'l2/k' })).kvs), ['l2/k=2']);
    await store().leases.revoke(second);
    assert.equal((await store().range({ key: 'l2/k' })).count, 0);
  });

  it('tells what is left of a lease, and of one that is not there', async () => {
    const { id } = await store().leases.grant({ ttlSeconds: 60 });
    const alive = await store().leases.timeToLive({ id });
    assert.equal(alive.grantedTtlSeconds, 60);
    assert.ok(alive.remainingTtlSeconds >= 58 && alive.remainingTtlSeconds <= 60);
    assert.deepEqual(alive.keys, []);
    await store().leases.revoke(id);
    const gone = await store().leases.timeToLive({ id, keys: true });
    assert.deepEqual([gone.remainingTtlSeconds, gone.grantedTtlSeconds], [-1, 0]);
    await rejectsWith(store().leases.keepAlive(id), 'LeaseNotFound');
  });

  it('expires what is not kept alive, not early, and all its keys at once', async () => {
    const lost = (await store().leases.grant({ ttlSeconds: 2 })).id;
    const kept = (await store().leases.grant({ ttlSeconds: 2 })).id;
    await store().put({ key: 'l3/a', value: '1', lease: lost });
    await store().put({ key: 'l3/b', value: '1', lease: lost });
    const base = (await store().put({ key: 'l3/kept', value: '1', lease: kept })).header.revision;
    const watch = Collector.watch(store(), { ...prefix('l3/'), startRevision: base + 1 });
    const startMs = store().clock.monotonic();
    while (watch.batches.length === 0 && store().clock.monotonic() - startMs < 15_000) {
      assert.equal((await store().leases.keepAlive(kept)).ttlSeconds, 2);
      await harness().advance(300);
    }
    assert.ok(store().clock.monotonic() - startMs >= 1700, 'expired early');
    const [batch] = await watch.until(1);
    assert.ok(batch !== undefined);
    assert.equal(showBatch(batch, base), '1: -l3/a -l3/b');
    assert.deepEqual(showAll((await store().range(prefix('l3/'))).kvs), ['l3/kept=1']);
    await store().leases.revoke(kept);
    watch.stop();
  });
}
