// Proves by counting what locks cost: one transaction in and one out when nobody contends, for
// every kind; keep-alives that do not grow with the number of locks; no watch for what is held for
// a moment; and a hand-over among a thousand waiters for a constant number of events and
// transactions, one of each where they are of one process.
import assert from 'node:assert/strict';
import { TIMING } from '../../../src/recipes/base/timing.js';
import { tooLong } from '../../support/in-ci.js';
import { skipWhen } from '../../support/skip.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const CROWD = 1000;
const FEW = 10;

interface Releasable {
  release(): Promise<void>;
}

const KINDS: readonly {
  readonly name: string;
  readonly take: (client: Client) => Promise<Releasable>;
}[] = [
  { name: 'lock', take: ({ coord }) => coord.lock('x').acquire() },
  {
    name: 'tried lock',
    take: async ({ coord }) => {
      const tried = await coord.lock('x').tryAcquire();
      assert.ok(tried.ok);
      return tried.held;
    },
  },
  { name: 'read lock', take: ({ coord }) => coord.readWriteLock('x').read() },
  { name: 'write lock', take: ({ coord }) => coord.readWriteLock('x').write() },
  { name: 'several locks', take: ({ coord }) => coord.locks(['x', 'y', 'z']).acquire() },
];

describe('what a lock costs', function () {
  this.timeout(60_000);

  for (const { name, take } of KINDS) {
    it(`${name}: one transaction to take it and one to give it back, and no other call`, async () => {
      const world = new World();
      const client = world.client('a');
      await world.run(client.coord.lock('warm').acquire());
      const before = client.store.calls.length;
      const held = await world.run(take(client));
      assert.equal(client.store.calls.length - before, 1);
      await world.run(held.release());
      assert.equal(client.store.calls.length - before, 2);
      assert.deepEqual(
        client.store.calls.slice(before).map((call) => call.name),
        ['txn', 'txn'],
      );
      await world.close();
    });
  }

  it('one lock or a hundred: as many keep-alives', async () => {
    const beats: number[] = [];
    for (const count of [1, 100]) {
      const world = new World();
      const client = world.client('a');
      for (let i = 0; i < count; i++) await world.run(client.coord.lock(`x${i}`).acquire());
      assert.equal(client.store.callCount('lease-grant'), 1);
      const before = client.store.callCount('lease-keep-alive');
      await world.advance(TTL_MS * 5);
      beats.push(client.store.callCount('lease-keep-alive') - before);
      await world.close();
    }
    const [one = 0, hundred = 0] = beats;
    assert.ok(one > 10 && Math.abs(one - hundred) <= 1, beats.join(' '));
  });

  it(`a hand-over among ${CROWD} waiters of one process: one event, one transaction`, async function () {
    skipWhen(this, tooLong());
    const world = new World({ session: { ttlSeconds: 3600 } });
    const client = world.client('crowd');
    const turns: Releasable[] = [];
    for (let i = 0; i < CROWD; i++) {
      void client.coord
        .lock('x')
        .acquire()
        .then((held) => turns.push(held));
    }
    await world.settle();
    assert.equal(turns.length, 1);
    assert.equal(world.keys('x/').length, CROWD);
    for (let turn = 0; turn < 3; turn++) {
      const txns = client.store.callCount('txn');
      const calls = client.store.calls.length;
      const events = client.store.deliveredEventCount;
      await world.run(turns[turn]?.release() ?? Promise.reject(new Error('nobody holds it')));
      await world.settle();
      assert.equal(turns.length, turn + 2, 'one gave back and not exactly one took over');
      assert.equal(client.store.deliveredEventCount - events, 1);
      assert.equal(client.store.callCount('txn') - txns, 1);
      assert.equal(client.store.calls.length - calls, 1);
      assert.equal(client.store.watchCount, 1, 'a watch for each waiter');
    }
  });

  it('a hand-over between two crowds: an event for each, and two transactions', async () => {
    const world = new World({ session: { ttlSeconds: 3600 } });
    const clients = [world.client('a'), world.client('b')];
    const turns: Releasable[] = [];
    for (let i = 0; i < FEW; i++) {
      for (const { coord } of clients) {
        void coord
          .lock('x')
          .acquire()
          .then((held) => turns.push(held));
        await world.settle();
      }
    }
    const sum = (count: (client: Client) => number): number =>
      clients.reduce((total, client) => total + count(client), 0);
    for (let turn = 0; turn < 4; turn++) {
      const calls = sum(({ store }) => store.calls.length);
      const events = sum(({ store }) => store.deliveredEventCount);
      await world.run(turns[turn]?.release() ?? Promise.reject(new Error('nobody holds it')));
      await world.settle();
      assert.equal(turns.length, turn + 2, 'one gave back and not exactly one took over');
      assert.equal(sum(({ store }) => store.calls.length) - calls, 2);
      assert.equal(sum(({ store }) => store.deliveredEventCount) - events, 2);
    }
  });

  it('a lock that is held for a moment is not watched, and a longer one is', async () => {
    const world = new World();
    const client = world.client('a');
    const held = await world.run(client.coord.lock('x').acquire());
    await world.advance(TIMING.holdUnwatchedMs - 1);
    assert.equal(client.store.watchCount, 0);
    await world.advance(1);
    assert.equal(client.store.watchCount, 1);
    await world.run(held.release());
    assert.equal(client.store.watchCount, 0);
    assert.equal((await world.run(client.coord.lock('x').tryAcquire())).ok, true);
    await world.close();
    assert.equal(world.clock.timerCount, 0);
  });
});
