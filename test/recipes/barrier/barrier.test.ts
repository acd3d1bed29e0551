// Proves that a barrier lets nobody pass while it is closed and everybody once it is open, whatever
// happens to watches, answers and sessions. The named bug: a watch that breaks taken for an opening
// (etcd's Barrier.Wait), and a watch from the wrong revision that waits for ever (etcd PR 16223).
import assert from 'node:assert/strict';
import { firstValueFrom } from 'rxjs';
import { TIMING } from '../../../src/recipes/base/timing.js';
import type { HeldBarrier } from '../../../src/recipes/barrier/held-barrier.js';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { ModelCall } from '../../../src/simulation/model/model-store.js';
import { type Peeked, peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const POLL_MS = 15_000;
const KEY = 'gate/@barrier/closed';
const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);
const waits = (asked: Peeked<unknown>): boolean => asked.value === undefined;

describe('Barrier', () => {
  let world: World;
  let a: Client;
  let b: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
  });

  const hold = async (client = a): Promise<HeldBarrier> => {
    const closed = await world.run(client.coord.barrier('gate').hold());
    assert.ok(closed.ok);
    return closed.held;
  };
  const wait = async (client = b): Promise<Peeked<number>> => {
    const waiting = peek(client.coord.barrier('gate').wait());
    await world.settle();
    return waiting;
  };
  const remove = (key: string): void => {
    world.server.run(() => ({ kv: world.server.kv.delete({ key }) }));
  };

  it('an open one lets pass after one read', async () => {
    const passed = await wait();
    assert.equal(passed.value, world.server.kv.revision);
    assert.equal(b.store.calls.length, 1);
  });

  it('lets everybody pass when it is opened, with one event and one read for each', async () => {
    const held = await hold();
    const all = await Promise.all(Array.from({ length: 50 }, () => wait()));
    await world.advance(1000);
    assert.ok(all.every(waits));
    const calls = b.store.calls.length;
    const events = b.store.deliveredEventCount;
    await world.run(held.open());
    await world.settle();
    assert.ok(!all.some(waits));
    assert.deepEqual(
      [b.store.calls.length - calls, b.store.deliveredEventCount - events],
      [50, 50],
    );
    assert.equal(b.store.watchCount, 0);
    assert.throws(() => held.assertHeld(), is('NotOwner'));
  });

  it('a held one opens when its holder dies, and a closed one does not', async () => {
    await hold();
    const first = await wait();
    a.crash();
    await world.advance(TTL_MS * 2);
    assert.ok(!waits(first));
    const c = world.client('c');
    assert.equal(await world.run(c.coord.barrier('gate').close()), true);
    assert.equal(await world.run(b.coord.barrier('gate').close()), false);
    const second = await wait();
    c.crash();
    await world.advance(TTL_MS * 3);
    assert.ok(waits(second));
    assert.equal(await world.run(b.coord.barrier('gate').open()), true);
    await world.settle();
    assert.ok(!waits(second));
    assert.equal(await world.run(b.coord.barrier('gate').open()), false);
  });

  it('one that is closed tells who closed it, and opening by another is a loss', async () => {
    const held = await hold();
    const refused = await world.run(b.coord.barrier('gate').hold());
    assert.ok(!refused.ok);
    assert.equal(refused.closedBy?.identity, 'a');
    await world.run(b.coord.barrier('gate').open());
    await world.advance(TIMING.holdUnwatchedMs);
    assert.ok(held.signal.aborted);
    await assert.rejects(world.run(held.open()), is('LockLost'));
  });

  it('a broken watch, a compacted one and a cut store mean look again, never open', async () => {
    await hold();
    const waiting = await wait();
    b.store.breakWatches();
    await world.settle();
    b.store.partition('fail');
    for (let i = 0; i < 3; i++) {
      world.server.run(() => ({ kv: world.server.kv.put({ key: 'noise' }) }));
    }
    world.server.run(() => {
      world.server.kv.compact(world.server.kv.revision);
      return {};
    });
    await world.advance(1000);
    b.store.heal();
    await world.advance(POLL_MS * 2);
    assert.ok(waits(waiting) && waiting.error === undefined);
    remove(KEY);
    await world.advance(10);
    assert.ok(!waits(waiting));
  });

  it('an opening is found though its event never comes, or comes below a compaction', async () => {
    const held = await hold();
    const waiting = await wait();
    b.store.dropNextEvent((_key, type) => type === 'delete');
    await world.run(held.open());
    await world.settle();
    assert.ok(waits(waiting));
    await world.advance(POLL_MS);
    assert.ok(!waits(waiting));
  });

  it('an opening between the read and the watch is not missed', async () => {
    await hold();
    b.store.hold();
    const waiting = await wait();
    remove(KEY);
    b.store.release();
    await world.advance(100);
    assert.ok(!waits(waiting));
  });

  it('times out and aborts without a trace', async () => {
    await hold();
    const late = peek(b.coord.barrier('gate').wait({ timeoutMs: 500 }));
    await world.advance(501);
    assert.ok(is('Timeout')(late.error));
    const signal = AbortSignal.abort();
    await assert.rejects(world.run(b.coord.barrier('gate').wait({ signal })), is('Aborted'));
    assert.equal(b.store.watchCount, 0);
  });

  it('lost answers close once and open once, and never touch a later closing', async () => {
    const isTxn = (call: { name: string }): boolean => call.name === 'txn';
    a.store.loseResponse(isTxn);
    const held = await hold();
    a.store.loseResponse(isTxn);
    await world.run(held.open());
    a.store.loseResponse(isTxn);
    assert.equal(await world.run(a.coord.barrier('gate').close()), true);
    a.store.loseResponse(isTxn);
    const opened = a.coord.barrier('gate').open();
    await world.advance(1);
    assert.equal(await world.run(b.coord.barrier('gate').close()), true);
    await world.run(opened);
    await world.advance(TTL_MS * 2);
    assert.deepEqual(world.keys('gate/'), [KEY]);
  });

  it('a closing that arrives after everything is over does not close it for good', async () => {
    await world.run(a.coord.lock('warm').acquire());
    for (const close of ['hold', 'close'] as const) {
      a.store.delayRequest((call) => call.name === 'txn', 3000);
      await world.run<unknown>(a.coord.barrier('gate')[close]());
      await world.run(b.coord.barrier('gate').open());
      await world.advance(3000);
      assert.deepEqual(world.keys('gate/'), [KEY], 'the late closing should be there by now');
      await world.advance(TTL_MS);
      assert.deepEqual(world.keys('gate/'), [], close);
    }
  });

  it('a closing whose lease ended before it was freed from it is done again', async () => {
    await world.run(a.coord.lock('warm').acquire());
    const isFreeing = ({ name, request }: ModelCall): boolean => {
      const { success = [] } = request as { success?: readonly { lease?: bigint }[] };
      return name === 'txn' && success.some((step) => 'value' in step && step.lease === undefined);
    };
    // Nothing arrives from the moment on at which it would be freed.
    a.store.loseRequest((call) => {
      if (!isFreeing(call)) return false;
      queueMicrotask(() => a.store.partition('fail'));
      return true;
    });
    const closing = peek(a.coord.barrier('gate').close());
    await world.advance(TTL_MS * 3);
    assert.deepEqual(world.keys('gate/'), []);
    a.store.heal();
    await world.advance(TTL_MS);
    assert.equal(closing.value, true);
    assert.deepEqual(world.keys('gate/'), [KEY]);
  });

  it('a guarded write succeeds while it is open', async () => {
    const { barrier } = { barrier: b.coord.barrier('gate') };
    const write = (): Promise<boolean> =>
      b.store
        .txn({ compare: [barrier.guard()], success: [{ kind: 'put', key: 'k' }] })
        .then((result) => result.succeeded);
    assert.equal(await world.run(write()), true);
    await hold();
    assert.equal(await world.run(write()), false);
  });

  it('shows whether it is closed and why a wait would wait', async () => {
    const barrier = b.coord.barrier('gate');
    const seen: string[] = [];
    const following = barrier.plan$.subscribe(({ state, reason }) =>
      seen.push(`${state}: ${reason}`),
    );
    await world.settle();
    await using held = await hold();
    await world.settle();
    const status = await world.run(firstValueFrom(barrier.status$));
    assert.deepEqual([status.isClosed, status.isLeased], [true, true]);
    assert.deepEqual(await world.run(barrier.status()), status);
    await world.run(held.open());
    await world.run(a.coord.barrier('gate').close());
    await world.settle();
    assert.equal(seen[0], 'free: the barrier is open');
    assert.match(seen[1] ?? '', /^waiting: held closed by a since [0-9:]{8}Z$/);
    assert.equal(seen[2], 'free: the barrier is open');
    assert.match(seen.at(-1) ?? '', /^waiting: closed until somebody opens it, by a since/);
    following.unsubscribe();
    await world.close();
    assert.equal(world.clock.timerCount, 0);
  });
});
