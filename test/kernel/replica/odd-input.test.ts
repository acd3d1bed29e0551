// Proves that nothing a caller in this process passes can end a member or poison its log: what
// cannot be encoded is refused alone, extreme numbers mean what they say, and a small limit on
// requests does not stop what the member proposes itself.
import assert from 'node:assert/strict';
import type { Compare, PutRequest, TxnRequest } from '../../../src/store/index.js';
import { rejectsWith, showAll } from '../../contract/store-harness.js';
import {
  openSimKernel,
  type SimWorld,
  simWorld,
  SMALL_SETTINGS,
} from '../../support/sim-kernel.js';

function crashed(world: SimWorld): SimWorld {
  world.backend.crash();
  return { ...world, disk: world.disk.crash() };
}

const when = (compare: Compare): TxnRequest => ({
  compare: [compare],
  success: [{ kind: 'put', key: 'a', value: 'yes' }],
  failure: [{ kind: 'put', key: 'a', value: 'no' }],
});

const version = (operator: Compare['operator'], operand: number): Compare => ({
  key: 'a',
  target: 'version',
  operator,
  operand,
});

describe('a member and odd input', () => {
  for (const operand of [1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    it(`keeps its log whole when a comparison is with ${operand}`, async () => {
      const world = simWorld(1);
      const kernel = await openSimKernel(world);
      const { store } = kernel;
      const odd = store.txn(when(version('<', operand))).catch((error: unknown) => error);
      const sound = store.put({ key: 'b', value: 'sound' });
      await odd;
      await sound;
      await store.put({ key: 'c', value: 'sound' });
      await kernel.close();
      const again = await openSimKernel(crashed(world));
      const { kvs } = await again.store.range({ key: 'b', rangeEnd: 'd' });
      assert.deepEqual(showAll(kvs), ['b=sound', 'c=sound']);
      await again.close();
    });
  }

  it('refuses what has no meaning, and goes on', async () => {
    const kernel = await openSimKernel(simWorld(1));
    const { store } = kernel;
    const odd = { key: 'a', target: 'version', operator: '>=', operand: 1 } as unknown as Compare;
    const results = [
      store.txn(when(odd)),
      store.put({ key: 'a', value: 7 } as unknown as PutRequest),
      store.txn({ success: [{ kind: 'put', key: 'x', value: '' }, { kind: 'erase' }] } as never),
      store.put({ key: 'b', value: 'sound' }),
    ];
    const settled = await Promise.allSettled(results);
    assert.equal(settled[0]?.status, 'rejected');
    assert.equal(settled[2]?.status, 'rejected');
    assert.equal(settled[3]?.status, 'fulfilled');
    await store.put({ key: 'c', value: 'sound' });
    assert.deepEqual(showAll((await store.range({ key: 'b', rangeEnd: 'd' })).kvs), [
      'b=sound',
      'c=sound',
    ]);
    await kernel.close();
  });

  it('compares with the largest numbers of the wire', async () => {
    const kernel = await openSimKernel(simWorld(1));
    const { store } = kernel;
    await store.put({ key: 'a', value: '' });
    for (const operand of [2 ** 53 - 1, 2 ** 63, 2 ** 64]) {
      assert.equal((await store.txn(when(version('<', operand)))).succeeded, true, `${operand}`);
      assert.equal((await store.txn(when(version('>', -operand)))).succeeded, true, `-${operand}`);
    }
    await kernel.close();
  });

  it('refuses numbers that are not whole, whether or not they would reach the log', async () => {
    const kernel = await openSimKernel(simWorld(1));
    const { store } = kernel;
    await store.put({ key: 'a', value: '1' });
    for (const odd of [1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const range of [
        { key: 'a', revision: odd },
        { key: 'a', limit: odd },
        { key: 'a', maxModRevision: odd },
      ]) {
        const read = { kind: 'range', ...range } as const;
        const write = { kind: 'put', key: 'b', value: '' } as const;
        await rejectsWith(store.range(range), 'InvalidArgument');
        await rejectsWith(store.txn({ success: [read] }), 'InvalidArgument');
        await rejectsWith(store.txn({ success: [read, write] }), 'InvalidArgument');
      }
      await rejectsWith(store.compact({ revision: odd }), 'InvalidArgument');
    }
    assert.equal(kernel.header().revision, 2);
    await kernel.close();
  });

  it('refuses a lease id beyond 64 bits instead of taking another lease for it', async () => {
    const kernel = await openSimKernel(simWorld(1));
    const { store } = kernel;
    const { id } = await store.leases.grant({ ttlSeconds: 100, id: 5n });
    const far = id + (1n << 64n);
    await rejectsWith(store.leases.grant({ ttlSeconds: 100, id: far }), 'InvalidArgument');
    await rejectsWith(store.leases.revoke(far), 'InvalidArgument');
    await rejectsWith(store.put({ key: 'a', value: '', lease: far }), 'InvalidArgument');
    assert.deepEqual((await store.leases.list()).ids, [5n]);
    await kernel.close();
  });

  it('keeps leases of negative ids through a restart', async () => {
    const world = simWorld(1);
    const first = await openSimKernel(world);
    for (const id of [-1n, -(1n << 63n), (1n << 63n) - 1n]) {
      await first.store.leases.grant({ ttlSeconds: 100, id });
      await first.store.put({ key: `k${id}`, value: '', lease: id });
    }
    await first.close();
    const again = await openSimKernel(crashed(world));
    const { ids } = await again.store.leases.list();
    assert.deepEqual(ids, [-(1n << 63n), -1n, (1n << 63n) - 1n]);
    await again.store.leases.revoke(-1n);
    assert.equal((await again.store.range({ key: 'k', rangeEnd: 'l' })).count, 2);
    await again.close();
  });

  it('expires leases though requests must be small', async () => {
    const world = simWorld(1);
    const kernel = await openSimKernel(world, { ...SMALL_SETTINGS, requestBytesMax: 256 });
    const { store } = kernel;
    for (let at = 0; at < 200; at++) await store.leases.grant({ ttlSeconds: 2 });
    await world.clock.advance(30_000);
    assert.deepEqual((await store.leases.list()).ids, []);
    await kernel.close();
  });

  it('raises the alarm of a full store though requests must be small', async () => {
    const small = { ...SMALL_SETTINGS, requestBytesMax: 8, quotaBytes: 200 };
    const kernel = await openSimKernel(simWorld(1), small);
    await rejectsWith(kernel.store.put({ key: 'a', value: '' }), 'NoSpace');
    assert.equal(kernel.alarms()[0]?.alarm, 'nospace');
    await kernel.close();
  });

  it('opens though its own name is larger than a request may be', async () => {
    const kernel = await openSimKernel(simWorld(1), { ...SMALL_SETTINGS, requestBytesMax: 16 });
    await kernel.store.put({ key: 'a', value: '' });
    await kernel.setAlarm('activate', { memberId: 1n, alarm: 'nospace' });
    await rejectsWith(kernel.store.put({ key: 'a', value: 'x'.repeat(20) }), 'RequestTooLarge');
    await kernel.close();
  });
});
