// Proves that a crowd costs each member little: one release wakes one waiter, with a number of
// events and calls that does not depend on how many wait.
import assert from 'node:assert/strict';
import { type Client, World } from '../../support/world.js';

const CROWD = 200;

interface Cost {
  readonly events: number;
  readonly calls: number;
}

/**
 * Lets `crowd` members take turns through one store, and counts the cost of a turn in the middle.
 */
async function costOfATurn(
  crowd: number,
  take: (client: Client) => Promise<() => Promise<void>>,
): Promise<Cost> {
  const world = new World({ session: { ttlSeconds: 600 } });
  const client = world.client('crowd');
  const gaveBack: (() => Promise<void>)[] = [];
  for (let i = 0; i < crowd; i++) void take(client).then((giveBack) => gaveBack.push(giveBack));
  await world.settle();
  const turn = async (): Promise<void> => {
    const before = gaveBack.length;
    await world.run(gaveBack[before - 1]?.() ?? Promise.resolve());
    await world.settle();
    assert.equal(gaveBack.length, before + 1, 'one gave back and not exactly one took over');
  };
  for (let i = 0; i < 3; i++) await turn();
  const calls = client.store.calls.length;
  const events = client.store.deliveredEventCount;
  const turns = 5;
  for (let i = 0; i < turns; i++) await turn();
  const cost = {
    events: (client.store.deliveredEventCount - events) / turns,
    calls: (client.store.calls.length - calls) / turns,
  };
  await world.close();
  assert.equal(client.store.watchCount, 0);
  return cost;
}

describe('a crowd of waiters', function () {
  this.timeout(30_000);

  it('costs a lock the same for every release, however many wait', async () => {
    const take = async (client: Client): Promise<() => Promise<void>> => {
      const held = await client.coord.lock('jobs').acquire();
      return () => held.release();
    };
    const small = await costOfATurn(20, take);
    const large = await costOfATurn(CROWD, take);
    assert.deepEqual(large, small);
    assert.ok(large.events <= 2 && large.calls <= 2, JSON.stringify(large));
  });

  it('costs an election the same for every resignation', async () => {
    const take = async (client: Client): Promise<() => Promise<void>> => {
      const leadership = await client.coord.election('job').campaign();
      return () => leadership.resign();
    };
    const small = await costOfATurn(20, take);
    const large = await costOfATurn(CROWD, take);
    assert.deepEqual(large, small);
    assert.ok(large.events <= 3 && large.calls <= 4, JSON.stringify(large));
  });

  it('costs a reboot group the same for every slot that is freed', async () => {
    let node = 0;
    const take = async (client: Client): Promise<() => Promise<void>> => {
      const group = client.coord.reboots('workers');
      const held = await group.acquire({ node: `n${node++}` });
      return async () => {
        await group.release({ node: held.node });
      };
    };
    const small = await costOfATurn(20, take);
    const large = await costOfATurn(CROWD, take);
    assert.deepEqual(large, small);
    assert.ok(large.events <= 4 && large.calls <= 6, JSON.stringify(large));
  });
});
