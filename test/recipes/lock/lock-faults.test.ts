// Proves the promises of the lock against the faults that broke locks elsewhere: lost answers,
// waiters that die, compaction, lost events, blocked event loops, sleep and partitions. Each of
// these, planted, fails here: no second look after the one ahead went (npm etcd3), a watch from a
// revision too late (etcd's barrier), no watch on the own key (etcd's election), a wait that trusts
// its events, a release without a condition, a grant without a look at the clock (etcd's lock
// service). Names by the lease alone fail in lock-handles.test.ts.
import assert from 'node:assert/strict';
import { TIMING } from '../../../src/recipes/base/timing.js';
import type { WaitOptions } from '../../../src/recipes/base/cancel-scope.js';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { HeldLock } from '../../../src/recipes/lock/held-lock.js';
import type { ModelCall } from '../../../src/simulation/model/model-store.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);

/** Whether a call is the transaction that deletes, or the one that puts. */
function txnThat(kind: 'put' | 'delete'): (call: ModelCall) => boolean {
  return (call) => {
    const request = call.request as { success?: { kind: string }[] };
    return call.name === 'txn' && (request.success ?? []).some((one) => one.kind === kind);
  };
}

describe('Lock under faults', () => {
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

  it('a write that arrives after everything is over does not block the lock for good', async () => {
    await world.run(b.coord.lock('warm').tryAcquire());
    a.store.delayRequest(txnThat('put'), 3000);
    const held = await world.run(acquire(a));
    await world.run(held.release());
    await world.advance(3000);
    assert.equal(world.keys('jobs/').length, 1, 'the late write should be there by now');
    const other = peek(acquire(b));
    await world.advance(TTL_MS);
    assert.ok(other.value !== undefined);
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
    await world.advance(TTL_MS - 500);
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
    await world.advance(TIMING.holdUnwatchedMs);
    assert.ok(held.signal.aborted);
    assert.deepEqual(causes, [{ kind: 'deleted', key: held.key }]);
    assert.throws(() => held.assertHeld(), is('LockLost'));
    assert.equal(held.expiresIn(), 0);
    await assert.rejects(world.run(held.release()), is('LockLost'));
  });

  it('a holder finds a deletion whose event never came, within a TTL', async () => {
    const held = await world.run(acquire(a));
    await world.advance(TIMING.holdUnwatchedMs);
    a.store.dropNextEvent((key, type) => key === held.key && type === 'delete');
    world.server.run(() => ({ kv: world.server.kv.delete({ key: held.key }) }));
    await world.advance(TIMING.holdUnwatchedMs);
    assert.equal(held.signal.aborted, false);
    await world.advance(TTL_MS);
    assert.ok(held.signal.aborted);
  });

  it('a release says so when the lock was gone before, unheard of', async () => {
    const held = await world.run(acquire(a));
    await world.settle();
    a.store.dropNextEvent((key, type) => key === held.key && type === 'delete');
    world.server.run(() => ({ kv: world.server.kv.delete({ key: held.key }) }));
    held.assertHeld();
    await assert.rejects(world.run(held.release()), is('LockLost'));
  });

  it('a waiter of the same process whose entry is gone is not given the lock', async () => {
    const held = await world.run(acquire(a));
    const waiter = peek(acquire(a));
    await world.settle();
    const [, second] = await world.run(a.coord.lock('jobs').entries());
    a.store.dropNextEvent((key) => key === second?.key);
    world.server.run(() => ({ kv: world.server.kv.delete({ key: second?.key ?? '' }) }));
    await world.settle();
    assert.equal(waiter.error, undefined, 'it has heard of it');
    await world.run(held.release());
    await world.advance(10);
    assert.ok(is('LockLost')(waiter.error), String(waiter.error));
  });

  it('a release that finds its entry gone hands nothing over', async () => {
    const held = await world.run(acquire(a));
    const waiter = peek(acquire(a));
    await world.settle();
    const [first, second] = await world.run(a.coord.lock('jobs').entries());
    a.store.dropNextEvent((key) => key === second?.key);
    a.store.dropNextEvent((key) => key === first?.key);
    for (const key of [second?.key, first?.key]) {
      world.server.run(() => ({ kv: world.server.kv.delete({ key: key ?? '' }) }));
    }
    await assert.rejects(world.run(held.release()), is('LockLost'));
    await world.advance(10);
    assert.ok(is('LockLost')(waiter.error), String(waiter.error));
  });

  it('a delay keeps a waiter of the same process out', async () => {
    const held = await world.run(acquire(a));
    const waiter = peek(acquire(a));
    await world.settle();
    await world.run(b.store.put({ key: 'jobs/@delay/somebody' }));
    await world.run(held.release());
    await world.advance(100);
    assert.equal(waiter.value, undefined);
    await world.run(b.store.delete({ key: 'jobs/@delay/somebody' }));
    (await world.run(waiter.promise)).assertHeld();
  });

  it('a waiter of the same process does not wait for the answer to a release for long', async () => {
    const held = await world.run(acquire(a));
    const waiter = peek(acquire(a));
    await world.settle();
    let isHeldUp = true;
    const txn = a.store.txn.bind(a.store);
    const late = new Promise<void>((resolve) => a.clock.timer(TTL_MS / 2, resolve));
    // The transaction takes effect, and its answer is long in coming.
    a.store.txn = async (...terms) => {
      const result = await txn(...terms);
      if (isHeldUp && txnThat('delete')({ name: 'txn', request: terms[0] })) {
        isHeldUp = false;
        await late;
      }
      return result;
    };
    const released = peek(held.release());
    await world.advance(TIMING.handOverMs + 10);
    assert.ok(waiter.value !== undefined);
    waiter.value.assertHeld();
    await world.run(released.promise, TTL_MS);
    waiter.value.assertHeld();
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

  it('a session that is gone without knowing it is replaced before anything waits on it', async () => {
    await world.run(b.coord.lock('warm').acquire());
    for (const name of ['jobs', 'tried']) {
      const [lease] = world.server.leaseIds;
      world.server.run(() => world.server.revoke(lease ?? 0n));
      // What asks why the key of the lost hold is gone does not count.
      const count = (): number => b.store.callCount('txn') + b.store.callCount('lease-grant');
      const calls = count();
      if (name === 'jobs') (await world.run(acquire(b, name))).assertHeld();
      else assert.ok((await world.run(b.coord.lock(name).tryAcquire())).ok);
      assert.ok(count() - calls <= 4, `${count() - calls} calls`);
    }
    const [lease] = world.server.leaseIds;
    world.server.run(() => world.server.revoke(lease ?? 0n));
    (await world.run(b.coord.election('job').campaign())).assertLeader();
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

  it('a waiter blocked with the good news under way does not get the lock', async () => {
    const held = await world.run(acquire(a));
    const waiter = peek(acquire(b));
    await world.settle();
    b.store.hold();
    await world.run(held.release());
    // The event arrives, the waiter reads again, and the answer to that is what comes too late.
    b.store.release();
    b.block();
    await world.advance(TTL_MS * 2);
    const other = await world.run(acquire(a));
    b.store.release();
    await world.settle();
    assert.equal(waiter.value, undefined);
    assert.ok(is('SessionLost')(waiter.error), String(waiter.error));
    other.assertHeld();
    b.clock.release();
  });

  it('an acquire that slept with its answer under way does not get the lock', async () => {
    await world.run(b.coord.lock('warm').tryAcquire());
    b.store.hold();
    const asked = peek(acquire(b));
    await world.settle();
    assert.equal(world.keys('jobs/').length, 1);
    b.clock.sleep();
    await world.advance(TTL_MS * 2);
    const other = await world.run(acquire(a));
    b.clock.wake();
    b.store.release();
    await world.settle();
    assert.equal(asked.value, undefined);
    await world.advance(TTL_MS);
    assert.ok(is('SessionLost')(asked.error), String(asked.error));
    other.assertHeld();
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

  it('an abort and a timeout are answered at once though nothing gets through', async () => {
    await world.run(acquire(a));
    const kinds: readonly ((options: WaitOptions) => Promise<unknown>)[] = [
      (options) => b.coord.lock('jobs').acquire(options),
      (options) => b.coord.lock('jobs').acquire({ ...options, privateSession: {} }),
      (options) => b.coord.lock('free').acquire({ ...options, delaySeconds: 5 }),
      (options) => b.coord.lock('jobs').tryAcquire(options),
      (options) => b.coord.lock('jobs').tryAcquire({ ...options, privateSession: {} }),
      (options) => b.coord.readWriteLock('jobs').write(options),
      (options) => b.coord.locks(['free', 'jobs']).acquire(options),
      (options) => b.coord.lock('jobs').break({ ...options, by: 'ops', reason: 'test' }),
    ];
    for (const hangs of ['before the session', 'with a session']) {
      b.store.partition('hang');
      for (const [at, kind] of kinds.entries()) {
        const abort = new AbortController();
        const stopped = peek(kind({ signal: abort.signal }));
        const late = peek(kind({ timeoutMs: 1000 }));
        await world.advance(999);
        abort.abort();
        await world.settle();
        assert.ok(is('Aborted')(stopped.error), `${hangs}, ${at}: ${String(stopped.error)}`);
        assert.equal(late.error, undefined, `${hangs}, ${at}`);
        await world.advance(1);
        assert.ok(is('Timeout')(late.error), `${hangs}, ${at}: ${String(late.error)}`);
      }
      b.store.heal();
      (await world.run(acquire(b, `warm ${hangs}`))).assertHeld();
    }
    await world.advance(TTL_MS * 2);
    assert.equal(world.keys('jobs/').length, 1);
    assert.deepEqual(world.keys('free/'), []);
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
});
