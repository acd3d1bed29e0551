// Watches: replay and live as one sequence, atomic per revision, filtered, resumable, honest at its
// end.
import assert from 'node:assert/strict';
import { isStoreError, prefix, type RevisionBatch } from '../../src/store/index.js';
import { Collector, show, showBatch, type StoreHarness } from './store-harness.js';

export function watchContract(harness: () => StoreHarness): void {
  const store = (): StoreHarness['store'] => harness().store;
  const shown = (batches: readonly RevisionBatch[], base: number): readonly string[] =>
    batches.map((batch) => showBatch(batch, base));

  it('replays from a revision and goes on live, without gap or repetition', async () => {
    const base = (await store().put({ key: 'w/a', value: '1' })).header.revision;
    await store().put({ key: 'w/b', value: '2' });
    await store().put({ key: 'other', value: 'x' });
    await store().delete({ key: 'w/a' });
    const watch = Collector.watch(store(), { ...prefix('w/'), startRevision: base });
    await watch.until(3);
    await store().put({ key: 'w/c', value: '3' });
    assert.deepEqual(shown(await watch.until(4), base), [
      '0: +w/a=1',
      '1: +w/b=2',
      '3: -w/a',
      '4: +w/c=3',
    ]);
    watch.stop();
  });

  it('carries all changes of one revision together, in order', async () => {
    const base = (await store().put({ key: 'w2/seed', value: '' })).header.revision;
    const watch = Collector.watch(store(), { ...prefix('w2/'), startRevision: base + 1 });
    await store().txn({
      success: [
        { kind: 'put', key: 'w2/b', value: '1' },
        { kind: 'put', key: 'w2/a', value: '2' },
        { kind: 'delete', key: 'w2/seed' },
      ],
    });
    assert.deepEqual(shown(await watch.until(1), base), ['1: +w2/b=1 +w2/a=2 -w2/seed']);
    const [batch] = watch.batches;
    assert.equal(batch?.events[2]?.kv.modRevision, base + 1);
    assert.equal(batch?.events[2]?.kv.version, 0);
    watch.stop();
  });

  it('starts in the future when told to, and delivers nothing earlier', async () => {
    const base = (await store().put({ key: 'w3', value: '0' })).header.revision;
    const watch = Collector.watch(store(), { key: 'w3', startRevision: base + 3 });
    for (const value of ['1', '2', '3', '4']) await store().put({ key: 'w3', value });
    assert.deepEqual(shown(await watch.until(2), base), ['3: +w3=3', '4: +w3=4']);
    watch.stop();
  });

  it('filters kinds, and shows the pair before a change', async () => {
    const base = (await store().put({ key: 'w4', value: 'one' })).header.revision;
    await store().put({ key: 'w4', value: 'two' });
    await store().delete({ key: 'w4' });
    await store().put({ key: 'w4', value: 'three' });
    const from = { key: 'w4', startRevision: base };
    const deletes = Collector.watch(store(), { ...from, noPut: true });
    const puts = Collector.watch(store(), { ...from, noDelete: true });
    const pairs = Collector.watch(store(), { ...from, prevKv: true });
    assert.deepEqual(shown(await deletes.until(1), base), ['2: -w4']);
    assert.deepEqual(shown(await puts.until(3), base), [
      '0: +w4=one',
      '1: +w4=two',
      '3: +w4=three',
    ]);
    await pairs.until(4);
    const before = pairs.batches.map(({ events }) => show(events[0]?.prevKv));
    assert.deepEqual(before, [undefined, 'w4=one', 'w4=two', undefined]);
    for (const watch of [deletes, puts, pairs]) watch.stop();
  });

  it('follows a range end, an open end and a single key', async () => {
    const base = (await store().put({ key: 'w5/0', value: '' })).header.revision;
    const startRevision = base + 1;
    const half = Collector.watch(store(), { key: 'w5/a', rangeEnd: 'w5/c', startRevision });
    const single = Collector.watch(store(), { key: 'w5/c', startRevision });
    for (const name of ['a', 'b', 'c']) await store().put({ key: `w5/${name}`, value: name });
    assert.deepEqual(shown(await half.until(2), base), ['1: +w5/a=a', '2: +w5/b=b']);
    assert.deepEqual(shown(await single.until(1), base), ['3: +w5/c=c']);
    half.stop();
    single.stop();
  });

  it('errors with WatchRangeEmpty for a range without keys', async () => {
    const watch = Collector.watch(store(), { key: 'z', rangeEnd: 'a' });
    assert.ok(isStoreError(await watch.failed(), 'WatchRangeEmpty'), String(watch.error));
  });

  it('emits every revision on revisions$', async () => {
    const all = new Collector(store().revisions$);
    const probe = Collector.watch(store(), { key: 'w6' });
    let base = 0;
    while (all.batches.length === 0) {
      base = (await store().put({ key: 'w6', value: '1' })).header.revision;
      await Promise.race([all.until(1), probe.until(1)]);
    }
    all.batches.length = 0;
    base = (await store().put({ key: 'w6', value: 'mark' })).header.revision;
    await store().put({ key: 'w6/b', value: '2' });
    while (!all.batches.some(({ revision }) => revision === base + 1)) {
      await all.until(all.batches.length + 1);
    }
    const revisions = all.batches.map(({ revision }) => revision);
    assert.deepEqual(
      revisions,
      revisions.toSorted((a, b) => a - b),
    );
    assert.ok(revisions.includes(base));
    all.stop();
    probe.stop();
  });

  it('errors with Compacted, and says where history starts, instead of skipping', async () => {
    const base = (await store().put({ key: 'w7', value: '1' })).header.revision;
    await store().put({ key: 'w7', value: '2' });
    await store().put({ key: 'w7', value: '3' });
    await store().compact({ revision: base + 2 });
    const watch = Collector.watch(store(), { key: 'w7', startRevision: base });
    const error = await watch.failed();
    assert.ok(isStoreError(error, 'Compacted'), String(error));
    assert.equal(error.compactRevision, base + 2);
    assert.deepEqual(watch.batches, []);
  });

  it('still replays from the compacted revision itself', async () => {
    await store().put({ key: 'w8', value: '1' });
    const base = (await store().put({ key: 'w8', value: '2' })).header.revision;
    await store().compact({ revision: base });
    const watch = Collector.watch(store(), { key: 'w8', startRevision: base });
    assert.deepEqual(shown(await watch.until(1), base), ['0: +w8=2']);
    watch.stop();
  });
}
