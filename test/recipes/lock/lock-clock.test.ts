// Proves that no clock and no stall makes two owners: wall clocks that jump either way and event
// loops that stand still for two TTLs, while holding and while waiting, for every kind of lock.
import assert from 'node:assert/strict';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;

interface Held {
  readonly signal: AbortSignal;
  assertHeld(): void;
  release(): Promise<void>;
}

const KINDS: readonly {
  readonly name: string;
  readonly take: (client: Client) => Promise<Held>;
}[] = [
  { name: 'lock', take: ({ coord }) => coord.lock('x').acquire() },
  {
    name: 'lock with a delay',
    take: ({ coord }) => coord.lock('x').acquire({ delaySeconds: 5 }),
  },
  {
    name: 'lock with a session of its own',
    take: ({ coord }) => coord.lock('x').acquire({ privateSession: {} }),
  },
  { name: 'write lock', take: ({ coord }) => coord.readWriteLock('x').write() },
  { name: 'several locks', take: ({ coord }) => coord.locks(['x', 'y']).acquire() },
];

for (const { name, take } of KINDS) {
  describe(`${name}, by clocks that cannot be trusted`, () => {
    let world: World;
    let a: Client;
    let b: Client;

    beforeEach(() => {
      world = new World();
      a = world.client('a');
      b = world.client('b');
    });

    for (const jumpMs of [-3_600_000, 3_600_000]) {
      it(`a wall clock that jumps by ${jumpMs / 60_000} minutes ends nothing`, async () => {
        const held = await world.run(take(a));
        const waiting = peek(take(b));
        await world.advance(1000);
        a.clock.jumpWall(jumpMs);
        b.clock.jumpWall(-jumpMs);
        await world.advance(TTL_MS * 3);
        held.assertHeld();
        assert.equal(waiting.value, undefined);
        await world.run(held.release());
        (await world.run(waiting.promise, TTL_MS)).assertHeld();
      });
    }

    it('a jump ahead gives nobody anything until the server has been asked', async () => {
      const held = await world.run(take(a));
      const waiting = peek(take(b));
      await world.settle();
      b.store.loseResponse((call) => call.name === 'lease-keep-alive');
      b.clock.jumpWall(60_000);
      await world.run(held.release());
      await world.advance(TTL_MS);
      (await world.run(waiting.promise)).assertHeld();
      assert.ok(b.store.callCount('lease-keep-alive') >= 2);
    });

    for (const order of ['timers-first', 'network-first'] as const) {
      it(`a holder that stood still for two TTLs is none (${order})`, async () => {
        const held = await world.run(take(a));
        a.block();
        await world.advance(TTL_MS * 2);
        assert.throws(
          () => held.assertHeld(),
          (error) => isCoordinationError(error, 'LockLost') && error.loss.kind === 'stalled',
        );
        a.unblock(order);
        await world.advance(100);
        assert.ok(held.signal.aborted);
        (await world.run(take(b), TTL_MS * 3)).assertHeld();
      });

      it(`a waiter that stood still for two TTLs gets nothing (${order})`, async () => {
        const held = await world.run(take(a));
        const waiting = peek(take(b));
        await world.settle();
        b.block();
        await world.run(held.release());
        await world.advance(TTL_MS * 2);
        const next = await world.run(take(a), TTL_MS * 3);
        b.unblock(order);
        await world.advance(100);
        assert.equal(waiting.value, undefined);
        assert.ok(isCoordinationError(waiting.error, 'SessionLost'), String(waiting.error));
        next.assertHeld();
      });
    }
  });
}
