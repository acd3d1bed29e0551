// Proves that the recipes arrive by injection with their types, that loading opens nothing, and
// that unloading ends recipes before sessions and leaves the store alone.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { Container, ContainerModule, inject, injectable, type ServiceIdentifier } from 'inversify';
import { z } from 'zod';
import type { Coordination } from '../../src/recipes/coordination.js';
import { isCoordinationError } from '../../src/recipes/errors.js';
import type { Config, Election } from '../../src/recipes/index.js';
import {
  BARRIERS,
  bindConfig,
  bindElection,
  CONFIGS,
  type Configs,
  COORDINATION,
  COUNTERS,
  ELECTIONS,
  type Elections,
  LOCKS,
  type Locks,
  MEMBERSHIPS,
  QUEUES,
  REBOOTS,
  type Reboots,
  recipesModule,
  SEMAPHORES,
  STORE,
  TRANSACTIONS,
  VIEWS,
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

  it('has a token for every recipe, and one session behind them all', async () => {
    const module = recipesModule({ store: client.store });
    container.load(module);
    await world.run(container.get(LOCKS).readWriteLock('thing').read());
    await world.run(container.get(LOCKS).locks(['x', 'y']).acquire());
    const semaphore = container.get(SEMAPHORES).semaphore('thing', { initialLimit: 2 });
    await world.run(semaphore.acquire());
    await world.run(container.get(BARRIERS).barrier('thing').hold());
    await world.run(container.get(QUEUES).queue('thing').send({ some: 'work' }));
    await world.run(container.get(MEMBERSHIPS).members('thing').join({ id: 'a' }));
    const { value } = await world.run(container.get(COUNTERS).counter('thing').add(1));
    assert.equal(value, 1n);
    const written = container.get(TRANSACTIONS).stm(async (tx) => tx.put('k', 'v'));
    await world.run(written);
    const cache = container.get(VIEWS).cache('thing/');
    await world.run(cache.ready());
    assert.equal(world.server.leaseIds.length, 1);
    await world.run(container.unloadAsync(module));
    assert.deepEqual(world.server.leaseIds, []);
    assert.equal(client.store.watchCount, 0);
  });

  it('binds a configuration and an election to tokens of the application', async () => {
    const SETTINGS = Symbol.for('test/Settings') as ServiceIdentifier<Config<{ port: number }>>;
    const SCHEDULER = Symbol.for('test/Scheduler') as ServiceIdentifier<Election>;
    const module = recipesModule({ store: client.store });
    container.load(module);
    container.load(
      new ContainerModule((binder) => {
        const schema = z.object({ port: z.number() });
        bindConfig(binder, SETTINGS, { prefix: 'app/', schema, default: { port: 1 } });
        bindElection(binder, SCHEDULER, 'scheduler');
      }),
    );
    assert.equal(client.store.watchCount, 0, 'nothing is followed before it is asked for');
    const settings = container.get(SETTINGS);
    assert.equal(container.get(SETTINGS), settings);
    await client.store.put({ key: 'app/port', value: '80' });
    await world.advance(10);
    assert.equal(settings.value.port, 80);
    const leadership = await world.run(container.get(SCHEDULER).campaign());
    let isOver = false;
    settings.value$.subscribe({ complete: () => (isOver = true) });
    await world.run(container.unloadAsync(module));
    assert.ok(isOver, 'the configuration goes on without its owner');
    assert.ok(leadership.signal.aborted);
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

  it('a child container uses the services and the session of the root', async () => {
    const module = recipesModule({ store: client.store });
    container.load(module);
    for (let request = 0; request < 3; request++) {
      const child = new Container({ parent: container });
      assert.equal(child.get(LOCKS), container.get(LOCKS));
      await world.run(child.get(LOCKS).lock(`jobs-${request}`).acquire());
      await world.run(child.unbindAllAsync());
    }
    assert.equal(world.server.leaseIds.length, 1);
    assert.equal(world.keys('jobs-').length, 3, 'the end of a child ends nothing of the root');
    await world.run(container.unloadAsync(module));
    assert.deepEqual(world.keys('jobs-'), []);
  });

  it('can be wrapped on activation, and given another store for a test', async () => {
    const asked: string[] = [];
    container.load(recipesModule({ store: client.store }));
    container.onActivation(LOCKS, (_context, locks): Locks => {
      const lock = (name: string): ReturnType<Locks['lock']> => {
        asked.push(name);
        return locks.lock(name);
      };
      return Object.assign(Object.create(locks) as Locks, { lock });
    });
    await world.run(container.get(LOCKS).lock('jobs').acquire());
    assert.deepEqual(asked, ['jobs']);

    const other = world.client('other');
    const tested = new Container();
    tested.bind(STORE).toConstantValue(client.store);
    tested.load(recipesModule());
    tested.snapshot();
    await tested.unbindAsync(STORE);
    tested.bind(STORE).toConstantValue(other.store);
    await world.run(tested.get(LOCKS).lock('elsewhere').acquire());
    assert.ok(other.store.calls.length > 0);
    tested.restore();
    assert.equal(tested.get(STORE), client.store);
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
