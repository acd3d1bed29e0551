/**
 * The public door `tidelock/inversify`: the recipes as injectable services. It binds synchronous,
 * lazy objects only, and one owner with one deactivation handler, because a container starts all
 * handlers at once and in bind order, while sessions must end after the recipes that use them.
 * Locks that are held are return values and never bindings.
 */
import {
  ContainerModule,
  type ContainerModuleLoadOptions,
  type ServiceIdentifier,
} from 'inversify';
import type { Store } from '../store/index.js';
import type { Config, ConfigOptions } from './config/config.js';
import type { StandardSchema } from './config/standard-schema.js';
import { type Coordination, type CoordinationOptions, coordinate } from './coordination.js';
import type { Election } from './election/election.js';
import { CoordinationError } from './errors.js';
import type {
  Barriers,
  Configs,
  Counters,
  Elections,
  Locks,
  Memberships,
  Queues,
  Reboots,
  Semaphores,
  Transactions,
  Views,
} from './services.js';

export type * from './services.js';

/**
 * The whole of the recipes, in one object. It is the owner: unloading the module closes it.
 *
 * @example
 * const coordination = container.get(COORDINATION);
 * await coordination.lock('billing', {}, (held) => doWork(held.signal));
 */
export const COORDINATION = Symbol.for('tidelock/Coordination') as ServiceIdentifier<Coordination>;
/**
 * The store that the recipes use. It belongs to whoever made it.
 *
 * @example
 * container.get(STORE).revisions$.subscribe((batch) => log.info(batch.revision));
 */
export const STORE = Symbol.for('tidelock/Store') as ServiceIdentifier<Store>;
/**
 * Locks by name: single ones, sets, and read/write locks.
 *
 * @example
 * await container.get(LOCKS).withLock('billing', {}, (held) => doWork(held.signal));
 */
export const LOCKS = Symbol.for('tidelock/Locks') as ServiceIdentifier<Locks>;
/**
 * Elections by name; `bindElection` binds a single one.
 *
 * @example
 * const { leader$ } = container.get(ELECTIONS).election('scheduler');
 */
export const ELECTIONS = Symbol.for('tidelock/Elections') as ServiceIdentifier<Elections>;
/**
 * Semaphores by name.
 *
 * @example
 * const downloads = container.get(SEMAPHORES).semaphore('downloads', { initialLimit: 4 });
 */
export const SEMAPHORES = Symbol.for('tidelock/Semaphores') as ServiceIdentifier<Semaphores>;
/**
 * Barriers, double barriers and latches by name.
 *
 * @example
 * await container.get(BARRIERS).barrier('migration').wait({ timeoutMs: 600_000 });
 */
export const BARRIERS = Symbol.for('tidelock/Barriers') as ServiceIdentifier<Barriers>;
/**
 * Queues by name.
 *
 * @example
 * const jobs = container.get(QUEUES).queue<{ url: string }>('jobs');
 * await jobs.send({ url: 'https://example.org/' });
 */
export const QUEUES = Symbol.for('tidelock/Queues') as ServiceIdentifier<Queues>;
/**
 * Groups of members by name.
 *
 * @example
 * const me = await container.get(MEMBERSHIPS).members('workers').join({ id: 'w7' });
 */
export const MEMBERSHIPS = Symbol.for('tidelock/Memberships') as ServiceIdentifier<Memberships>;
/**
 * Counters and sequences by name.
 *
 * @example
 * await container.get(COUNTERS).counter('visits').add(1);
 */
export const COUNTERS = Symbol.for('tidelock/Counters') as ServiceIdentifier<Counters>;
/**
 * Transactions, with guards and as functions.
 *
 * @example
 * await container.get(TRANSACTIONS).stm(async (tx) => {
 *   tx.put('visits', String(Number(await tx.getText('visits')) + 1));
 * });
 */
export const TRANSACTIONS = Symbol.for('tidelock/Transactions') as ServiceIdentifier<Transactions>;
/**
 * Caches of prefixes, and several views at one revision.
 *
 * @example
 * const routes = container.get(VIEWS).cache('routes/');
 */
export const VIEWS = Symbol.for('tidelock/Views') as ServiceIdentifier<Views>;
/**
 * Configurations by prefix; `bindConfig` binds a single one.
 *
 * @example
 * const config = container.get(CONFIGS).config('app/', Settings);
 */
export const CONFIGS = Symbol.for('tidelock/Configs') as ServiceIdentifier<Configs>;
/**
 * Reboot groups by name, and all of them.
 *
 * @example
 * const { taken, max } = await container.get(REBOOTS).reboots('workers').status();
 */
export const REBOOTS = Symbol.for('tidelock/Reboots') as ServiceIdentifier<Reboots>;

/** What the module needs to know. */
export interface RecipesModuleOptions extends CoordinationOptions {
  /** The store; absent: whatever the container has bound to `STORE`. */
  readonly store?: Store;
}

/**
 * A module with every recipe. Load it once, in the root container, and unload it with
 * `unloadAsync`, which waits until the recipes and then their sessions have ended. The store is
 * left open.
 *
 * @throws CoordinationError `InvalidArgument` on loading it a second time
 *
 * @example
 * const container = new Container();
 * container.load(recipesModule({ store: await connect('http://localhost:2379') }));
 *
 * class Billing {
 *   constructor(@inject(LOCKS) readonly locks: Locks) {}
 *   run = () => this.locks.withLock('billing', {}, (held) => doWork(held.signal));
 * }
 */
export function recipesModule(options: RecipesModuleOptions = {}): ContainerModule {
  return new ContainerModule(({ bind, isBound }) => {
    if (isBound(COORDINATION)) {
      const message = 'the recipes module is loaded already; load it once, in the root container';
      throw new CoordinationError('InvalidArgument', message);
    }
    const { store } = options;
    if (store !== undefined) {
      if (isBound(STORE)) {
        const message = 'a store was given to the recipes module and another is bound to STORE';
        throw new CoordinationError('InvalidArgument', message);
      }
      bind(STORE).toConstantValue(store);
    }
    bind(COORDINATION)
      .toResolvedValue((bound: Store) => coordinate(bound, options), [STORE])
      .inSingletonScope()
      // Of the binding, not of the module: unloading starts a module's own handlers and does not
      // wait for them. Closing never throws, as a handler must not: a failure would leave the rest
      // bound.
      .onDeactivation((coordination) => coordination.close());
    bind(LOCKS).toResolvedValue(toLocks, [COORDINATION]).inSingletonScope();
    bind(ELECTIONS)
      .toResolvedValue(itself<Elections>, [COORDINATION])
      .inSingletonScope();
    bind(SEMAPHORES)
      .toResolvedValue(itself<Semaphores>, [COORDINATION])
      .inSingletonScope();
    bind(BARRIERS)
      .toResolvedValue(itself<Barriers>, [COORDINATION])
      .inSingletonScope();
    bind(QUEUES)
      .toResolvedValue(itself<Queues>, [COORDINATION])
      .inSingletonScope();
    bind(MEMBERSHIPS)
      .toResolvedValue(itself<Memberships>, [COORDINATION])
      .inSingletonScope();
    bind(COUNTERS)
      .toResolvedValue(itself<Counters>, [COORDINATION])
      .inSingletonScope();
    bind(TRANSACTIONS)
      .toResolvedValue(itself<Transactions>, [COORDINATION])
      .inSingletonScope();
    bind(VIEWS)
      .toResolvedValue(itself<Views>, [COORDINATION])
      .inSingletonScope();
    bind(CONFIGS)
      .toResolvedValue(itself<Configs>, [COORDINATION])
      .inSingletonScope();
    bind(REBOOTS)
      .toResolvedValue(itself<Reboots>, [COORDINATION])
      .inSingletonScope();
  });
}

/** What a module's callback is given, as far as the helpers below need it. */
export type Binder = Pick<ContainerModuleLoadOptions, 'bind'>;

/** A configuration to inject. */
export interface ConfigBinding<T> extends ConfigOptions<T> {
  readonly prefix: string;
  readonly schema: StandardSchema<T>;
}

/**
 * Binds one typed configuration to a token of the application's. It is made when it is first asked
 * for, follows the store from then on, and ends with the recipes.
 *
 * @example
 * const SETTINGS = Symbol.for('app/Settings') as ServiceIdentifier<Config<Settings>>;
 * container.load(new ContainerModule((binder) => {
 *   bindConfig(binder, SETTINGS, { prefix: 'app/', schema: Settings });
 * }));
 */
export function bindConfig<T>(
  { bind }: Binder,
  token: ServiceIdentifier<Config<T>>,
  { prefix, schema, ...options }: ConfigBinding<T>,
): void {
  const make = (configs: Configs): Config<T> => configs.config(prefix, schema, options);
  bind(token).toResolvedValue(make, [CONFIGS]).inSingletonScope();
}

/**
 * Binds one election to a token of the application's.
 *
 * @example
 * const SCHEDULER = Symbol.for('app/Scheduler') as ServiceIdentifier<Election>;
 * container.load(new ContainerModule((binder) => bindElection(binder, SCHEDULER, 'scheduler')));
 */
export function bindElection(
  { bind }: Binder,
  token: ServiceIdentifier<Election>,
  name: string,
): void {
  const make = (elections: Elections): Election => elections.election(name);
  bind(token).toResolvedValue(make, [ELECTIONS]).inSingletonScope();
}

function toLocks(coordination: Coordination): Locks {
  return {
    lock: (name) => coordination.lock(name),
    withLock: (name, options, work) => coordination.lock(name, options, work),
    locks: (names) => coordination.locks(names),
    readWriteLock: (name) => coordination.readWriteLock(name),
  };
}

function itself<T>(coordination: Coordination & T): T {
  return coordination;
}
