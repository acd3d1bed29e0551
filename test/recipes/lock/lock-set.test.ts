// Proves that several locks are taken together or not at all, never in a circle with others, with
// one transaction when all are free and one to give all back, one signal for all, and nothing left
// behind by those who give up or die halfway.
import assert from 'node:assert/strict';
import { TIMING } from '../../../src/recipes/base/timing.js';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { LockSetLoss } from '../../../src/recipes/lock/held-lock-set.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, testSeed, World } from '../../support/world.js';

const TTL_MS = 10_000;
const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);

describe('several locks at once', () => {
  let world: World;
  let a: Client;
  let b: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
  });

  it('one transaction takes all that are free, and one gives them back', async () => {
    await world.run(a.coord.lock('warm').acquire());
    const before = a.store.callCount('txn');
    const held = await world.run(a.coord.locks(['y', 'x', 'z']).acquire());
    assert.equal(a.store.callCount('txn') - before, 1);
    assert.deepEqual([...held.fences.keys()], ['x', 'y', 'z']);
    held.assertHeld();
    assert.ok(held.expiresIn() > 0);
    for (const name of ['x', 'y', 'z']) {
      assert.equal((await world.run(b.coord.lock(name).tryAcquire())).ok, false);
    }
    const own = a.store.callCount('txn');
    await world.run(held.release());
    assert.equal(a.store.callCount('txn') - own, 1);
    assert.deepEqual(world.keys(), [...world.keys('warm/')]);
    assert.throws(() => held.assertHeld(), is('NotOwner'));
    await world.run(held.release());
  });

  it('a try takes all or nothing, and says who was in the way', async () => {
    const other = await world.run(b.coord.lock('y').acquire());
    const tried = await world.run(a.coord.locks(['x', 'y']).tryAcquire());
    assert.ok(!tried.ok);
    assert.deepEqual(
      tried.busy.map(({ name, holder, waiting }) => [name, holder?.identity, waiting]),
      [['y', 'b', 0]],
    );
    assert.deepEqual(world.keys('x/'), []);
    await world.run(other.release());
    a.store.loseResponse((call) => call.name === 'txn');
    const again = await world.run(a.coord.locks(['x', 'y']).tryAcquire());
    assert.ok(again.ok);
    again.held.assertHeld();
    assert.equal(world.keys('x/').length + world.keys('y/').length, 2);
  });

  it('waits in the one order, holding those before', async () => {
    const x = await world.run(b.coord.lock('x').acquire());
    const y = await world.run(b.coord.lock('y').acquire());
    const locks = a.coord.locks(['y', 'x']);
    const reasons: string[] = [];
    locks.plan$.subscribe((plan) => reasons.push(`${plan.state} ${plan.reason}`));
    const waiting = peek(locks.acquire());
    await world.settle();
    assert.equal(world.keys('y/').length, 1, 'y is asked for only when x is held');
    assert.match(reasons.at(-1) ?? '', /^waiting lock "x": held by b since /);
    await world.run(x.release());
    await world.settle();
    assert.match(reasons.at(-1) ?? '', /^waiting lock "y": held by b since /);
    await world.run(y.release());
    (await world.run(waiting.promise)).assertHeld();
    await world.settle();
    assert.match(reasons.at(-1) ?? '', /^held /);
  });

  it('gives back what it had when it gives up, and says so at once', async () => {
    await world.run(b.coord.lock('z').acquire());
    const abort = new AbortController();
    const { signal } = abort;
    const waiting = peek(a.coord.locks(['x', 'y', 'z']).acquire({ signal }));
    await world.settle();
    a.store.partition('hang');
    abort.abort();
    await world.settle();
    assert.ok(is('Aborted')(waiting.error), String(waiting.error));
    a.store.heal();
    await world.advance(TTL_MS);
    assert.deepEqual([...world.keys('x/'), ...world.keys('y/')], []);
    assert.equal(world.keys('z/').length, 1);
    const late = peek(a.coord.locks(['x', 'z']).acquire({ timeoutMs: 500 }));
    await world.advance(501);
    assert.ok(is('Timeout')(late.error));
    await world.settle();
    assert.deepEqual(world.keys('x/'), []);
  });

  it('is lost as a whole with the first that is lost, and still gives back the others', async () => {
    const held = await world.run(a.coord.locks(['x', 'y']).acquire());
    const losses: LockSetLoss[] = [];
    held.lost$.subscribe((loss) => losses.push(loss));
    await world.run(b.coord.lock('y').break({ by: 'ops', reason: 'test' }));
    await world.advance(TIMING.holdUnwatchedMs);
    assert.ok(held.signal.aborted);
    assert.deepEqual(
      losses.map(({ name, loss }) => [name, loss.kind]),
      [['y', 'broken']],
    );
    assert.throws(() => held.assertHeld(), is('LockLost'));
    await assert.rejects(world.run(held.release()), (error) => {
      return isCoordinationError(error, 'LockLost') && error.loss.kind === 'broken';
    });
    assert.deepEqual(world.keys('x/'), []);
  });

  it('names the one that is gone when nobody had heard of it before the release', async () => {
    const held = await world.run(a.coord.locks(['x', 'y', 'z']).acquire());
    a.store.dropNextEvent((_key, type) => type === 'delete');
    await world.run(b.coord.lock('y').break({ by: 'ops', reason: 'test' }));
    await assert.rejects(world.run(held.release()), (error) => {
      assert.ok(isCoordinationError(error, 'LockLost'));
      return error.message.startsWith('lock "y" lost: broken by ops');
    });
    assert.deepEqual([...world.keys('x/q/'), ...world.keys('z/q/')], []);
  });

  it('fails when one that it has is broken while it waits for another', async () => {
    await world.run(b.coord.lock('y').acquire());
    const waiting = peek(a.coord.locks(['x', 'y']).acquire());
    await world.settle();
    await world.run(b.coord.lock('x').break({ by: 'ops', reason: 'test' }));
    await world.advance(TIMING.holdUnwatchedMs);
    assert.ok(is('LockLost')(waiting.error), String(waiting.error));
    assert.equal(world.keys('y/').length, 1);
  });

  it('guards with the conditions of all', async () => {
    const held = await world.run(a.coord.locks(['x', 'y']).acquire());
    const write = async (): Promise<boolean> => {
      const result = await world.run(b.coord.txn().if(held).put('k', 'v').commit());
      return result.succeeded;
    };
    assert.ok(await write());
    await world.run(b.coord.lock('x').break({ by: 'ops', reason: 'test' }));
    assert.equal(await write(), false);
  });

  it('respects the delay after the loss of another', async () => {
    const held = await world.run(b.coord.lock('y').acquire({ delaySeconds: 20 }));
    await world.run(a.coord.lock('y').break({ by: 'ops', reason: 'test' }));
    assert.ok(held.fence > 0);
    assert.equal((await world.run(a.coord.locks(['x', 'y']).tryAcquire())).ok, false);
    const waiting = peek(a.coord.locks(['x', 'y']).acquire());
    await world.advance(19_000);
    assert.equal(waiting.value, undefined);
    await world.advance(2000);
    assert.ok(waiting.value !== undefined);
  });

  it('refuses names that make no sense, and a handle that would wait for itself', async () => {
    const many = Array.from({ length: 33 }, (_, i) => `n${i}`);
    for (const bad of [[], ['x', 'x'], ['x', ''], many]) {
      assert.throws(() => a.coord.locks(bad), is('InvalidArgument'));
    }
    const locks = a.coord.locks(['x', 'y']);
    await world.run(locks.acquire());
    await assert.rejects(world.run(locks.acquire()), is('WouldDeadlock'));
  });

  it('takes the largest set, waits for it, and shows it, within what a transaction may have', async () => {
    const names = Array.from({ length: 32 }, (_, i) => `n${i}`);
    const held = await world.run(a.coord.locks(names).acquire());
    const seen: number[] = [];
    b.coord.locks(names).status$.subscribe(({ locks }) => seen.push(locks.size));
    const waiting = peek(b.coord.locks(names).acquire());
    await world.settle();
    await world.run(held.release());
    const next = await world.run(waiting.promise);
    assert.equal(seen.at(-1), 32);
    await world.run(next.release());
    assert.deepEqual(world.keys(), []);
  });

  it('never waits in a circle, and leaves nothing, whoever dies when', async () => {
    const names = ['p', 'q1', 'r', 's'];
    for (let i = 0; i < 10; i++) {
      const seed = testSeed() + i;
      const own = new World({ seed, latencyMaxMs: 40, session: { ttlSeconds: 4 } });
      const random = own.random.split('schedule');
      const clients = ['a', 'b', 'c'].map((name) => own.client(name));
      const sure = new Map<string, string>();
      const all: Promise<unknown>[] = [];
      const work = async (client: Client): Promise<void> => {
        const wanted = names.filter(() => random.below(2) === 0);
        if (wanted.length === 0) return;
        const held = await client.coord.locks(wanted).acquire();
        const message = `seed ${seed}`;
        for (const name of wanted) assert.equal(sure.get(name), undefined, message);
        for (const name of wanted) sure.set(name, client.name);
        held.signal.addEventListener('abort', () => {
          for (const name of wanted) sure.delete(name);
        });
        await new Promise<void>((resolve) => client.clock.timer(random.below(800), resolve));
        await held.release();
      };
      for (let step = 0; step < 60; step++) {
        const client = clients[random.below(3)] as Client;
        if (random.below(6) === 0) client.store.loseResponse((call) => call.name === 'txn');
        if (random.below(12) === 0) client.store.breakWatches();
        all.push(
          work(client).catch((error: unknown) => {
            if (!isCoordinationError(error)) throw error;
          }),
        );
        await own.advance(random.below(400));
      }
      await own.run(Promise.all(all), 300_000);
      await own.close();
      await own.advance(12_000);
      assert.deepEqual(own.keys(), [], `seed ${seed}`);
      assert.equal(own.clock.timerCount, 0, `seed ${seed}`);
    }
  });
});
