// Proves that each asking of one owner is bounded by its own limits, also when it joins an asking
// of the same owner that is under way: neither waits longer than it wants, nor gives up for the
// other.
import assert from 'node:assert/strict';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import type { HeldLock } from '../../../src/recipes/lock/held-lock.js';
import type { Lock } from '../../../src/recipes/lock/lock.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

describe('one owner of a lock, asking twice', () => {
  const owner = {};
  let world: World;
  let lock: Lock;
  let other: HeldLock;

  beforeEach(async () => {
    world = new World();
    lock = world.client('a').coord.lock('jobs');
    other = await world.run(world.client('b').coord.lock('jobs').acquire());
  });

  afterEach(() => world.close());

  it('the second gives up at its own time, and the first waits on', async () => {
    const first = peek(lock.acquire({ owner }));
    const second = peek(lock.acquire({ owner, timeoutMs: 100 }));
    await world.advance(200);
    assert.ok(isCoordinationError(second.error, 'Timeout'));
    await world.run(other.release());
    const held = await world.run(first.promise);
    held.assertHeld();
    await world.run(held.release());
    assert.deepEqual(world.keys('jobs/'), []);
  });

  it('the second waits on when the first gives up', async () => {
    const first = peek(lock.acquire({ owner, timeoutMs: 100 }));
    const second = peek(lock.acquire({ owner }));
    const third = peek(lock.acquire({ owner }));
    await world.advance(200);
    assert.ok(isCoordinationError(first.error, 'Timeout'));
    assert.deepEqual([second.error, third.error], [undefined, undefined]);
    await world.run(other.release());
    const held = [await world.run(second.promise), await world.run(third.promise)] as const;
    assert.equal(held[0].key, held[1].key);
    await world.run(held[0].release());
    held[1].assertHeld();
    await world.run(held[1].release());
    assert.deepEqual(world.keys('jobs/'), []);
  });

  it('one that gives up as the lock comes leaves nothing behind', async () => {
    const aborts = [new AbortController(), new AbortController()] as const;
    const asked = aborts.map(({ signal }) => peek(lock.acquire({ owner, signal })));
    await world.settle();
    const released = other.release();
    aborts[1].abort();
    await world.run(released);
    await world.advance(100);
    assert.ok(isCoordinationError(asked[1]?.error, 'Aborted'));
    await world.run(asked[0]?.value?.release() ?? Promise.reject(new Error('not granted')));
    assert.deepEqual(world.keys('jobs/'), []);
  });

  it('a try answers at once while the same owner waits in line, and says who is in the way', async () => {
    const waiting = peek(lock.acquire({ owner }));
    await world.settle();
    const tried = await world.run(lock.tryAcquire({ owner }), 1000);
    assert.ok(!tried.ok);
    assert.deepEqual([tried.holder?.identity, tried.waiting], ['b', 1]);
    await world.run(other.release());
    const held = await world.run(waiting.promise);
    const again = await world.run(lock.tryAcquire({ owner }));
    assert.ok(again.ok && again.held.key === held.key);
    await world.run(held.release());
    again.held.assertHeld();
    await world.run(again.held.release());
    assert.deepEqual(world.keys('jobs/'), []);
  });

  it('a try that meets one of the same owner has its answer, and one that waits is not refused', async () => {
    const first = peek(lock.tryAcquire({ owner }));
    const second = peek(lock.tryAcquire({ owner }));
    const waiting = peek(lock.acquire({ owner }));
    await world.advance(100);
    for (const { value } of [first, second]) {
      assert.ok(value !== undefined && !value.ok && value.holder?.identity === 'b');
    }
    assert.equal(waiting.error, undefined);
    await world.run(other.release());
    await world.run((await world.run(waiting.promise)).release());
    assert.deepEqual(world.keys('jobs/'), []);
  });
  describe('that has the lock', () => {
    const TTL_MS = 10_000;
    let a: Client;

    beforeEach(async () => {
      await world.run(other.release());
      [a] = world.clients as [Client];
    });

    it('is not given again what was lost while nothing could run', async () => {
      const first = await world.run(lock.acquire({ owner }));
      a.block();
      await world.advance(TTL_MS * 2);
      // No timer has fired, and no promise waits for one.
      const again = peek(lock.acquire({ owner }));
      const tried = peek(lock.tryAcquire({ owner }));
      await world.settle();
      again.value?.assertHeld();
      if (tried.value?.ok === true) tried.value.held.assertHeld();
      a.unblock();
      const held = await world.run(again.promise);
      held.assertHeld();
      assert.ok(held.fence > first.fence);
    });

    it('is given nothing again while it is not certain whether it still has it', async () => {
      await world.run(lock.acquire({ owner }));
      a.store.partition('hang');
      a.clock.jumpWall(60_000);
      const again = peek(lock.acquire({ owner }));
      await world.advance(100);
      assert.equal(again.value, undefined);
      a.store.heal();
      (await world.run(again.promise)).assertHeld();
    });

    it('is not given again what was taken away while its session was in doubt', async () => {
      const first = await world.run(lock.acquire({ owner }));
      await world.advance(200);
      // Events come, and the answers of keep-alives do not.
      const ways: (() => void)[] = [];
      const { leases } = a.store;
      const keepAlive = leases.keepAlive.bind(leases);
      Object.assign(leases, {
        keepAlive: async (...args: Parameters<typeof keepAlive>) => {
          await new Promise<void>((resolve) => ways.push(resolve));
          return await keepAlive(...args);
        },
      });
      a.clock.jumpWall(60_000);
      const again = peek(lock.acquire({ owner }));
      await world.settle();
      await world.run(world.client('c').coord.lock('jobs').break({ by: 'ops', reason: 'test' }));
      await world.settle();
      assert.ok(first.signal.aborted, 'it has not heard of its loss');
      for (const go of ways.splice(0)) go();
      Object.assign(leases, { keepAlive });
      const held = await world.run(again.promise);
      held.assertHeld();
      assert.ok(held.fence > first.fence);
    });

    it('hears of the loss from each share that it gives back', async () => {
      const [first, second] = [
        await world.run(lock.acquire({ owner })),
        await world.run(lock.acquire({ owner })),
      ];
      await world.run(world.client('c').coord.lock('jobs').break({ by: 'ops', reason: 'test' }));
      await world.advance(1000);
      for (const held of [first, second]) {
        await assert.rejects(
          world.run(held.release()),
          (error) => isCoordinationError(error, 'LockLost') && error.loss.kind === 'broken',
        );
      }
    });
  });
});
