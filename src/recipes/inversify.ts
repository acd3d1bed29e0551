/**
 * The public door `tidelock/inversify`: the recipes as injectable services. It binds synchronous,
 * lazy objects only, and one owner with one deactivation handler, because a container starts all
 * handlers at once and in bind order, while sessions must end after the recipes that use them.
 * Locks that are held are return values and never bindings.
 */
import { ContainerModule, type ServiceIdentifier } from 'inversify';
import type { Store } from '../store/index.js';
import { type Coordination, type CoordinationOptions, coordinate } from './coordination.js';
import { CoordinationError } from './errors.js';
import type { Configs, Elections, Locks, Reboots } from './services.js';

export type { Configs, Elections, Locks, Reboots } from './services.js';

/** The whole of the recipes, in one object. It is the owner: unloading the module closes it. */
export const COORDINATION = Symbol.for('tidelock/Coordination') as ServiceIdentifier<Coordination>;
/** The store that the recipes use. It belongs to whoever made it. */
export const STORE = Symbol.for('tidelock/Store') as ServiceIdentifier<Store>;
export const LOCKS = Symbol.for('tidelock/Locks') as ServiceIdentifier<Locks>;
export const ELECTIONS = Symbol.for('tidelock/Elections') as ServiceIdentifier<Elections>;
export const CONFIGS = Symbol.for('tidelock/Configs') as ServiceIdentifier<Configs>;
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
 *   run() { return this.locks.withLock('billing', {}, (held) => this.work(held.signal)); }
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
    bind(CONFIGS)
      .toResolvedValue(itself<Configs>, [COORDINATION])
      .inSingletonScope();
    bind(REBOOTS)
      .toResolvedValue(itself<Reboots>, [COORDINATION])
      .inSingletonScope();
  });
}

function toLocks(coordination: Coordination): Locks {
  return {
    lock: (name) => coordination.lock(name),
    withLock: (name, options, work) => coordination.lock(name, options, work),
  };
}

function itself<T>(coordination: Coordination & T): T {
  return coordination;
}
