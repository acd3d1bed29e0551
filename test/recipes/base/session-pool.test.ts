// Proves that the sessions behind the recipes are as many as are needed and no more, and that one
// that ended before anything depended on it costs nobody an error.
import assert from 'node:assert/strict';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;

describe('session pool', () => {
  let world: World;
  let a: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
  });

  afterEach(() => world.close());

  it('a session that a sleep of the machine ended is replaced, not reported', async () => {
    await (await world.run(a.coord.lock('jobs').acquire())).release();
    a.clock.sleep();
    await world.advance(TTL_MS * 3);
    a.clock.wake();
    const held = await world.run(a.coord.lock('jobs').acquire());
    held.assertHeld();
  });

  it('locks with a delay that are taken side by side share the session of the delay', async () => {
    const locks = Array.from({ length: 20 }, (_, place) => a.coord.lock(`jobs-${place}`));
    await world.run(Promise.all(locks.map((lock) => lock.acquire({ delaySeconds: 20 }))));
    assert.equal(a.store.callCount('lease-grant'), 2);
  });
});
