// Proves that what is built of data needs nothing but what a real etcd has: memberships, counters,
// sequences, transactions, caches, combined views, guards of several recipes and hand-overs, in
// real time.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { filter, firstValueFrom } from 'rxjs';
import { z } from 'zod';
import { type Coordination, isCoordinationError } from '../../src/recipes/index.js';
import { prefix, type Store } from '../../src/store/index.js';
import { peek } from '../../src/simulation/model/peek.js';
import { moment, overEveryStore } from './support/recipe-places.js';
import { until } from './support/until.js';

overEveryStore('data', (rivals) => {
  let store: Store;
  let a: Coordination;
  let b: Coordination;

  before(() => {
    ({ store, a, b } = rivals());
  });

  it('membership: who is there, a name that is taken, and back after a lost lease', async () => {
    const me = await a.members('workers').join({ id: 'w1', metadata: { load: 0 } });
    const taken = b.members('workers').join({ id: 'w1' });
    await assert.rejects(taken, (error) => isCoordinationError(error, 'Conflict'));
    const other = await b.members('workers').join({ id: 'w1', onConflict: 'suffix' });
    assert.equal(other.id, 'w1-2');
    const before = me.state;
    const { kvs } = await store.range(prefix('workers/'));
    const rejoining = firstValueFrom(me.state$.pipe(filter(({ kind }) => kind === 'rejoining')));
    await store.leases.revoke(kvs[0]?.lease ?? 0n);
    await rejoining;
    const back = await firstValueFrom(me.state$.pipe(filter(({ kind }) => kind === 'joined')));
    assert.ok(back.kind === 'joined' && before.kind === 'joined');
    assert.ok(back.incarnation > before.incarnation);
    await other.leave();
    const { members } = await b.members('workers').list();
    assert.deepEqual([...members.keys()].length, 1);
    await me.leave();
  });

  it('counter and sequence: nothing lost, nothing twice', async () => {
    const additions = [a, b].flatMap((coord) =>
      Array.from({ length: 5 }, () => coord.counter('hits').add(1)),
    );
    await Promise.all(additions);
    assert.equal(await a.counter('hits').get(), 10n);
    await a.counter('hits').add(5, { opId: 'once' });
    assert.equal((await b.counter('hits').add(5, { opId: 'once' })).applied, false);
    const [mine, theirs] = [
      a.sequence('ids', { blockSize: 3 }),
      b.sequence('ids', { blockSize: 3 }),
    ];
    const numbers: number[] = [];
    for (let n = 0; n < 5; n++) numbers.push(await mine.next(), await theirs.next());
    assert.equal(new Set(numbers).size, 10);
  });

  it('transactions: no update is lost, and a key that comes into a range is noticed', async () => {
    await store.put({ key: 'accounts/a', value: '10' });
    const add = (coord: Coordination): Promise<void> =>
      coord.stm(async (tx) => {
        tx.put('accounts/a', String(Number(await tx.getText('accounts/a')) + 1));
      });
    await Promise.all([add(a), add(b), add(a), add(b)]);
    let tries = 0;
    const count = await b.stm(async (tx) => {
      const pairs = await tx.range(prefix('accounts/'));
      if (tries++ === 0) await store.put({ key: 'accounts/b', value: '1' });
      tx.put('total', String(pairs.length));
      return pairs.length;
    });
    assert.deepEqual([tries, count], [2, 2]);
    assert.equal(await a.stm((tx) => tx.getText('accounts/a')), '14');
  });

  it('cache: read your own writes, over a compaction', async () => {
    await using cache = b.cache('cached/');
    await cache.ready();
    const { header } = await store.put({ key: 'cached/k', value: '1' });
    await cache.waitFor(header.revision);
    assert.equal(cache.getText('cached/k'), '1');
    await store.compact({ revision: header.revision });
    const gone = await store.delete({ key: 'cached/k' });
    await cache.waitFor(gone.header.revision);
    assert.equal(cache.get('cached/k'), undefined);
  });

  it('views at one revision, and guards of several recipes in one transaction', async () => {
    const leadership = await a.election('boss').campaign();
    const held = await a.lock('tool').acquire();
    const views = [b.election('boss').leader$, b.members('crew').members$] as const;
    const seen = await firstValueFrom(b.combineAt(views));
    assert.equal(seen.values[0]?.id, leadership.id);
    const write = () => a.txn().if(leadership, held).put('guarded', 'x').commit();
    assert.equal((await write()).succeeded, true);
    await held.release();
    const refused = await write();
    assert.ok(!refused.succeeded && refused.failed.length === 1);
    await leadership.resign();
  });

  it('a leadership is handed over without a moment in which nobody leads', async () => {
    const first = await a.election('shift').campaign({ value: 'a' });
    const waiting = peek(b.election('shift').campaign({ value: 'b' }));
    const isInLine = async (): Promise<boolean> =>
      (await a.election('shift').candidates()).length === 2;
    await until('the next one', isInLine);
    const leaders: (string | null)[] = [];
    const watching = b
      .election('shift')
      .leader$.subscribe((one) => leaders.push(one?.value ?? null));
    const [, next] = await a.election('shift').candidates();
    const moved = await first.transfer(next?.id ?? '');
    assert.equal(moved.outcome, 'transferred');
    const second = await waiting.promise;
    await moment();
    assert.ok(!leaders.includes(null));
    watching.unsubscribe();
    await second.resign();
  });

  it('an administrator breaks a lock, and a delay keeps others out for a while', async () => {
    const held = await a.lock('broken').acquire({ delaySeconds: 2 });
    const lost = once(held.signal, 'abort');
    assert.ok((await b.lock('broken').break({ by: 'admin', reason: 'stuck' })) !== undefined);
    await lost;
    assert.equal((await b.lock('broken').tryAcquire()).ok, false);
    await (await b.lock('broken').acquire({ timeoutMs: 20_000 })).release();
  });

  it('configuration: a value that is rolled out by turns', async () => {
    await store.put({ key: 'shared/size', value: '1' });
    const schema = z.object({ size: z.number() });
    const config = b.config('shared/', schema);
    await config.ready();
    const applied: number[] = [];
    const gate = b.semaphore('turns', { initialLimit: 1 });
    const rollout = config.applyWith(gate, { apply: ({ size }) => void applied.push(size) });
    await firstValueFrom(rollout.state$.pipe(filter(({ kind }) => kind === 'applied')));
    const { header } = await store.put({ key: 'shared/size', value: '2' });
    await firstValueFrom(
      rollout.state$.pipe(
        filter((state) => state.kind === 'applied' && state.revision >= header.revision),
      ),
    );
    assert.deepEqual(applied, [1, 2]);
    await rollout.close();
    await config.close();
  });
});
