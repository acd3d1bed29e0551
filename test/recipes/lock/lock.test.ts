// Proves what the lock promises when nothing breaks: order, fences, handles that share a session,
// tries, owners, the scoped form, listing and closing.
import assert from 'node:assert/strict';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { HeldLock } from '../../../src/recipes/lock/held-lock.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);

describe('Lock', () => {
  let world: World;
  let a: Client;
  let b: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
  });

  const acquire = (client: Client, name = 'jobs'): Promise<HeldLock> =>
    client.coord.lock(name).acquire();

  it('takes a free lock in one transaction and gives it back in one', async () => {
    await world.run(acquire(a));
    const before = a.store.callCount('txn');
    const held = await world.run(acquire(a, 'other'));
    assert.equal(a.store.callCount('txn') - before, 1);
    assert.match(held.key, /^other\/q\/[0-9a-f]+-[0-9a-f]{16}$/);
    assert.ok(held.fence > 1);
    await world.run(held.release());
    assert.equal(a.store.callCount('txn') - before, 2);
    assert.deepEqual(world.keys('other/'), []);
  });

  it('hands over in the order of asking, with growing fences', async () => {
    const order: string[] = [];
    const fences: number[] = [];
    const work = async (client: Client, name: string): Promise<void> => {
      await client.coord.lock('jobs', {}, async (held) => {
        order.push(name);
        fences.push(held.fence);
      });
    };
    const first = await world.run(acquire(a));
    const all: Promise<void>[] = [];
    for (const [client, name] of [
      [b, 'b1'],
      [a, 'a2'],
      [b, 'b3'],
    ] as const) {
      all.push(work(client, name));
      await world.settle();
    }
    assert.deepEqual(order, []);
    await world.run(first.release());
    await world.run(Promise.all(all));
    assert.deepEqual(order, ['b1', 'a2', 'b3']);
    assert.deepEqual(
      fences,
      fences.toSorted((x, y) => x - y),
    );
  });

  it('two handles on one session exclude each other, and releasing one leaves the other', async () => {
    const first = await world.run(acquire(a));
    const second = peek(acquire(a));
    await world.advance(1000);
    assert.equal(second.value, undefined);
    assert.equal((await world.run(a.coord.lock('jobs').tryAcquire())).ok, false);
    await world.run(first.release());
    const held = await world.run(second.promise);
    await world.run(first.release());
    held.assertHeld();
    assert.equal(world.keys('jobs/').length, 1);
    assert.equal((await world.run(a.coord.lock('jobs').tryAcquire())).ok, false);
    held.assertHeld();
  });

  it('a try leaves nothing behind and does not disturb a waiter of the same session', async () => {
    const holder = await world.run(acquire(a));
    const waiter = peek(acquire(b));
    await world.settle();
    const refused = await world.run(b.coord.lock('jobs').tryAcquire());
    assert.ok(!refused.ok);
    assert.equal(refused.holder?.identity, 'a');
    assert.equal(refused.holder?.key, holder.key);
    assert.equal(refused.waiting, 1);
    assert.equal(world.keys('jobs/').length, 2);
    await world.run(holder.release());
    (await world.run(waiter.promise)).assertHeld();
  });

  it('times out, aborts, and leaves no entry either way', async () => {
    await world.run(acquire(a));
    const late = peek(b.coord.lock('jobs').acquire({ timeoutMs: 2000 }));
    await world.advance(2001);
    assert.ok(is('Timeout')(late.error));
    const abort = new AbortController();
    const stopped = peek(b.coord.lock('jobs').acquire({ signal: abort.signal }));
    await world.settle();
    abort.abort(new Error('no longer needed'));
    await world.settle();
    assert.ok(is('Aborted')(stopped.error));
    assert.equal(world.keys('jobs/').length, 1);
    await assert.rejects(
      world.run(b.coord.lock('jobs').acquire({ signal: AbortSignal.abort() })),
      is('Aborted'),
    );
  });

  it('one handle is one owner: asking again throws, unless with a token', async () => {
    const lock = a.coord.lock('jobs');
    const held = await world.run(lock.acquire());
    await assert.rejects(world.run(lock.acquire()), is('WouldDeadlock'));
    await assert.rejects(world.run(lock.tryAcquire()), is('WouldDeadlock'));
    await world.run(held.release());
    const owner = {};
    const outer = await world.run(lock.acquire({ owner }));
    const inner = await world.run(lock.acquire({ owner }));
    assert.equal(inner.fence, outer.fence);
    const stranger = peek(lock.acquire({ owner: 'somebody else' }));
    await world.run(inner.release());
    await world.run(inner.release());
    outer.assertHeld();
    assert.equal(stranger.value, undefined);
    await world.run(outer.release());
    await world.run(stranger.promise);
  });

  it('a guarded write fails from the moment the lock is lost', async () => {
    const held = await world.run(acquire(a));
    const write = (): Promise<boolean> =>
      b.store
        .txn({ compare: [held.guard()], success: [{ kind: 'put', key: 'k', value: 'v' }] })
        .then((result) => result.succeeded);
    assert.equal(await world.run(write()), true);
    a.crash();
    await world.advance(TTL_MS * 2);
    await world.run(acquire(b));
    assert.equal(await world.run(write()), false);
  });

  it('the scoped form: errors of the work win, a loss is reported, a release is certain', async () => {
    const boom = new Error('work failed');
    const work = a.coord.lock('jobs', {}, async () => {
      a.store.partition('fail');
      throw boom;
    });
    const seen = peek(work);
    await world.advance(100);
    a.store.heal();
    await world.advance(5000);
    assert.equal(seen.error, boom);
    assert.deepEqual(world.keys('jobs/'), []);

    const both = a.coord.lock('jobs', {}, async (held) => {
      world.server.run(() => ({ gone: world.server.kv.delete({ key: held.key }) }));
      await Promise.resolve();
      throw boom;
    });
    await assert.rejects(world.run(both), boom);

    const lost = peek(
      a.coord.lock('jobs', {}, async (held) => {
        world.server.run(() => ({ kv: world.server.kv.delete({ key: held.key }) }));
        return 'done';
      }),
    );
    await world.advance(100);
    assert.ok(is('LockLost')(lost.error));
    assert.equal(await world.run(a.coord.lock('jobs', {}, () => 42)), 42);
  });

  it('lists holder and waiters with what they say of themselves', async () => {
    const lock = a.coord.lock('jobs');
    await world.run(lock.acquire({ metadata: { task: 'nightly' } }));
    void peek(b.coord.lock('jobs').acquire({ metadata: { task: 'retry', n: 2 } }));
    await world.settle();
    const holder = await world.run(lock.holder());
    assert.deepEqual(holder?.metadata, { task: 'nightly' });
    assert.equal(holder.identity, 'a');
    assert.equal(holder.sinceMs, world.clock.wall());
    const [waiter, ...rest] = await world.run(lock.waiters());
    assert.deepEqual(waiter?.metadata, { task: 'retry', n: 2 });
    assert.equal(waiter.position, 1);
    assert.equal(rest.length, 0);
  });

  it('a private session is closed with its lock and shared with nobody', async () => {
    const shared = await world.run(acquire(a, 'other'));
    const held = await world.run(
      a.coord.lock('jobs').acquire({ privateSession: { ttlSeconds: 5 } }),
    );
    assert.equal(world.server.leaseIds.length, 2);
    await world.run(held.release());
    assert.equal(world.server.leaseIds.length, 1);
    shared.assertHeld();
    await world.run(acquire(b));
    const tried = a.coord.lock('jobs').tryAcquire({ privateSession: {} });
    assert.equal((await world.run(tried)).ok, false);
    await world.settle();
    assert.equal(world.server.leaseIds.length, 2);
  });

  it('after a lost session the next acquire gets a new one', async () => {
    const held = await world.run(acquire(a));
    a.store.partition('hang');
    await world.advance(TTL_MS * 2);
    assert.ok(held.signal.aborted);
    a.store.heal();
    const again = await world.run(acquire(a));
    again.assertHeld();
    assert.ok(again.fence > held.fence);
  });

  it('closing ends what waits and what is held, revokes, and leaves no watch or timer', async () => {
    const held = await world.run(acquire(a));
    const waiting = peek(acquire(a));
    const other = peek(acquire(b));
    await world.settle();
    await world.run(a.coord.close());
    assert.ok(is('Aborted')(waiting.error), String(waiting.error));
    assert.ok(held.signal.aborted);
    await world.settle();
    assert.ok(other.value !== undefined);
    assert.equal(a.store.watchCount, 0);
    await assert.rejects(world.run(acquire(a)), is('Aborted'));
    await world.run(b.coord.close());
    assert.equal(b.store.watchCount, 0);
    assert.deepEqual(world.keys(), []);
    assert.deepEqual(world.server.leaseIds, []);
    assert.equal(world.clock.timerCount, 0);
  });

  it('refuses names that could collide with the keys of another recipe', () => {
    for (const bad of ['', 'a/', 'a/q/b', 'a/q', 'a/c/x', 'reboot/x']) {
      assert.throws(() => a.coord.lock(bad), is('InvalidArgument'), bad);
    }
    assert.doesNotThrow(() => a.coord.lock('team/quota'));
  });
});
