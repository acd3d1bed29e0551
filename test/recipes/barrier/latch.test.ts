// Proves that a latch opens when enough distinct ids were counted, counts an id once a round
// however often it is told, keeps rounds apart, and never waits without an end. The named bug: a
// countdown that is tried again after a lost answer and counts twice.
import assert from 'node:assert/strict';
import { firstValueFrom } from 'rxjs';
import type { OpenLatch } from '../../../src/recipes/barrier/latch.js';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import { type Peeked, peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const POLL_MS = 15_000;
const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);
const waits = (asked: Peeked<unknown>): boolean => asked.value === undefined;

describe('Latch', () => {
  let world: World;
  let a: Client;
  let b: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
  });

  const count = (id: string, client = a): Promise<{ isCounted: boolean; remaining: number }> =>
    world.run(client.coord.latch('ready', { initialCount: 2 }).countDown(id));
  const wait = async (client = b): Promise<Peeked<OpenLatch>> => {
    const latch = client.coord.latch('ready', { initialCount: 2 });
    const waiting = peek(latch.wait({ timeoutMs: 600_000 }));
    await world.settle();
    return waiting;
  };

  it('opens at the count of distinct ids', async () => {
    const waiting = await wait();
    assert.deepEqual(await count('x'), { round: 1, isCounted: true, remaining: 1 });
    assert.deepEqual(await count('x', b), { round: 1, isCounted: true, remaining: 1 });
    await world.advance(1000);
    assert.ok(waits(waiting));
    assert.deepEqual(await count('y'), { round: 1, isCounted: true, remaining: 0 });
    await world.settle();
    assert.equal(waiting.value?.round, 1);
    assert.deepEqual(await count('x'), { round: 1, isCounted: true, remaining: 0 });
    assert.deepEqual(await count('z'), { round: 1, isCounted: false, remaining: 0 });
    assert.ok(!waits(await wait()), 'an open one lets pass at once');
  });

  it('refuses to wait without an end, and to be used without a count', async () => {
    await assert.rejects(a.coord.latch('ready').wait({}), is('InvalidArgument'));
    const counted = peek(a.coord.latch('counted', { initialCount: 1 }).wait({}));
    await world.advance(1000);
    assert.ok(is('InvalidArgument')(counted.error), 'it waits without an end');
    const wait1 = a.coord.latch('ready').wait({ timeoutMs: 1000 });
    await assert.rejects(world.run(wait1), is('InvalidArgument'));
    await assert.rejects(world.run(a.coord.latch('ready').countDown('x')), is('InvalidArgument'));
    for (const bad of ['', 'a/b']) await assert.rejects(count(bad), is('InvalidArgument'));
    for (const bad of [0, 1.5]) {
      assert.throws(() => a.coord.latch('l', { initialCount: bad }), is('InvalidArgument'));
      await assert.rejects(a.coord.latch('l').setCount(bad), is('InvalidArgument'));
    }
    const late = peek(a.coord.latch('ready', { initialCount: 1 }).wait({ timeoutMs: 500 }));
    await world.advance(501);
    assert.ok(is('Timeout')(late.error));
    const { signal } = new AbortController();
    const waiting = peek(a.coord.latch('ready').wait({ signal }));
    await world.run(a.coord.close());
    assert.ok(is('Aborted')(waiting.error));
  });

  it('lost and late answers count once', async () => {
    const isTxn = (call: { request: unknown }): boolean =>
      ((call.request as { compare?: unknown[] }).compare ?? []).length > 1;
    a.store.loseResponse(isTxn);
    assert.deepEqual(await count('x'), { round: 1, isCounted: true, remaining: 1 });
    b.store.delayRequest(isTxn, 3000);
    assert.equal((await count('y', b)).remaining, 0);
    await world.advance(4000);
    const status = await world.run(a.coord.latch('ready').status());
    assert.deepEqual(status.counted, ['x', 'y']);
  });

  it('opens though the last counter died before it could', async () => {
    await count('x');
    const waiting = await wait();
    let puts = 0;
    a.store.loseRequest((call) => {
      const { success } = call.request as { success?: { kind: string }[] };
      if (success?.[0]?.kind !== 'put') return false;
      puts += 1;
      if (puts === 2) a.crash();
      return puts === 2;
    });
    void peek(a.coord.latch('ready').countDown('y'));
    await world.advance(100);
    assert.equal(puts, 2);
    assert.ok(waits(waiting));
    await world.advance(POLL_MS);
    assert.ok(!waits(waiting));
    assert.equal((await world.run(b.coord.latch('ready').status())).isOpen, true);
  });

  it('an opening is found though its event never comes', async () => {
    const waiting = await wait();
    b.store.dropNextEvent(() => true);
    await count('x');
    await count('y');
    await world.advance(POLL_MS);
    assert.ok(!waits(waiting));
  });

  it('a new round begins only after the last is open, and forgets what it counted', async () => {
    const latch = a.coord.latch('ready');
    const first = await wait();
    await assert.rejects(world.run(latch.nextRound()), is('InvalidArgument'));
    await count('x');
    await count('y');
    await world.settle();
    a.store.loseResponse((call) => call.name === 'txn');
    assert.equal(await world.run(latch.nextRound({ count: 1 })), 2);
    assert.equal(first.value?.round, 1);
    const status = await world.run(latch.status());
    assert.deepEqual([status.round, status.count, status.remaining], [2, 1, 1]);
    assert.deepEqual(world.keys('ready/@latch/down/'), []);
    const second = await wait();
    assert.ok(waits(second));
    assert.deepEqual(await count('x'), { round: 2, isCounted: true, remaining: 0 });
    await world.settle();
    assert.equal(second.value?.round, 2);
  });

  it('a countdown that began in a round does not count in the next', async () => {
    await count('x');
    b.store.hold();
    const slow = peek(b.coord.latch('ready').countDown('late'));
    await world.settle();
    await count('y');
    await world.run(a.coord.latch('ready').nextRound());
    b.store.release();
    const result = await world.run(slow.promise);
    assert.deepEqual(result, { round: 1, isCounted: false, remaining: 0 });
    assert.deepEqual((await world.run(a.coord.latch('ready').status())).counted, []);
  });

  it('a waiter that missed the opening and the next round passes all the same', async () => {
    const waiting = await wait();
    b.store.hold();
    await count('x');
    await count('y');
    await world.run(a.coord.latch('ready').nextRound());
    b.store.release();
    await world.settle();
    assert.equal(waiting.value?.round, 1);
  });

  it('a count that shrinks to what was counted opens', async () => {
    const latch = a.coord.latch('ready');
    await world.run(latch.setCount(5));
    const waiting = await wait();
    await count('x');
    await count('y');
    await world.run(latch.setCount(2));
    await world.settle();
    assert.ok(!waits(waiting));
    await assert.rejects(world.run(latch.setCount(9)), is('InvalidArgument'));
  });

  it('many who count at once open it once, and wake each waiter once', async () => {
    const size = 60;
    const latch = a.coord.latch('ready', { initialCount: size });
    await world.run(latch.countDown('0'));
    const waiting = await Promise.all(Array.from({ length: 20 }, () => wait()));
    const events = b.store.deliveredEventCount;
    const all = Array.from({ length: size - 1 }, (_, i) => latch.countDown(`${i + 1}`));
    await world.run(Promise.all(all));
    await world.settle();
    assert.ok(!waiting.some(waits));
    assert.equal(b.store.deliveredEventCount - events, waiting.length);
    assert.equal(world.server.kv.range({ key: 'ready/@latch/state' }).kvs[0]?.version, 2);
  });

  it('the guard of an open round fails from the next one on', async () => {
    await count('x');
    await count('y');
    const open = await world.run(b.coord.latch('ready').wait({ timeoutMs: 1000 }));
    const write = (): Promise<boolean> =>
      b.store
        .txn({ compare: [open.guard()], success: [{ kind: 'put', key: 'k' }] })
        .then((result) => result.succeeded);
    assert.equal(await world.run(write()), true);
    await world.run(a.coord.latch('ready').nextRound());
    assert.equal(await world.run(write()), false);
  });

  it('is not opened by a count that another program has written and that makes none', async () => {
    for (const state of [
      { round: 1, count: -1 },
      { round: 1, count: 0.5 },
      { round: 1e17, count: 1 },
      { round: 0, count: 1 },
    ]) {
      const value = JSON.stringify(state);
      world.server.run(() => world.server.kv.put({ key: 'odd/@latch/state', value }));
      const { isOpen } = await world.run(a.coord.latch('odd').status());
      assert.equal(isOpen, false, value);
      await assert.rejects(
        world.run(a.coord.latch('odd').wait({ timeoutMs: 1000 })),
        (error) => isCoordinationError(error, 'InvalidArgument') && /no count/.test(error.message),
        value,
      );
    }
  });

  it('shows what is missing', async () => {
    const latch = b.coord.latch('ready');
    const seen: string[] = [];
    const following = latch.plan$.subscribe(({ state, reason }) =>
      seen.push(`${state}: ${reason}`),
    );
    await world.settle();
    await count('x');
    const status = await world.run(firstValueFrom(latch.status$));
    assert.deepEqual(status, await world.run(latch.status()));
    await count('y');
    await world.settle();
    assert.equal(seen[0], 'waiting: nobody has set a count');
    assert.equal(seen[1], 'waiting: round 1: 0 of 2 counted, 2 are missing');
    assert.match(
      seen[2] ?? '',
      /^waiting: round 1: 1 of 2 counted, the last one was x at .*Z, 1 are/,
    );
    assert.equal(seen.at(-1), 'free: round 1 is open');
    following.unsubscribe();
    await world.close();
    assert.equal(world.clock.timerCount, 0);
  });
});
