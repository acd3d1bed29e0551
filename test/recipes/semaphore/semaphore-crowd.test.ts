// Proves that a crowd of waiters costs little: one release wakes one of them and a change of the
// limit only the head, with a number of events and calls that does not depend on how many wait.
import assert from 'node:assert/strict';
import type { SemaphoreOrder } from '../../../src/recipes/semaphore/semaphore-state.js';
import type { HeldPermit } from '../../../src/recipes/semaphore/held-permit.js';
import { type Client, World } from '../../support/world.js';

const LIMIT = 3;

interface Cost {
  readonly events: number;
  readonly calls: number;
}

interface Crowd {
  readonly world: World;
  readonly client: Client;
  readonly granted: HeldPermit[];
}

async function gather(size: number, order: SemaphoreOrder): Promise<Crowd> {
  const world = new World({ session: { ttlSeconds: 600 } });
  const client = world.client('crowd');
  const slots = client.coord.semaphore('slots', { initialLimit: LIMIT, order });
  const granted: HeldPermit[] = [];
  for (let i = 0; i < size; i++) {
    void slots.acquire().then(
      (held) => granted.push(held),
      () => undefined,
    );
  }
  await world.settle();
  assert.equal(granted.length, LIMIT);
  return { world, client, granted };
}

async function costOf({ world, client }: Crowd, change: () => Promise<unknown>): Promise<Cost> {
  const calls = client.store.calls.length;
  const events = client.store.deliveredEventCount;
  await world.run(change());
  await world.settle();
  return {
    calls: client.store.calls.length - calls,
    events: client.store.deliveredEventCount - events,
  };
}

/** The cost of one release in the middle of things. */
async function costOfATurn(size: number, order: SemaphoreOrder): Promise<Cost> {
  const crowd = await gather(size, order);
  const turn = (): Promise<void> => crowd.granted[crowd.granted.length - 1]?.release() as never;
  for (let i = 0; i < 3; i++) await costOf(crowd, turn);
  const before = crowd.granted.length;
  const cost = await costOf(crowd, turn);
  assert.equal(crowd.granted.length, before + 1, 'one gave back and not exactly one took over');
  await crowd.world.close();
  assert.equal(crowd.client.store.watchCount, 0);
  return cost;
}

describe('a crowd at a semaphore', function () {
  this.timeout(30_000);

  for (const order of ['fifo', 'firstFit'] as const) {
    it(`${order}: a release costs the same, however many wait`, async () => {
      const small = await costOfATurn(20, order);
      const large = await costOfATurn(200, order);
      assert.deepEqual(large, small);
      assert.ok(large.events <= 2 && large.calls <= 5, JSON.stringify(large));
    });
  }

  it('a limit that changes wakes only the head', async () => {
    const crowd = await gather(200, 'fifo');
    const slots = crowd.client.coord.semaphore('slots');
    const cost = await costOf(crowd, () => slots.setLimit(2));
    assert.ok(cost.events === 1 && cost.calls <= 3, JSON.stringify(cost));
    await crowd.world.close();
  });
});
