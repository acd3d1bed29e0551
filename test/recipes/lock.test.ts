// Proves the promises of the lock one by one, each against the fault that broke it elsewhere: lost
// answers, waiters that die, handles that share a session, compaction, lost events, blocked loops.
import assert from 'node:assert/strict';
import { type CoordinationErrorCode, isCoordinationError } from '../../src/recipes/errors.js';
import type { HeldLock } from '../../src/recipes/held-lock.js';
import type { ModelCall } from '../support/model-store.js';
import { type Client, World } from '../support/world.js';

const TTL_MS = 10_000;
const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);

/** A promise with a look at how it stands. */
function peek<T>(promise: Promise<T>): { promise: Promise<T>; value?: T; error?: unknown } {
  const seen: { promise: Promise<T>; value?: T; error?: unknown } = { promise };
  promise.then(
    (value) => {
      seen.value = value;
    },
    (error: unknown) => {
      seen.error = error;
    },
  );
  return seen;
}

/** Whether a call is the transaction that deletes, or the one that puts. */
function txnThat(kind: 'put' | 'delete'): (call: ModelCall) => boolean {
  return (call) => {
    const request = call.request as { success?: { kind: string }[] };
    return call.name === 'txn' && request.success?.[0]?.kind === kind;
  };
}

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

  it('a try that lost its answer still knows that it has the lock', async () => {
    b.store.loseResponse(txnThat('put'));
    const tried = await world.run(b.coord.lock('jobs').tryAcquire());
    assert.ok(tried.ok);
    tried.held.assertHeld();
    assert.equal(world.keys('jobs/').length, 1);
  });

  it('a lost answer to acquire makes no second entry', async () => {
    a.store.loseResponse(txnThat('put'));
    a.store.loseResponse(txnThat('put'));
    const held = await world.run(acquire(a));
    assert.deepEqual(world.keys('jobs/'), [held.key]);
    await world.run(held.release());
    await world.advance(TTL_MS * 2);
    assert.deepEqual(world.keys('jobs/'), []);
  });

  it('a lost answer to release frees the lock once and touches no later holder', async () => {
    const held = await world.run(acquire(a));
    const next = peek(acquire(b));
    await world.settle();
    a.store.loseResponse(txnThat('delete'));
    await world.run(held.release());
    const other = await world.run(next.promise);
    await world.advance(TTL_MS * 2);
    other.assertHeld();
    assert.deepEqual(world.keys('jobs/'), [other.key]);
  });

  it('when the middle of three waiters dies, the last does not overtake the holder', async () => {
    const c = world.client('c');
    const held = await world.run(acquire(a));
    const abort = new AbortController();
    const middle = peek(b.coord.lock('jobs').acquire({ signal: abort.signal }));
    await world.settle();
    const last = peek(acquire(c));
    await world.settle();
    abort.abort();
    await world.advance(100);
    assert.ok(is('Aborted')(middle.error));
    assert.equal(world.keys('jobs/').length, 2);
    await world.advance(TTL_MS * 3);
    assert.equal(last.value, undefined);
    held.assertHeld();
    await world.run(held.release());
    (await world.run(last.promise)).assertHeld();
  });

  it('when the session of a middle waiter dies, the last does not overtake the holder', async () => {
    const c = world.client('c');
    const held = await world.run(acquire(a));
    void peek(acquire(b));
    await world.settle();
    const last = peek(acquire(c));
    await world.settle();
    b.crash();
    await world.advance(TTL_MS * 3);
    assert.equal(world.keys('jobs/').length, 2);
    assert.equal(last.value, undefined);
    await world.run(held.release());
    (await world.run(last.promise)).assertHeld();
  });

  it('a waiter whose session dies fails at once and not when its turn comes', async () => {
    await world.run(acquire(a));
    const waiter = peek(acquire(b));
    await world.settle();
    b.store.partition('hang');
    await world.advance(TTL_MS);
    assert.ok(is('SessionLost')(waiter.error), String(waiter.error));
  });

  it('a waiter whose entry is deleted by somebody is told so', async () => {
    await world.run(acquire(a));
    const waiter = peek(acquire(b));
    await world.settle();
    const [, second] = await world.run(a.coord.lock('jobs').entries());
    world.server.run(() => ({ kv: world.server.kv.delete({ key: second?.key ?? '' }) }));
    await world.advance(10);
    assert.ok(is('LockLost')(waiter.error), String(waiter.error));
  });

  it('a holder whose key is deleted learns it, with the cause', async () => {
    const held = await world.run(acquire(a));
    const causes: unknown[] = [];
    held.lost$.subscribe((cause) => causes.push(cause));
    world.server.run(() => ({ kv: world.server.kv.delete({ key: held.key }) }));
    await world.settle();
    assert.ok(held.signal.aborted);
    assert.deepEqual(causes, [{ kind: 'deleted', key: held.key }]);
    assert.throws(() => held.assertHeld(), is('LockLost'));
    assert.equal(held.expiresIn(), 0);
    await assert.rejects(world.run(held.release()), is('LockLost'));
  });

  it('a holder finds a deletion whose event never came, within a TTL', async () => {
    const held = await world.run(acquire(a));
    await world.settle();
    a.store.dropNextEvent((key, type) => key === held.key && type === 'delete');
    world.server.run(() => ({ kv: world.server.kv.delete({ key: held.key }) }));
    await world.settle();
    assert.equal(held.signal.aborted, false);
    await world.advance(TTL_MS);
    assert.ok(held.signal.aborted);
  });

  it('a waiter gets its turn though the one event that it waits for never comes', async () => {
    const held = await world.run(acquire(a));
    const waiter = peek(acquire(b));
    await world.settle();
    b.store.dropNextEvent((_key, type) => type === 'delete');
    await world.run(held.release());
    await world.settle();
    assert.equal(waiter.value, undefined);
    await world.advance(TTL_MS);
    assert.ok(waiter.value !== undefined);
  });

  it('broken watches delay nothing for good', async () => {
    const held = await world.run(acquire(a));
    const waiter = peek(acquire(b));
    await world.settle();
    b.store.hold();
    await world.run(held.release());
    b.store.breakWatches();
    b.store.release();
    await world.advance(100);
    assert.ok(waiter.value !== undefined);
  });

  it('compaction below a waiting watch makes it read again', async () => {
    const held = await world.run(acquire(a));
    const waiter = peek(acquire(b));
    await world.settle();
    b.store.partition('fail');
    await world.run(held.release());
    for (let i = 0; i < 5; i++) {
      world.server.run(() => ({ kv: world.server.kv.put({ key: 'noise' }) }));
    }
    world.server.run(() => {
      world.server.kv.compact(world.server.kv.revision);
      return {};
    });
    b.store.heal();
    await world.advance(10);
    assert.ok(waiter.value !== undefined);
    waiter.value.assertHeld();
  });

  it('a holder whose loop was blocked for two TTLs knows it before anything else', async () => {
    const held = await world.run(acquire(a));
    const waiter = peek(acquire(b));
    await world.settle();
    a.block();
    await world.advance(TTL_MS * 2);
    assert.ok(waiter.value !== undefined);
    assert.throws(() => held.assertHeld(), is('LockLost'));
    assert.ok(held.signal.aborted);
    a.unblock('network-first');
    await world.settle();
    await assert.rejects(world.run(held.release()), is('LockLost'));
    waiter.value.assertHeld();
  });

  it('a waiter whose loop was blocked for two TTLs does not get the lock', async () => {
    for (const order of ['timers-first', 'network-first'] as const) {
      const name = `jobs-${order}`;
      const c = world.client(`c-${order}`);
      const held = await world.run(acquire(a, name));
      const waiter = peek(acquire(c, name));
      await world.settle();
      c.block();
      await world.run(held.release());
      await world.advance(TTL_MS * 2);
      c.unblock(order);
      await world.advance(100);
      assert.ok(is('SessionLost')(waiter.error), `${order}: ${String(waiter.error)}`);
    }
  });

  it('a waiter that slept through its session does not get the lock', async () => {
    const held = await world.run(acquire(a));
    const waiter = peek(acquire(b));
    await world.settle();
    await world.run(held.release());
    const stolen = world.client('c');
    b.store.hold();
    b.clock.sleep();
    await world.advance(TTL_MS * 2);
    const other = await world.run(acquire(stolen));
    b.clock.wake();
    b.store.release();
    await world.advance(5000);
    other.assertHeld();
    assert.ok(waiter.value === undefined || waiter.value.signal.aborted);
  });

  it('the signal of a cut-off holder fires before another one gets the lock', async () => {
    const held = await world.run(acquire(a));
    const waiter = peek(acquire(b));
    await world.settle();
    const events: string[] = [];
    held.signal.addEventListener('abort', () => events.push('lost'));
    void waiter.promise.then(() => events.push('granted'));
    a.store.partition('hang');
    await world.advance(TTL_MS * 2);
    assert.deepEqual(events, ['lost', 'granted']);
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

  it('an acquire given up while its write was under way leaves no entry', async () => {
    await world.run(b.coord.lock('warm').tryAcquire());
    const abort = new AbortController();
    const stopped = peek(b.coord.lock('jobs').acquire({ signal: abort.signal }));
    b.store.hold();
    await world.settle();
    abort.abort();
    await world.settle();
    assert.ok(is('Aborted')(stopped.error));
    assert.equal(world.keys('jobs/').length, 1);
    b.store.release();
    await world.advance(10);
    assert.deepEqual(world.keys('jobs/'), []);
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
    for (const bad of ['', 'a/', 'a/q/b', 'q', 'c/x', 'reboot/x']) {
      assert.throws(() => a.coord.lock(bad), is('InvalidArgument'), bad);
    }
    assert.doesNotThrow(() => a.coord.lock('team/quota'));
  });
});
