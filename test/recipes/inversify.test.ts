// Proves that the recipes arrive by injection with their types, that loading opens nothing, and
// that unloading ends recipes before sessions and leaves the store alone.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { Container, inject, injectable } from 'inversify';
import { z } from 'zod';
import type { Coordination } from '../../src/recipes/coordination.js';
import { isCoordinationError } from '../../src/recipes/errors.js';
import {
  CONFIGS,
  type Configs,
  COORDINATION,
  ELECTIONS,
  type Elections,
  LOCKS,
  type Locks,
  REBOOTS,
  type Reboots,
  recipesModule,
  STORE,
} from '../../src/recipes/inversify.js';
import { type Client, World } from '../support/world.js';

@injectable()
class Agent {
  readonly locks: Locks;
  readonly elections: Elections;
  readonly configs: Configs;
  readonly reboots: Reboots;

  constructor(
    @inject(LOCKS) locks: Locks,
    @inject(ELECTIONS) elections: Elections,
    @inject(CONFIGS) configs: Configs,
    @inject(REBOOTS) reboots: Reboots,
  ) {
    this.locks = locks;
    this.elections = elections;
    this.configs = configs;
    this.reboots = reboots;
  }
}

describe('recipesModule', () => {
  let world: World;
  let client: Client;
  let container: Container;

  beforeEach(() => {
    world = new World();
    client = world.client('a');
    container = new Container();
  });

  it('injects every service, all of one owner, and does nothing before it is used', async () => {
    const module = recipesModule({ store: client.store, identity: 'agent' });
    container.load(module);
    container.bind(Agent).toSelf();
    const agent = container.get(Agent);
    assert.equal(client.store.calls.length, 0);
    assert.equal(container.get(STORE), client.store);
    assert.equal(container.get(LOCKS), agent.locks);
    const held = await world.run(agent.locks.lock('jobs').acquire());
    const leadership = await world.run(agent.elections.election('job').campaign());
    await world.run(agent.reboots.reboots('workers').acquire({ node: 'n1' }));
    const config = agent.configs.config('app/', z.object({}));
    await world.run(config.ready());
    assert.equal(await world.run(agent.locks.withLock('other', {}, () => 1)), 1);
    assert.equal(world.server.leaseIds.length, 1, 'one session for all');

    const events: string[] = [];
    const note = (what: string) => (): void => {
      events.push(`${what}, leases ${world.server.leaseIds.length}`);
    };
    held.signal.addEventListener('abort', note('lock'));
    leadership.signal.addEventListener('abort', note('leadership'));
    config.value$.subscribe({ complete: note('config') });
    await world.run(container.unloadAsync(module));
    assert.deepEqual(events.toSorted(), [
      'config, leases 1',
      'leadership, leases 1',
      'lock, leases 1',
    ]);
    assert.deepEqual(world.server.leaseIds, []);
    assert.equal(client.store.watchCount, 0);
    assert.equal(container.isBound(COORDINATION), false);
    await client.store.put({ key: 'still', value: 'open' });
  });

  it('uses a store that the container knows', async () => {
    container.bind(STORE).toConstantValue(client.store);
    container.load(recipesModule());
    const coordination: Coordination = container.get(COORDINATION);
    await world.run(coordination.lock('jobs').acquire());
    assert.equal(world.keys('jobs/').length, 1);
  });

  it('unloading waits for the work that runs, and does not fail when the store is gone', async () => {
    const module = recipesModule({ store: client.store, ttlSeconds: 10 });
    container.load(module);
    const events: string[] = [];
    const work = container.get(LOCKS).withLock('jobs', {}, async ({ signal }) => {
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => client.clock.timer(300, resolve));
      });
      events.push(`work, leases ${world.server.leaseIds.length}`);
    });
    work.catch(() => undefined);
    await world.settle();
    client.store.partition('hang');
    await world.run(container.unloadAsync(module));
    assert.deepEqual(events, ['work, leases 1']);
  });

  it('refuses to be loaded twice, or over another store', async () => {
    container.load(recipesModule({ store: client.store }));
    const refused = (error: unknown): boolean => isCoordinationError(error, 'InvalidArgument');
    assert.throws(() => container.load(recipesModule({ store: client.store })), refused);
    const other = new Container();
    other.bind(STORE).toConstantValue(client.store);
    assert.throws(() => other.load(recipesModule({ store: client.store })), refused);
  });
});
