// Transactions: comparisons, branches, what operations see of each other, and what is refused.
import assert from 'node:assert/strict';
import { fromKey, prefix, type TxnOperation, type TxnRequest } from '../../src/store/index.js';
import {
  Collector,
  rejectsWith,
  show,
  showAll,
  showBatch,
  type StoreHarness,
} from './store-harness.js';

const put = (key: string, value: string): TxnOperation => ({ kind: 'put', key, value });
const get = (key: string): TxnOperation => ({ kind: 'range', key });

export function txnContract(harness: () => StoreHarness): void {
  const store = (): StoreHarness['store'] => harness().store;
  const holds = async (compare: NonNullable<TxnRequest['compare']>): Promise<boolean> =>
    (await store().txn({ compare })).succeeded;

  it('compares every number and the value, and takes one branch', async () => {
    const { header } = await store().put({ key: 't/a', value: 'm' });
    const revision = header.revision;
    const key = 't/a';
    assert.ok(await holds([{ key, target: 'version', operator: '=', operand: 1 }]));
    assert.ok(await holds([{ key, target: 'create', operator: '=', operand: revision }]));
    assert.ok(await holds([{ key, target: 'mod', operator: '>', operand: revision - 1 }]));
    assert.ok(await holds([{ key, target: 'mod', operator: '!=', operand: revision + 1 }]));
    assert.ok(await holds([{ key, target: 'lease', operator: '=', operand: 0n }]));
    assert.ok(await holds([{ key, target: 'value', operator: '=', operand: 'm' }]));
    assert.ok(await holds([{ key, target: 'value', operator: '<', operand: 'n' }]));
    assert.ok(!(await holds([{ key, target: 'value', operator: '>', operand: 'm' }])));
    const both = [
      { key, target: 'version', operator: '=', operand: 1 },
      { key, target: 'version', operator: '=', operand: 2 },
    ] as const;
    assert.ok(!(await holds(both)));
    assert.ok(await holds([]));
    const result = await store().txn({
      compare: [{ key, target: 'version', operator: '=', operand: 9 }],
      success: [put('t/wrong', 'x')],
      failure: [put('t/right', 'y'), get('t/right')],
    });
    assert.equal(result.succeeded, false);
    assert.equal(result.header.revision, revision + 1);
    const [written, read] = result.responses;
    assert.equal(written?.kind, 'put');
    assert.ok(read?.kind === 'range');
    assert.deepEqual(showAll(read.kvs), ['t/right=y']);
  });

  it('takes a missing key for zero, but never for a value', async () => {
    const key = 't/missing';
    assert.ok(await holds([{ key, target: 'version', operator: '=', operand: 0 }]));
    assert.ok(await holds([{ key, target: 'create', operator: '=', operand: 0 }]));
    assert.ok(await holds([{ key, target: 'mod', operator: '<', operand: 1 }]));
    assert.ok(!(await holds([{ key, target: 'value', operator: '=', operand: '' }])));
    assert.ok(!(await holds([{ key, target: 'value', operator: '!=', operand: 'x' }])));
  });

  it('compares every key of a range', async () => {
    await store().put({ key: 't/r/1', value: 'v' });
    await store().put({ key: 't/r/2', value: 'v' });
    const range = prefix('t/r/');
    assert.ok(await holds([{ ...range, target: 'value', operator: '=', operand: 'v' }]));
    await store().put({ key: 't/r/3', value: 'w' });
    assert.ok(!(await holds([{ ...range, target: 'value', operator: '=', operand: 'v' }])));
    const none = prefix('t/none/');
    assert.ok(await holds([{ ...none, target: 'create', operator: '=', operand: 0 }]));
  });

  it('runs operations in order in one revision, each seeing those before it', async () => {
    const before = (await store().put({ key: 't/o/1', value: 'old' })).header.revision;
    const { responses, header } = await store().txn({
      success: [
        get('t/o/1'),
        { kind: 'put', key: 't/o/2', value: 'new', prevKv: true },
        { kind: 'range', ...prefix('t/o/') },
        { kind: 'delete', key: 't/o/1', prevKv: true },
        { kind: 'range', ...prefix('t/o/'), countOnly: true },
      ],
    });
    assert.equal(header.revision, before + 1);
    const [one, two, three, four, five] = responses;
    assert.ok(one?.kind === 'range' && two?.kind === 'put' && three?.kind === 'range');
    assert.ok(four?.kind === 'delete' && five?.kind === 'range');
    assert.equal(one.revision, before);
    assert.equal(two.prevKv, undefined);
    assert.deepEqual(showAll(three.kvs), ['t/o/1=old', 't/o/2=new']);
    assert.equal(four.deleted, 1);
    assert.equal(show(four.prevKvs[0]), 't/o/1=old');
    assert.equal(five.count, 1);
  });

  it('judges nested comparisons on the state before', async () => {
    const result = await store().txn({
      success: [
        put('t/n', 'outer'),
        {
          kind: 'txn',
          compare: [{ key: 't/n', target: 'create', operator: '=', operand: 0 }],
          success: [put('t/n/inner', 'absent before')],
          failure: [put('t/n/inner', 'present before')],
        },
      ],
    });
    const [, nested] = result.responses;
    assert.ok(nested?.kind === 'txn');
    assert.equal(nested.succeeded, true);
    const { kvs } = await store().range({ key: 't/n/inner' });
    assert.deepEqual(showAll(kvs), ['t/n/inner=absent before']);
  });

  it('makes no revision when it only reads', async () => {
    const before = (await store().put({ key: 't/q', value: '1' })).header.revision;
    const read = await store().txn({ success: [get('t/q')] });
    assert.equal(read.header.revision, before);
    const nothing = await store().txn({ success: [{ kind: 'delete', key: 't/none' }] });
    assert.equal(nothing.header.revision, before);
  });

  it('refuses to touch a key twice', async () => {
    const twice = store().txn({ success: [put('t/d', '1'), put('t/d', '2')] });
    await rejectsWith(twice, 'DuplicateKey');
    const deleted = store().txn({
      success: [put('t/d', '1'), { kind: 'delete', ...prefix('t/') }],
    });
    await rejectsWith(deleted, 'DuplicateKey');
    const nested = store().txn({
      success: [put('t/d', '1'), { kind: 'txn', success: [put('t/d', '2')] }],
    });
    await rejectsWith(nested, 'DuplicateKey');
    await store().txn({
      success: [{ kind: 'txn', success: [put('t/d', '1')], failure: [put('t/d', '2')] }],
    });
    assert.deepEqual(showAll((await store().range({ key: 't/d' })).kvs), ['t/d=1']);
  });

  it('runs a delete without end among puts, in order', async () => {
    const { header } = await store().txn({
      success: [put('zz/a', '1'), { kind: 'delete', ...fromKey('zz/') }, put('zz/b', '2')],
    });
    const base = header.revision;
    assert.deepEqual(showAll((await store().range(fromKey('zz/'))).kvs), ['zz/b=2']);
    const watch = Collector.watch(store(), { ...fromKey('zz/'), startRevision: base });
    const [batch] = await watch.until(1);
    assert.ok(batch !== undefined);
    assert.equal(showBatch(batch, base), '0: +zz/a=1 -zz/a +zz/b=2');
    watch.stop();
    await store().txn({ success: [{ kind: 'delete', ...fromKey('zz/') }, put('zz/b', '3')] });
    const pairs = Collector.watch(store(), {
      ...fromKey('zz/'),
      startRevision: base + 1,
      prevKv: true,
    });
    const [again] = await pairs.until(1);
    // The pair before the revision belongs to the delete; the put makes the key anew.
    const before = again?.events.map(({ type, prevKv }) => `${type} ${show(prevKv)}`);
    assert.deepEqual(before, ['delete zz/b=2', 'put undefined']);
    pairs.stop();
  });

  it('fails as a whole, and changes nothing then', async () => {
    const before = (await store().put({ key: 't/w', value: '1' })).header.revision;
    const lease = store().txn({
      success: [put('t/w', '2'), { kind: 'put', key: 't/w2', value: 'x', lease: 987_654_321n }],
    });
    await rejectsWith(lease, 'LeaseNotFound');
    const future = store().txn({
      success: [put('t/w', '2'), { kind: 'range', key: 't/w', revision: before + 1000 }],
    });
    await rejectsWith(future, 'FutureRevision');
    const negative = store().txn({
      success: [put('t/w', '2'), { kind: 'range', key: 't/w', revision: -2 }],
    });
    await rejectsWith(negative, 'Compacted');
    const keep = store().txn({
      success: [put('t/w', '2'), { kind: 'put', key: 't/none', ignoreValue: true }],
    });
    await rejectsWith(keep, 'KeyNotFound');
    await rejectsWith(store().txn({ success: [put('', 'x')] }), 'EmptyKey');
    const { kvs, header } = await store().range({ key: 't/w' });
    assert.deepEqual(showAll(kvs), ['t/w=1']);
    assert.equal(header.revision, before);
  });

  it('bounds the number of operations', async () => {
    const operations = (count: number): TxnOperation[] =>
      Array.from({ length: count }, (_, at) => put(`t/m/${at}`, 'x'));
    await store().txn({ success: operations(128) });
    await rejectsWith(store().txn({ success: operations(129) }), 'TooManyOps');
    const compare = Array.from(
      { length: 129 },
      () => ({ key: 't/m', target: 'version', operator: '=', operand: 0 }) as const,
    );
    await rejectsWith(store().txn({ compare }), 'TooManyOps');
  });
}
