// Proves the promises of the semaphore against faults: lost and late answers of each transaction,
// waiters and holders that die, compaction, lost events, blocked event loops. Named bugs that each
// test would find when planted: an entry left by an interrupted acquire (CURATOR-462), permits that
// outlive their session (CURATOR-595), a hang when an answer is lost (CURATOR-335), a waiter that
// is told nothing of its dead session (etcd#19597), a release that frees a later hold (etcd#22082).
import assert from 'node:assert/strict';
import { TIMING } from '../../../src/recipes/base/timing.js';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { HeldPermit } from '../../../src/recipes/semaphore/held-permit.js';
import type { PermitOptions } from '../../../src/recipes/semaphore/semaphore.js';
import { prefix } from '../../../src/store/index.js';
import type { ModelCall } from '../../../src/simulation/model/model-store.js';
import { type Peeked, peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const HELD = 'slots/@semaphore/held/';
const LINE = 'slots/@semaphore/line/';
const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);
const waits = (asked: Peeked<unknown>): boolean => asked.value === undefined;

/** The transaction that grants, enters the line, or releases, by the first key that it writes. */
function txnThat(kind: 'put' | 'delete', start: string): (call: ModelCall) => boolean {
  return (call) => {
    const { success } = call.request as { success?: { kind: string; key: string }[] };
    const first = success?.find((one) => one.kind !== 'range');
    return call.name === 'txn' && first?.kind === kind && String(first.key).startsWith(start);
  };
}

describe('Semaphore under faults', () => {
  let world: World;
  let a: Client;
  let b: Client;

  beforeEach(async () => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
    await world.run(a.coord.semaphore('slots').setLimit(1));
    await world.run(b.coord.lock('warm').acquire());
  });

  const acquire = (client = a, options: PermitOptions = {}): Promise<HeldPermit> =>
    world.run(client.coord.semaphore('slots').acquire(options));
  const ask = async (client = b, options: PermitOptions = {}): Promise<Peeked<HeldPermit>> => {
    const asked = peek(client.coord.semaphore('slots').acquire(options));
    await world.settle();
    return asked;
  };
  const remove = (key: string): void => {
    world.server.run(() => ({ kv: world.server.kv.delete({ key }) }));
  };

  it('a lost answer to the grant makes one hold', async () => {
    a.store.loseResponse(txnThat('put', HELD));
    const held = await acquire();
    assert.deepEqual(world.keys(HELD), [held.key]);
    b.store.loseResponse(txnThat('put', HELD));
    const tried = await world.run(b.coord.semaphore('slots').tryAcquire());
    assert.equal(tried.ok, false);
    await world.run(held.release());
    b.store.loseResponse(txnThat('put', HELD));
    assert.ok((await world.run(b.coord.semaphore('slots').tryAcquire())).ok);
    await world.advance(TTL_MS * 2);
    assert.equal(world.keys(HELD).length, 1);
  });

  it('lost answers to the entry in line and to the grant from it make one of each', async () => {
    const held = await acquire();
    b.store.loseResponse(txnThat('put', LINE));
    const waiter = await ask();
    await world.advance(200);
    assert.equal(world.keys(LINE).length, 1);
    b.store.loseResponse(txnThat('put', HELD));
    await world.run(held.release());
    const next = await world.run(waiter.promise);
    await world.advance(TTL_MS * 2);
    next.assertHeld();
    assert.deepEqual(world.keys(HELD), [next.key]);
    assert.deepEqual(world.keys(LINE), []);
  });

  it('a lost answer to release frees once and touches no later hold', async () => {
    const held = await acquire();
    const waiter = await ask();
    a.store.loseResponse(txnThat('delete', HELD));
    await world.run(held.release());
    const next = await world.run(waiter.promise);
    await world.advance(TTL_MS * 2);
    next.assertHeld();
  });

  it('a grant that arrives after its request was given up takes nothing', async () => {
    const abort = new AbortController();
    b.store.delayRequest(txnThat('put', HELD), 3000);
    const asked = await ask(b, { signal: abort.signal });
    abort.abort();
    await world.settle();
    assert.ok(is('Aborted')(asked.error));
    await world.advance(3000);
    assert.deepEqual(world.keys(HELD), []);
    const held = await acquire();
    await world.advance(TTL_MS * 2);
    held.assertHeld();
  });

  it('nor does one that arrives after it was refused', async () => {
    const semaphore = b.coord.semaphore('slots');
    let waiting = '';
    b.store.delayRequest((call) => {
      if (!txnThat('put', HELD)(call)) return false;
      // Somebody stands in line before the second try, and is gone before the first arrives.
      waiting = `${LINE}x`;
      world.server.run(() => ({ kv: world.server.kv.put({ key: waiting, value: '{}' }) }));
      return true;
    }, 3000);
    assert.equal((await world.run(semaphore.tryAcquire())).ok, false);
    world.server.run(() => ({ gone: world.server.kv.delete({ key: waiting }) }));
    await world.advance(3000);
    assert.deepEqual(world.keys(HELD), []);
    await world.run((await acquire(b)).release());
  });

  it('an entry that comes twice is granted once', async () => {
    await world.run(a.coord.semaphore('slots').setLimit(2, { order: 'firstFit' }));
    const held = await acquire();
    // As if the request to stand in line had been sent twice, and the grant had come in between.
    const again = { key: LINE + held.key.slice(HELD.length), value: '{"weight":1}' };
    world.server.run(() => ({ kv: world.server.kv.put(again) }));
    const other = await acquire(b);
    held.assertHeld();
    other.assertHeld();
    const holders = await world.run(a.store.range(prefix(HELD)));
    assert.deepEqual(
      holders.kvs.map(({ version }) => version),
      [1, 1],
    );
  });

  it('an entry that arrives after the grant does not block the line for good', async () => {
    const first = await acquire();
    b.store.delayRequest(txnThat('put', LINE), 3000);
    const waiter = await ask();
    await world.run(first.release());
    const held = await world.run(waiter.promise);
    await world.advance(3000);
    assert.equal(world.keys(LINE).length, 1, 'the late entry should be there by now');
    await world.run(a.coord.semaphore('slots').setLimit(2));
    const next = await ask(a);
    await world.advance(TTL_MS + 1000);
    assert.ok(!waits(next));
    held.assertHeld();
    assert.deepEqual(world.keys(LINE), []);
  });

  it('permits of a dead session vanish with its lease, and the next one is served', async () => {
    const held = await acquire(b);
    const waiter = await ask(a);
    b.crash();
    await world.advance(TTL_MS * 2);
    assert.ok(!waits(waiter));
    assert.ok(!world.keys(HELD).includes(held.key));
  });

  it('the signal of a cut-off holder fires before another gets the permits', async () => {
    const held = await acquire(b);
    const waiter = await ask(a);
    const events: string[] = [];
    held.signal.addEventListener('abort', () => events.push('lost'));
    void waiter.promise.then(() => events.push('granted'));
    b.store.partition('hang');
    await world.advance(TTL_MS * 2);
    assert.deepEqual(events, ['lost', 'granted']);
  });

  it('a waiter whose session dies fails at once and not when its turn comes', async () => {
    await acquire();
    const waiter = await ask();
    b.store.partition('hang');
    await world.advance(TTL_MS - 500);
    assert.ok(is('SessionLost')(waiter.error), String(waiter.error));
  });

  it('when the head of the line dies, the next one takes over its watch', async () => {
    const c = world.client('c');
    const held = await acquire();
    await ask(b);
    const last = await ask(c);
    b.crash();
    await world.advance(TTL_MS * 2);
    assert.ok(waits(last));
    held.assertHeld();
    await world.run(held.release());
    await world.settle();
    assert.ok(!waits(last));
  });

  it('a waiter or holder whose key is deleted is told so', async () => {
    const held = await acquire();
    const waiter = await ask();
    remove(world.keys(LINE)[0] ?? '');
    await world.advance(10);
    assert.ok(is('LockLost')(waiter.error), String(waiter.error));
    remove(held.key);
    await world.advance(TIMING.holdUnwatchedMs);
    assert.ok(held.signal.aborted);
    assert.throws(() => held.assertHeld(), is('LockLost'));
    await assert.rejects(world.run(held.release()), is('LockLost'));
  });

  it('a waiter gets its turn though the one event that it waits for never comes', async () => {
    const held = await acquire();
    const waiter = await ask();
    b.store.dropNextEvent((_key, type) => type === 'delete');
    await world.run(held.release());
    await world.settle();
    assert.ok(waits(waiter));
    await world.advance(TTL_MS);
    assert.ok(!waits(waiter));
  });

  it('a raised limit is found though the event of it never comes', async () => {
    await acquire();
    const waiter = await ask();
    b.store.dropNextEvent((_key, type) => type === 'put');
    await world.run(a.coord.semaphore('slots').setLimit(2));
    await world.settle();
    assert.ok(waits(waiter));
    await world.advance(TTL_MS);
    assert.ok(!waits(waiter));
  });

  it('compaction below a waiting watch makes it read again', async () => {
    const held = await acquire();
    const waiter = await ask();
    b.store.partition('fail');
    await world.run(held.release());
    world.server.run(() => ({ kv: world.server.kv.put({ key: 'noise' }) }));
    world.server.run(() => {
      world.server.kv.compact(world.server.kv.revision);
      return {};
    });
    b.store.heal();
    await world.advance(10);
    assert.ok(!waits(waiter));
    waiter.value?.assertHeld();
  });

  it('a waiter whose loop was blocked for two TTLs does not get permits', async () => {
    for (const order of ['timers-first', 'network-first'] as const) {
      const c = world.client(`c-${order}`);
      const held = await acquire();
      const waiter = await ask(c);
      c.block();
      await world.run(held.release());
      await world.advance(TTL_MS * 2);
      c.unblock(order);
      await world.advance(100);
      assert.ok(is('SessionLost')(waiter.error), `${order}: ${String(waiter.error)}`);
    }
  });

  it('a session that is gone unheard is replaced before anything waits on it', async () => {
    const lease = world.server.leaseIds.at(-1) ?? 0n;
    world.server.run(() => world.server.revoke(lease));
    (await acquire(b)).assertHeld();
  });

  it('a limit whose answer was lost is set once, and that of another stays', async () => {
    const slots = a.coord.semaphore('slots');
    a.store.loseResponse((call) => call.name === 'txn');
    await world.run(slots.setLimit(7));
    assert.equal((await world.run(slots.status())).limit, 7);
    const { version } = world.server.kv.range({ key: 'slots/@semaphore/limit' }).kvs[0] ?? {};
    assert.equal(version, 2);
  });

  it('a limit that somebody deletes stops grants until there is one again', async () => {
    await acquire();
    const waiter = await ask();
    remove('slots/@semaphore/limit');
    await world.advance(TTL_MS);
    assert.ok(waits(waiter) && waiter.error === undefined);
    await world.run(a.coord.semaphore('slots').setLimit(2));
    await world.settle();
    assert.ok(!waits(waiter));
  });

  it('firstFit: permits granted by another to a session cut off are lost, not held', async () => {
    await world.run(a.coord.semaphore('slots').setLimit(2, { order: 'firstFit' }));
    const [one, two] = [await acquire(), await acquire()];
    const c = world.client('c');
    const heavy = await ask(b, { weight: 2 });
    const light = await ask(c);
    c.store.partition('hang');
    await world.run(one.release());
    await world.settle();
    assert.equal(world.keys(HELD).length, 2, 'the head should have granted to the one behind it');
    await world.advance(TTL_MS * 2);
    assert.ok(is('SessionLost')(light.error), String(light.error));
    assert.deepEqual(world.keys(HELD), [two.key]);
    await world.run(two.release());
    await world.settle();
    assert.ok(!waits(heavy));
  });
});
