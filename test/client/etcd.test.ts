// Proves that the client is a Store on a real etcd: every method, the errors by code, watches that
// live through its death and return, leases, roles and health, and an orderly close.
import assert from 'node:assert/strict';
import { connect } from '../../src/client/index.js';
import {
  allKeys,
  prefix,
  type RevisionBatch,
  type Store,
  toText,
  type TxnRequest,
} from '../../src/store/index.js';
import { type EtcdProcess, etcdMissing, startEtcd } from '../support/etcd-process.js';
import { skipWhen } from '../support/skip.js';
import { Recorder } from './recorder.js';

function textOf(batch: RevisionBatch | undefined): string[] {
  return (batch?.events ?? []).map(
    ({ type, kv }) => `${type} ${toText(kv.key)}=${toText(kv.value)}`,
  );
}

describe('client on etcd', () => {
  let etcd: EtcdProcess;
  let store: Store;

  before(async function () {
    skipWhen(this, etcdMissing());
    etcd = await startEtcd();
    store = await connect(etcd.endpoint);
  });

  after(async () => {
    await store?.close();
    await etcd?.stop();
  });

  it('puts, reads and deletes', async () => {
    const first = await store.put({ key: 'kv/a', value: 'one' });
    assert.ok(first.header.clusterId > 0n && first.header.memberId > 0n);
    assert.ok(first.header.raftTerm > 0);
    assert.equal(first.prevKv, undefined);
    const second = await store.put({ key: 'kv/a', value: 'two', prevKv: true });
    assert.equal(second.header.revision, first.header.revision + 1);
    assert.equal(toText(second.prevKv?.value ?? new Uint8Array()), 'one');
    await store.put({ key: 'kv/b', value: new Uint8Array(100_000).fill(7) });
    const range = await store.range({ ...prefix('kv/'), sortTarget: 'mod', sortOrder: 'descend' });
    assert.deepEqual(
      range.kvs.map((kv) => toText(kv.key)),
      ['kv/b', 'kv/a'],
    );
    assert.equal(range.kvs[0]?.value.length, 100_000);
    assert.equal(range.kvs[1]?.version, 2);
    const past = await store.range({ key: 'kv/a', revision: first.header.revision });
    assert.equal(toText(past.kvs[0]?.value ?? new Uint8Array()), 'one');
    const limited = await store.range({ ...prefix('kv/'), limit: 1, keysOnly: true });
    assert.deepEqual([limited.count, limited.more, limited.kvs.length], [2, true, 1]);
    const deleted = await store.delete({ ...prefix('kv/'), prevKv: true });
    assert.deepEqual([deleted.deleted, deleted.prevKvs.length], [2, 2]);
    assert.equal((await store.range({ key: 'kv/a', countOnly: true })).count, 0);
  });

  it('compares and acts, nested', async () => {
    await store.put({ key: 'txn/a', value: 'x' });
    const request: TxnRequest = {
      compare: [
        { key: 'txn/a', target: 'value', operator: '=', operand: 'x' },
        { key: 'txn/', rangeEnd: 'txn0', target: 'version', operator: '>', operand: 0 },
        { key: 'txn/none', target: 'create', operator: '=', operand: 0 },
        { key: 'txn/a', target: 'lease', operator: '=', operand: 0n },
      ],
      success: [
        { kind: 'put', key: 'txn/b', value: 'y', prevKv: true },
        { kind: 'range', ...prefix('txn/') },
        {
          kind: 'txn',
          compare: [{ key: 'txn/a', target: 'mod', operator: '<', operand: 1 }],
          failure: [{ kind: 'delete', key: 'txn/a', prevKv: true }],
        },
      ],
    };
    const result = await store.txn(request);
    assert.equal(result.succeeded, true);
    const [put, range, nested] = result.responses;
    assert.ok(put?.kind === 'put' && range?.kind === 'range' && nested?.kind === 'txn');
    assert.equal(put.revision, result.header.revision);
    assert.equal(range.count, 2);
    assert.equal(nested.succeeded, false);
    const [removed] = nested.responses;
    assert.ok(removed?.kind === 'delete');
    assert.equal(toText(removed.prevKvs[0]?.key ?? new Uint8Array()), 'txn/a');
  });

  it('rejects with the code of what is wrong', async () => {
    const rejects = (call: Promise<unknown>, code: string) => assert.rejects(call, { code });
    await rejects(store.range({ key: '' }), 'EmptyKey');
    await rejects(store.range({ key: 'a', revision: 1_000_000 }), 'FutureRevision');
    await rejects(store.put({ key: 'a', ignoreValue: true, value: 'x' }), 'ValueProvided');
    await rejects(store.put({ key: 'never', ignoreLease: true }), 'KeyNotFound');
    await rejects(store.put({ key: 'a', lease: 12_345n }), 'LeaseNotFound');
    await rejects(store.leases.grant({ ttlSeconds: 10_000_000_000 }), 'LeaseTtlTooLarge');
    await rejects(store.leases.revoke(77n), 'LeaseNotFound');
    await rejects(store.leases.keepAlive(77n), 'LeaseNotFound');
    await rejects(store.put({ key: 'a', value: 'x'.repeat(1_600_000) }), 'RequestTooLarge');
    await rejects(store.put({ key: 'a', value: 'x'.repeat(3_000_000) }), 'RequestTooLarge');
    await rejects(store.range({ key: 'a', sortOrder: 'up' as 'none' }), 'InvalidSortOption');
    const put = { kind: 'put', key: 'twice' } as const;
    await rejects(store.txn({ success: [put, put] }), 'DuplicateKey');
    const many = Array.from({ length: 129 }, (_, i) => ({ ...put, key: `k${i}` }));
    await rejects(store.txn({ success: many }), 'TooManyOps');
    await rejects(store.compact({ revision: 1_000_000 }), 'FutureRevision');
  });

  it('grants, keeps, lists and revokes leases', async () => {
    const lease = await store.leases.grant({ ttlSeconds: 60 });
    assert.ok(lease.id > 0n);
    assert.equal(lease.ttlSeconds, 60);
    const own = await store.leases.grant({ ttlSeconds: 30, id: 4242n });
    assert.equal(own.id, 4242n);
    await assert.rejects(store.leases.grant({ ttlSeconds: 30, id: 4242n }), {
      code: 'LeaseExists',
    });
    await store.put({ key: 'leased/b', lease: lease.id });
    await store.put({ key: 'leased/a', lease: lease.id });
    const kept = await Promise.all(
      [lease.id, 4242n, lease.id, 4242n].map((id) => store.leases.keepAlive(id)),
    );
    assert.deepEqual(
      kept.map((one) => one.ttlSeconds),
      [60, 30, 60, 30],
    );
    const left = await store.leases.timeToLive({ id: lease.id, keys: true });
    assert.equal(left.grantedTtlSeconds, 60);
    assert.ok(left.remainingTtlSeconds >= 58);
    assert.deepEqual(
      left.keys.map((key) => toText(key)),
      ['leased/a', 'leased/b'],
    );
    const { ids } = await store.leases.list();
    assert.ok(ids.includes(lease.id) && ids.includes(4242n));
    await store.leases.revoke(lease.id);
    assert.equal((await store.range(prefix('leased/'))).count, 0);
    assert.equal((await store.leases.timeToLive({ id: lease.id })).remainingTtlSeconds, -1);
  });

  it('watches history and what follows, one batch a revision', async () => {
    const { header } = await store.put({ key: 'watch/a', value: '1' });
    await store.txn({
      success: [
        { kind: 'put', key: 'watch/b', value: '2' },
        { kind: 'put', key: 'watch/c', value: '3' },
      ],
    });
    const seen = new Recorder(
      store.watch({ ...prefix('watch/'), startRevision: header.revision, prevKv: true }),
    );
    await seen.take(2);
    await store.delete({ key: 'watch/a' });
    const [first, second, third] = await seen.take(3);
    assert.deepEqual(textOf(first), ['put watch/a=1']);
    assert.deepEqual(textOf(second), ['put watch/b=2', 'put watch/c=3']);
    assert.deepEqual(textOf(third), ['delete watch/a=']);
    assert.equal(toText(third?.events[0]?.prevKv?.value ?? new Uint8Array()), '1');
    assert.deepEqual(
      seen.values.map((batch) => batch.revision - header.revision),
      [0, 1, 2],
    );
    seen.stop();
  });

  it('filters, and keeps watches of one stream apart', async () => {
    const { header } = await store.range({ key: 'x' });
    const startRevision = header.revision + 1;
    const puts = new Recorder(store.watch({ ...prefix('f/'), startRevision, noDelete: true }));
    const deletes = new Recorder(store.watch({ ...prefix('f/'), startRevision, noPut: true }));
    const single = new Recorder(store.watch({ key: 'f/b', startRevision }));
    await store.put({ key: 'f/a', value: '1' });
    await store.delete({ key: 'f/a' });
    await store.put({ key: 'f/b', value: '2' });
    assert.deepEqual((await puts.take(2)).flatMap(textOf), ['put f/a=1', 'put f/b=2']);
    assert.deepEqual((await deletes.take(1)).flatMap(textOf), ['delete f/a=']);
    assert.deepEqual((await single.take(1)).flatMap(textOf), ['put f/b=2']);
    for (const watcher of [puts, deletes, single]) watcher.stop();
  });

  it('fails a watch of compacted history, with where it starts now', async () => {
    const { header } = await store.put({ key: 'c', value: '1' });
    await store.put({ key: 'c', value: '2' });
    await store.compact({ revision: header.revision, physical: true });
    const watcher = new Recorder(store.watch({ key: 'c', startRevision: 1 }));
    const failure = await watcher.failure();
    assert.deepEqual(
      { ...(failure as object) },
      { ...(failure as object), code: 'Compacted', compactRevision: header.revision },
    );
    await assert.rejects(store.range({ key: 'c', revision: 1 }), { code: 'Compacted' });
    await assert.rejects(store.compact({ revision: 1 }), { code: 'Compacted' });
    const empty = new Recorder(store.watch({ key: 'b', rangeEnd: 'a' }));
    assert.equal(((await empty.failure()) as { code: string }).code, 'WatchRangeEmpty');
  });

  it('tells the role and the health of the member', async () => {
    const role = new Recorder(store.role$);
    const health = new Recorder(store.health$);
    assert.deepEqual(await role.take(1), ['leader']);
    assert.deepEqual(await health.take(1), [{ healthy: true, reason: '' }]);
    const late = new Recorder(store.role$);
    assert.deepEqual(late.values, ['leader']);
    for (const one of [role, health, late]) one.stop();
  });

  it('stops at an aborted signal', async () => {
    const signal = AbortSignal.abort(new Error('changed my mind'));
    await assert.rejects(store.range({ key: 'a' }, { signal }), { code: 'Canceled' });
    const controller = new AbortController();
    const call = store.put({ key: 'a' }, { signal: controller.signal });
    controller.abort();
    await assert.rejects(call, { code: 'Canceled' });
    const kept = store.leases.keepAlive(4242n, { signal: controller.signal });
    await assert.rejects(kept, { code: 'Canceled' });
  });

  it('lives through the death and return of the server', async () => {
    const watcher = new Recorder(store.watch(prefix('restart/')));
    const everything = new Recorder(store.revisions$);
    await store.put({ key: 'restart/before' });
    // The watch began "now", somewhere around that put: wait until it is known to be open.
    while (watcher.values.length === 0) await store.put({ key: 'restart/before' });
    await etcd.kill();
    const reading = store.range({ key: 'restart/before' });
    await etcd.start();
    assert.equal((await reading).count, 1);
    await store.put({ key: 'restart/after' });
    const lease = await store.leases.keepAlive(4242n);
    assert.equal(lease.ttlSeconds, 30);
    await watcher.find((batch) => textOf(batch)[0] === 'put restart/after=');
    const revisions = watcher.values.map((batch) => batch.revision);
    assert.deepEqual(
      revisions,
      [...new Set(revisions)].sort((a, b) => a - b),
    );
    assert.equal(everything.error, undefined);
    watcher.stop();
    everything.stop();
  });

  it('ends everything at close', async () => {
    const other = await connect(etcd.endpoint);
    const watcher = new Recorder(other.watch(allKeys()));
    const role = new Recorder(other.role$);
    const revisions = new Recorder(other.revisions$);
    await role.take(1);
    const calls = [
      other.range({ key: 'a' }),
      other.put({ key: 'a' }),
      other.leases.keepAlive(4242n),
    ];
    const outcomes = Promise.allSettled(calls);
    await other.close();
    await other.close();
    for (const outcome of await outcomes) {
      assert.equal(outcome.status, 'rejected');
      assert.equal((outcome.reason as { code: string }).code, 'Stopped');
    }
    assert.equal(((await watcher.failure()) as { code: string }).code, 'Stopped');
    await revisions.completion();
    await role.completion();
    assert.deepEqual(role.values, ['leader', 'stopped']);
    await assert.rejects(other.range({ key: 'a' }), { code: 'Stopped' });
    const late = new Recorder(other.watch({ key: 'a' }));
    assert.equal(((await late.failure()) as { code: string }).code, 'Stopped');
  });

  it('skips endpoints that do not answer', async () => {
    const other = await connect(['http://127.0.0.1:1', etcd.endpoint]);
    await other.put({ key: 'second' });
    await other.close();
  });
});

describe('client without a server', () => {
  it('names the endpoints and why', async () => {
    await assert.rejects(connect('http://127.0.0.1:1,http://127.0.0.1:2', { timeoutMs: 300 }), {
      code: 'Unavailable',
      message: /:\d \(.*ECONNREFUSED.*\), http:.*:\d \(.*ECONNREFUSED.*\), within 300 ms/,
    });
  });

  it('gives up at an aborted signal', async () => {
    const signal = AbortSignal.timeout(100);
    await assert.rejects(connect('http://127.0.0.1:1', { signal }), { code: 'Canceled' });
  });
});
