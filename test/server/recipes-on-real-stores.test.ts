// Proves that the recipes need nothing but what a real etcd has, and that a store in this process
// gives them the same: each recipe, in real time, with two that compete and one loss of a lease.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { filter, firstValueFrom } from 'rxjs';
import { z } from 'zod';
import type { Coordination } from '../../src/recipes/index.js';
import type { Store } from '../../src/store/index.js';
import { peek } from '../../src/simulation/model/peek.js';
import { overEveryStore } from './support/recipe-places.js';
import { until } from './support/until.js';

overEveryStore('recipes', (rivals) => {
  let store: Store;
  let a: Coordination;
  let b: Coordination;

  before(() => {
    ({ store, a, b } = rivals());
  });

  it('lock: exclusion, hand-over, try, guard, and loss with a revoked lease', async () => {
    const held = await a.lock('jobs').acquire();
    const tried = await b.lock('jobs').tryAcquire();
    assert.ok(!tried.ok && tried.holder?.identity === 'a');
    const next = peek(b.lock('jobs').acquire());
    const guarded = { compare: [held.guard()], success: [{ kind: 'put', key: 'k' } as const] };
    assert.equal((await store.txn(guarded)).succeeded, true);
    await sleep(200);
    assert.equal(next.value, undefined);
    await held.release();
    const other = await next.promise;
    assert.ok(other.fence > held.fence);
    assert.equal((await store.txn(guarded)).succeeded, false);
    const [entry] = await a.lock('jobs').entries();
    await store.leases.revoke(entry?.lease ?? 0n);
    await firstValueFrom(other.lost$);
    assert.throws(() => other.assertHeld());
    assert.ok((await a.lock('jobs').tryAcquire()).ok);
  });

  it('election: a term, a proclamation, nobody, and the next one', async () => {
    const election = a.election('scheduler');
    const seen: (string | null)[] = [];
    const subscription = b
      .election('scheduler')
      .leader$.subscribe((leader) => seen.push(leader?.value ?? null));
    const first = await election.campaign({ value: 'one' });
    const second = peek(b.election('scheduler').campaign({ value: 'two' }));
    await first.proclaim('uno');
    first.assertLeader();
    await sleep(100);
    assert.equal(second.value, undefined);
    await first.resign();
    const next = await second.promise;
    assert.ok(next.term > first.term);
    await until('the news', () => seen.at(-1) === 'two');
    assert.deepEqual(seen.slice(-3), ['uno', null, 'two']);
    await next.resign();
    subscription.unsubscribe();
  });

  it('configuration: one value from several keys, a refusal, an update', async () => {
    const put = (low: string, high: string): Promise<unknown> =>
      store.txn({
        success: [
          { kind: 'put', key: 'app/low', value: low },
          { kind: 'put', key: 'app/high', value: high },
        ],
      });
    await put('1', '2');
    const config = b.config('app/', z.object({ low: z.number(), high: z.number() }));
    assert.deepEqual(await config.ready(), { low: 1, high: 2 });
    const rejection = firstValueFrom(config.rejected$);
    await put('3', 'much');
    assert.ok((await rejection).revision > config.revision);
    await put('5', '6');
    await firstValueFrom(config.value$.pipe(filter(({ low }) => low === 5)));
    assert.deepEqual(config.value, { low: 5, high: 6 });
    await config.close();
  });

  it('reboots: one at a time, in order, idempotent', async () => {
    const group = a.reboots('workers');
    const held = await group.acquire({ node: 'n1', reason: 'kernel' });
    assert.equal((await b.reboots('workers').acquire({ node: 'n1' })).revision, held.revision);
    const second = peek(b.reboots('workers').acquire({ node: 'n2' }));
    await sleep(200);
    assert.equal(second.value, undefined);
    const status = await group.status();
    assert.deepEqual(
      status.queue.map(({ node }) => node),
      ['n2'],
    );
    assert.equal(await group.release({ node: 'n1' }), true);
    await second.promise;
    await group.setMax(2);
    await group.acquire({ node: 'n3' });
    assert.equal((await group.status()).holders.length, 2);
  });

  it('sessions: a lock survives several TTLs, and closing frees everything at once', async () => {
    const coord = rivals().another('long');
    const held = await coord.lock('long').acquire();
    await sleep(2600);
    held.assertHeld();
    await coord.close();
    const left = await store.range({ key: 'long/', rangeEnd: 'long0' });
    assert.equal(left.count, 0);
  });
});
