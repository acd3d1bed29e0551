// Proves that what several share, and what some wait for, needs nothing but what a real etcd has:
// semaphores, read/write locks, several locks, barriers, latches and queues, in real time.
import assert from 'node:assert/strict';
import { firstValueFrom } from 'rxjs';
import { type Coordination, isCoordinationError, type Message } from '../../src/recipes/index.js';
import type { Store } from '../../src/store/index.js';
import { peek } from '../../src/simulation/model/peek.js';
import { moment, overEveryStore } from './support/recipe-places.js';

/** Longer than all that comes before takes on a busy machine. */
const LATER_MS = 3000;

overEveryStore('sharing', (rivals) => {
  let store: Store;
  let a: Coordination;
  let b: Coordination;

  before(() => {
    ({ store, a, b } = rivals());
  });

  it('read/write lock: readers together, a writer alone, down and up again', async () => {
    const [one, two] = [
      await a.readWriteLock('index').read(),
      await b.readWriteLock('index').read(),
    ];
    assert.equal(await one.tryUpgrade(), undefined);
    const writing = peek(b.readWriteLock('index').write());
    await moment();
    assert.equal(writing.value, undefined);
    await one.release();
    await two.release();
    const writer = await writing.promise;
    const reading = peek(a.readWriteLock('index').read());
    await moment();
    assert.equal(reading.value, undefined);
    const reader = await writer.downgrade();
    await (await reading.promise).release();
    const again = await reader.tryUpgrade();
    assert.ok(again !== undefined);
    await again.release();
  });

  it('several locks: all or nothing', async () => {
    const held = await a.locks(['set/x', 'set/y']).acquire();
    const single = await b.lock('set/y').tryAcquire();
    assert.equal(single.ok, false);
    const both = peek(b.locks(['set/y', 'set/z']).acquire());
    await moment();
    assert.equal(both.value, undefined);
    await held.release();
    await (await both.promise).release();
  });

  it('semaphore: weights, a limit that shrinks and grows, permits of a lease that ends', async () => {
    const [mine, theirs] = [a.semaphore('pool', { initialLimit: 3 }), b.semaphore('pool')];
    const first = await mine.acquire({ weight: 2 });
    const second = await theirs.acquire();
    await theirs.setLimit(1);
    const waiting = peek(theirs.acquire());
    await second.release();
    await moment();
    assert.equal(waiting.value, undefined, 'granted beyond a limit that has shrunk');
    const { holders } = await mine.status();
    await store.leases.revoke(holders[0]?.lease ?? 0n);
    const third = await waiting.promise;
    // Two processes hear of it in any order.
    await firstValueFrom(first.lost$);
    assert.throws(() => first.assertHeld());
    const more = peek(theirs.acquire({ weight: 2 }));
    await moment();
    assert.equal(more.value, undefined);
    await mine.setLimit(3);
    await (await more.promise).release();
    await third.release();
  });

  it('barrier: closed and opened, held closed by a lease that ends', async () => {
    assert.equal(await a.barrier('gate').close(), true);
    const waiting = peek(b.barrier('gate').wait());
    await moment();
    assert.equal(waiting.value, undefined);
    const { header } = await store.put({ key: 'noise' });
    await store.compact({ revision: header.revision });
    assert.equal(await a.barrier('gate').open(), true);
    await waiting.promise;
    const other = rivals().another('closer');
    assert.equal((await other.barrier('gate').hold()).ok, true);
    const again = peek(a.barrier('gate').wait());
    await moment();
    assert.equal(again.value, undefined);
    await other.close();
    await again.promise;
  });

  it('double barrier: in together, out together, and once more', async () => {
    for (let round = 0; round < 2; round++) {
      const entering = peek(a.doubleBarrier('shuffle', { members: 2 }).enter());
      await moment();
      assert.equal(entering.value, undefined);
      const two = await b.doubleBarrier('shuffle', { members: 2 }).enter();
      const one = await entering.promise;
      assert.equal(one.generation, two.generation);
      const leaving = peek(one.leave().then(() => 'left'));
      await moment();
      assert.equal(leaving.value, undefined);
      await Promise.all([two.leave(), leaving.promise]);
    }
  });

  it('latch: distinct ids, counted once, in rounds', async () => {
    const latch = a.latch('ready');
    await latch.setCount(2);
    const waiting = peek(b.latch('ready').wait({ timeoutMs: 20_000 }));
    await latch.countDown('one');
    await latch.countDown('one');
    await moment();
    assert.equal(waiting.value, undefined);
    assert.equal((await latch.countDown('two')).remaining, 0);
    const open = await waiting.promise;
    assert.equal((await store.txn({ compare: [open.guard()] })).succeeded, true);
    assert.equal(await latch.nextRound(), 2);
    assert.equal((await store.txn({ compare: [open.guard()] })).succeeded, false);
  });

  it('queue: priority, delay, acknowledgement, what was lost comes again, dead letters', async () => {
    const sender = a.queue<string>('work', { maxAttempts: 2 });
    const receiver = b.queue<string>('work', { maxAttempts: 2 });
    await sender.send('later', { priority: 1, delayMs: LATER_MS });
    await sender.send('plain');
    await sender.send('urgent', { priority: 5 });
    const take = (): Promise<Message<string>> => receiver.receive({ timeoutMs: 20_000 });
    const urgent = await take();
    assert.equal(urgent.value, 'urgent');
    await urgent.ack();
    const plain = await take();
    assert.equal(plain.value, 'plain');
    await store.delete({ key: plain.key });
    await assert.rejects(plain.ack(), (error) => isCoordinationError(error, 'LockLost'));
    const again = await take();
    assert.deepEqual([again.value, again.attempts], ['plain', 2]);
    assert.ok(again.fence > plain.fence);
    await again.nack({ reason: 'no good' });
    const late = await take();
    assert.equal(late.value, 'later');
    await late.ack();
    const waiting = peek(take());
    await moment();
    await sender.send('one more');
    await (await waiting.promise).ack();
    const { ready, dead } = await firstValueFrom(sender.status$);
    assert.deepEqual([ready, dead], [0, 1]);
  });
});
