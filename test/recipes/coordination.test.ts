// Proves what the whole of the recipes does as one object: it opens nothing by itself, shows its
// session, and closes in order, quickly, and for good.
import assert from 'node:assert/strict';
import { isCoordinationError } from '../../src/recipes/errors.js';
import { peek } from '../../src/simulation/model/peek.js';
import { type Client, World } from '../support/world.js';

const TTL_MS = 10_000;

describe('Coordination', () => {
  let world: World;
  let client: Client;

  beforeEach(() => {
    world = new World();
    client = world.client('a');
  });

  it('opens nothing until asked, then one session for all', async () => {
    const { coord, store } = client;
    coord.lock('jobs');
    coord.election('job');
    coord.reboots('workers');
    await world.advance(TTL_MS);
    assert.equal(store.calls.length, 0);
    const all = [coord.lock('x').acquire(), coord.lock('y').acquire(), coord.lock('z').acquire()];
    await world.run(Promise.all(all));
    assert.equal(store.callCount('lease-grant'), 1);
  });

  it('shows the state of the session, over its loss and the next one', async () => {
    const seen: string[] = [];
    client.coord.session$.subscribe((state) => seen.push(state?.kind ?? 'none'));
    await world.run(client.coord.lock('x').acquire());
    client.store.partition('hang');
    await world.advance(TTL_MS);
    client.store.heal();
    await world.run(client.coord.lock('x').acquire());
    assert.deepEqual(seen, ['none', 'alive', 'suspect', 'lost', 'alive']);
  });

  it('a failed grant of the session is tried again for as long as the caller waits', async () => {
    client.store.partition('fail');
    const late = peek(client.coord.lock('x').acquire({ timeoutMs: 5000 }));
    const patient = peek(client.coord.lock('y').acquire());
    await world.advance(6000);
    assert.ok(isCoordinationError(late.error, 'Timeout'));
    client.store.heal();
    await world.run(patient.promise);
  });

  it('closes within a TTL though running work does not end, and leaves the store open', async () => {
    let ended = false;
    void client.coord
      .lock('x', {}, async () => {
        await client.coord.close();
        ended = true;
      })
      .catch(() => undefined);
    await world.advance(TTL_MS + 100);
    assert.ok(ended, 'closing from within the work hangs');
    await client.store.put({ key: 'still', value: 'open' });
    assert.deepEqual(world.keys(), ['still']);
  });

  it('closes though the store is out of reach', async () => {
    await world.run(client.coord.lock('x').acquire());
    client.store.partition('hang');
    await world.run(client.coord.close(), TTL_MS);
    await world.advance(TTL_MS);
    assert.deepEqual(world.server.leaseIds, []);
  });

  it('closing before and twice is no mistake', async () => {
    await world.run(client.coord.close());
    await world.run(client.coord.close());
    assert.equal(client.store.calls.length, 0);
    const refused = client.coord.lock('x').acquire();
    await assert.rejects(world.run(refused), (error) => isCoordinationError(error, 'Aborted'));
  });
});
