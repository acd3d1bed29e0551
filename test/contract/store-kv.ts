// Reads and writes: what every Store answers to range, put, delete and compact.
import assert from 'node:assert/strict';
import { allKeys, fromKey, prefix, toText } from '../../src/store/index.js';
import { rejectsWith, show, showAll, type StoreHarness } from './store-harness.js';

export function kvContract(harness: () => StoreHarness): void {
  const store = (): StoreHarness['store'] => harness().store;

  it('counts one revision a write, and numbers a key from its creation', async () => {
    const first = await store().put({ key: 'kv/a', value: '1' });
    const second = await store().put({ key: 'kv/a', value: '2' });
    assert.equal(second.header.revision, first.header.revision + 1);
    const { kvs, count, more } = await store().range({ key: 'kv/a' });
    assert.equal(count, 1);
    assert.equal(more, false);
    const [kv] = kvs;
    assert.equal(show(kv), 'kv/a=2');
    assert.equal(kv?.createRevision, first.header.revision);
    assert.equal(kv?.modRevision, second.header.revision);
    assert.equal(kv?.version, 2);
    assert.equal(kv?.lease, 0n);
  });

  it('starts a key anew after a delete, and deletes nothing without a revision', async () => {
    await store().put({ key: 'kv/b', value: '1' });
    const gone = await store().delete({ key: 'kv/b', prevKv: true });
    assert.equal(gone.deleted, 1);
    assert.deepEqual(showAll(gone.prevKvs), ['kv/b=1']);
    const nothing = await store().delete({ key: 'kv/b', prevKv: true });
    assert.equal(nothing.deleted, 0);
    assert.deepEqual(nothing.prevKvs, []);
    assert.equal(nothing.header.revision, gone.header.revision);
    const again = await store().put({ key: 'kv/b', value: '2', prevKv: true });
    assert.equal(again.prevKv, undefined);
    const { kvs } = await store().range({ key: 'kv/b' });
    assert.equal(kvs[0]?.version, 1);
    assert.equal(kvs[0]?.createRevision, again.header.revision);
  });

  it('gives back the pair that a put replaces', async () => {
    await store().put({ key: 'kv/c', value: 'old' });
    const { prevKv } = await store().put({ key: 'kv/c', value: 'new', prevKv: true });
    assert.equal(show(prevKv), 'kv/c=old');
    assert.equal(prevKv?.version, 1);
  });

  it('keeps a value or a lease when told to', async () => {
    const { id } = await store().leases.grant({ ttlSeconds: 60 });
    await store().put({ key: 'kv/d', value: 'v', lease: id });
    await store().put({ key: 'kv/d', ignoreValue: true });
    let [kv] = (await store().range({ key: 'kv/d' })).kvs;
    assert.equal(show(kv), 'kv/d=v');
    assert.equal(kv?.lease, 0n);
    await store().put({ key: 'kv/d', value: 'v', lease: id });
    await store().put({ key: 'kv/d', value: 'w', ignoreLease: true });
    [kv] = (await store().range({ key: 'kv/d' })).kvs;
    assert.equal(show(kv), 'kv/d=w');
    assert.equal(kv?.lease, id);
    await rejectsWith(store().put({ key: 'kv/none', ignoreValue: true }), 'KeyNotFound');
    await rejectsWith(store().put({ key: 'kv/none', ignoreLease: true }), 'KeyNotFound');
    const both = store().put({ key: 'kv/d', value: 'x', ignoreValue: true });
    await rejectsWith(both, 'ValueProvided');
    await rejectsWith(store().put({ key: 'kv/d', lease: id, ignoreLease: true }), 'LeaseProvided');
    await store().leases.revoke(id);
  });

  it('refuses an empty key and an unknown lease', async () => {
    await rejectsWith(store().put({ key: '', value: 'x' }), 'EmptyKey');
    await rejectsWith(store().range({ key: '' }), 'EmptyKey');
    await rejectsWith(store().delete({ key: '' }), 'EmptyKey');
    await rejectsWith(store().put({ key: 'kv/e', lease: 123_456_789n }), 'LeaseNotFound');
    assert.equal((await store().range({ key: 'kv/e' })).count, 0);
    // Of two faults, a lone put names the lease and a transaction the key.
    const both = { key: 'kv/e', lease: 123_456_789n, ignoreValue: true };
    await rejectsWith(store().put(both), 'LeaseNotFound');
    await rejectsWith(store().txn({ success: [{ kind: 'put', ...both }] }), 'KeyNotFound');
  });

  it('reads ranges: prefix, limit, from a key, none at all', async () => {
    for (const name of ['r/1', 'r/2', 'r/3', 'r0']) await store().put({ key: name, value: name });
    const all = await store().range(prefix('r/'));
    assert.deepEqual(showAll(all.kvs), ['r/1=r/1', 'r/2=r/2', 'r/3=r/3']);
    const two = await store().range({ ...prefix('r/'), limit: 2 });
    assert.deepEqual(showAll(two.kvs), ['r/1=r/1', 'r/2=r/2']);
    assert.equal(two.more, true);
    assert.equal(two.count, 3);
    const exact = await store().range({ ...prefix('r/'), limit: 3 });
    assert.equal(exact.more, false);
    const from = await store().range({ ...fromKey('r/3'), limit: 2 });
    assert.deepEqual(showAll(from.kvs), ['r/3=r/3', 'r0=r0']);
    const empty = await store().range({ key: 'r/3', rangeEnd: 'r/1' });
    assert.deepEqual([empty.kvs.length, empty.count, empty.more], [0, 0, false]);
    const counted = await store().range({ ...prefix('r/'), countOnly: true });
    assert.deepEqual([counted.kvs.length, counted.count], [0, 3]);
    const keys = await store().range({ ...prefix('r/'), keysOnly: true });
    assert.deepEqual(showAll(keys.kvs), ['r/1=', 'r/2=', 'r/3=']);
    assert.ok((await store().range({ ...allKeys(), countOnly: true })).count >= 4);
    const removed = await store().delete({ ...prefix('r/') });
    assert.equal(removed.deleted, 3);
  });

  it('sorts by anything, then cuts', async () => {
    await store().put({ key: 's/a', value: '3' });
    await store().put({ key: 's/b', value: '1' });
    await store().put({ key: 's/c', value: '2' });
    await store().put({ key: 's/a', value: '3' });
    const by = async (
      sortTarget: 'key' | 'version' | 'create' | 'mod' | 'value',
      sortOrder: 'none' | 'ascend' | 'descend',
    ): Promise<readonly string[]> => {
      const { kvs } = await store().range({ ...prefix('s/'), sortTarget, sortOrder });
      return kvs.map((kv) => toText(kv.key));
    };
    assert.deepEqual(await by('key', 'descend'), ['s/c', 's/b', 's/a']);
    assert.deepEqual(await by('value', 'ascend'), ['s/b', 's/c', 's/a']);
    assert.deepEqual(await by('mod', 'descend'), ['s/a', 's/c', 's/b']);
    assert.deepEqual(await by('create', 'ascend'), ['s/a', 's/b', 's/c']);
    assert.equal((await by('version', 'descend'))[0], 's/a');
    const last = await store().range({
      ...prefix('s/'),
      sortTarget: 'value',
      sortOrder: 'descend',
      limit: 1,
    });
    assert.deepEqual(showAll(last.kvs), ['s/a=3']);
    assert.equal(last.more, true);
    // Without an order it is ascending, but among the first keys only: one more than the limit.
    const first = await store().range({ ...prefix('s/'), sortTarget: 'mod', limit: 1 });
    assert.deepEqual(showAll(first.kvs), ['s/b=1']);
    assert.deepEqual([first.more, first.count], [true, 3]);
  });

  it('filters by revision and counts as if it did not', async () => {
    const first = (await store().put({ key: 'f/a', value: '1' })).header.revision;
    const second = (await store().put({ key: 'f/b', value: '1' })).header.revision;
    await store().put({ key: 'f/a', value: '2' });
    const changed = await store().range({ ...prefix('f/'), maxModRevision: second });
    assert.deepEqual(showAll(changed.kvs), ['f/b=1']);
    assert.equal(changed.count, 2);
    const born = await store().range({
      ...prefix('f/'),
      minCreateRevision: first,
      maxCreateRevision: first,
    });
    assert.deepEqual(showAll(born.kvs), ['f/a=2']);
    const young = await store().range({ ...prefix('f/'), minModRevision: second + 1 });
    assert.deepEqual(showAll(young.kvs), ['f/a=2']);
  });

  it('reads the past, and refuses the future', async () => {
    const one = (await store().put({ key: 'p/a', value: '1' })).header.revision;
    await store().put({ key: 'p/b', value: '1' });
    await store().delete({ key: 'p/a' });
    const now = (await store().put({ key: 'p/a', value: '2' })).header.revision;
    const past = await store().range({ ...prefix('p/'), revision: one });
    assert.deepEqual(showAll(past.kvs), ['p/a=1']);
    assert.equal(past.header.revision, now);
    const middle = await store().range({ ...prefix('p/'), revision: now - 1 });
    assert.deepEqual(showAll(middle.kvs), ['p/b=1']);
    assert.equal(middle.count, 1);
    await rejectsWith(store().range({ key: 'p/a', revision: now + 100 }), 'FutureRevision');
    const negative = await store().range({ key: 'p/a', revision: -1 });
    assert.deepEqual(showAll(negative.kvs), ['p/a=2']);
  });

  it('answers a cancelled call with Canceled', async () => {
    const controller = new AbortController();
    controller.abort();
    const { signal } = controller;
    await rejectsWith(store().put({ key: 'kv/x', value: '1' }, { signal }), 'Canceled');
  });
}

export function compactionContract(harness: () => StoreHarness): void {
  const store = (): StoreHarness['store'] => harness().store;

  it('discards history below, keeps what is current, and says where history starts', async () => {
    const first = (await store().put({ key: 'c/a', value: '1' })).header.revision;
    await store().put({ key: 'c/a', value: '2' });
    const third = (await store().put({ key: 'c/a', value: '3' })).header.revision;
    await rejectsWith(store().compact({ revision: third + 100 }), 'FutureRevision');
    await store().compact({ revision: third - 1 });
    await rejectsWith(store().range({ key: 'c/a', revision: first }), 'Compacted');
    const at = await store().range({ key: 'c/a', revision: third - 1 });
    assert.deepEqual(showAll(at.kvs), ['c/a=2']);
    assert.deepEqual(showAll((await store().range({ key: 'c/a' })).kvs), ['c/a=3']);
    await rejectsWith(store().compact({ revision: third - 1 }), 'Compacted');
    await rejectsWith(store().compact({ revision: 1 }), 'Compacted');
  });

  it('can wait until the rows are gone', async () => {
    const { header } = await store().put({ key: 'c/b', value: '1' });
    const done = await harness().settle(
      store().compact({ revision: header.revision, physical: true }),
    );
    assert.ok(done.header.revision >= header.revision);
    assert.deepEqual(showAll((await store().range({ key: 'c/b' })).kvs), ['c/b=1']);
  });
}
