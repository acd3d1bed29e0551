import type { Observable } from 'rxjs';
import type { AsyncContext } from '../ports/async-context.js';
import type { Store } from '../store/index.js';
import { Barrier } from './barrier/barrier.js';
import { DoubleBarrier, type DoubleBarrierOptions } from './barrier/double-barrier.js';
import { Latch, type LatchOptions } from './barrier/latch.js';
import { Config, type ConfigOptions } from './config/config.js';
import { closedError, RecipeContext } from './base/context.js';
import { PrefixCache } from './cache/prefix-cache.js';
import type { RecipeView } from './base/recipe-view.js';
import { type CombinedAt, combineAt, type ValuesOf } from './compose/combine-at.js';
import { Counter } from './counter/counter.js';
import { Sequence, type SequenceOptions } from './counter/sequence.js';
import { Election } from './election/election.js';
import { Ending } from './base/ending.js';
import type { HeldLock } from './lock/held-lock.js';
import { GuardedTxn } from './compose/guarded-txn.js';
import { Lock, type LockOptions } from './lock/lock.js';
import { workUnder } from './lock/nested-work.js';
import { LockSet } from './lock/lock-set.js';
import { ReadWriteLock } from './lock/read-write-lock.js';
import { checkGroup, checkName, checkPrefix } from './base/names.js';
import { Members } from './membership/members.js';
import { Queue, type QueueOptions } from './queue/queue.js';
import { RebootGroup } from './reboot/reboots.js';
import { RebootGroups } from './reboot/reboot-groups.js';
import { Semaphore, type SemaphoreOptions } from './semaphore/semaphore.js';
import type { JsonValue } from './base/note.js';
import type { SessionOptions, SessionState } from './base/session.js';
import { SessionPool } from './base/session-pool.js';
import type { ConfigLayer } from './config/config-layers.js';
import { LayeredConfig, type LayeredConfigOptions } from './config/layered-config.js';
import type { StandardSchema } from './config/standard-schema.js';
import { Stm, type StmFunction, type StmOptions } from './stm/stm.js';
import { TIMING } from './base/timing.js';

/** How a {@link Coordination} presents itself. */
export interface CoordinationOptions extends SessionOptions {
  /** Who this process is, for those who list holders and waiters; default: empty. */
  readonly identity?: string;
  /**
   * Finds work under a scoped lock that would wait for the same lock again, and so for itself, for
   * ever: it gets `WouldDeadlock`. Work that forks counts as the same work while the lock is held.
   * In Node: `new AsyncLocalStorage()` of `node:async_hooks`. Default: nobody looks, because
   * following work costs every await of the process something in Node before version 24.
   */
  readonly asyncContext?: AsyncContext;
}

/**
 * Every recipe over one store. Opens nothing until something is asked of it, and then one session
 * for all. Closing it ends the recipes, then the sessions; the store belongs to the caller.
 *
 * What is expected to fail fails with a CoordinationError and never with an error of the store
 * itself: besides the codes that are named with each call, with `StoreRefused` when the store
 * refuses for good, and with `Aborted` after `close`.
 *
 * @example
 * await using coord = coordinate(store, { identity: 'worker-7' });
 * await coord.lock('jobs', { timeoutMs: 5000 }, async (held) => doWork(held.signal));
 */
export class Coordination implements AsyncDisposable {
  readonly #context: RecipeContext;
  readonly #sessions: SessionPool;
  readonly #closing = new Ending();
  readonly #stm: Stm;
  readonly #patienceMs: number;
  #closed: Promise<void> | undefined;

  constructor(store: Store, options: CoordinationOptions = {}) {
    this.#patienceMs = (options.ttlSeconds ?? TIMING.sessionTtlSeconds) * 1000;
    this.#sessions = new SessionPool(store, options, this.#closing);
    this.#context = new RecipeContext(
      store,
      this.#sessions,
      options.identity ?? '',
      this.#closing,
      options.asyncContext,
    );
    this.#stm = new Stm(this.#context);
  }

  /** The state of the shared session; null while there is none. */
  get session$(): Observable<SessionState | null> {
    return this.#sessions.state$;
  }

  /**
   * A handle of the lock `name`, for one owner.
   * @throws CoordinationError `InvalidArgument`
   */
  lock(name: string): Lock;
  /**
   * Takes the lock, does the work, and gives the lock back. A failure of the work wins over any
   * other; work that ended well fails with `LockLost` when the lock was lost under it.
   */
  lock<T>(name: string, options: LockOptions, work: (held: HeldLock) => Promise<T> | T): Promise<T>;
  lock<T>(
    name: string,
    options: LockOptions = {},
    work?: (held: HeldLock) => Promise<T> | T,
  ): Lock | Promise<T> {
    const lock = new Lock(this.#context, checkName('lock', name));
    return work === undefined
      ? lock
      : this.#context.track(underLock(this.#context, lock, options, work));
  }

  /**
   * A handle of several locks, to be taken together or not at all; at most 32.
   * @throws CoordinationError `InvalidArgument`
   *
   * @example
   * await using held = await coord.locks(['accounts/7', 'accounts/9']).acquire();
   */
  locks(names: readonly string[]): LockSet {
    return new LockSet(
      this.#context,
      names.map((name) => checkName('lock', name)),
    );
  }

  /**
   * A handle of the read/write lock `name`, for one owner.
   * @throws CoordinationError `InvalidArgument`
   *
   * @example
   * await using held = await coord.readWriteLock('index').read();
   */
  readWriteLock(name: string): ReadWriteLock {
    return new ReadWriteLock(this.#context, checkName('read/write lock', name));
  }

  /**
   * A transaction that happens only while everything holds that it names.
   *
   * @example
   * await coord.txn().if(held, leadership).put('balance', '7').commitOrThrow();
   */
  txn(): GuardedTxn {
    return new GuardedTxn(this.#context.store, this.#closing);
  }

  /**
   * A handle of the election `name`.
   * @throws CoordinationError `InvalidArgument`
   */
  election(name: string): Election {
    return new Election(this.#context, checkName('election', name));
  }

  /**
   * A handle of the barrier `name`; see {@link Barrier}.
   * @throws CoordinationError `InvalidArgument`
   */
  barrier(name: string): Barrier {
    return new Barrier(this.#context, checkName('barrier', name));
  }

  /**
   * A handle of the double barrier `name`; see {@link DoubleBarrier}.
   * @throws CoordinationError `InvalidArgument`
   */
  doubleBarrier(name: string, options: DoubleBarrierOptions): DoubleBarrier {
    return new DoubleBarrier(this.#context, checkName('double barrier', name), options);
  }

  /**
   * A handle of the latch `name`; see {@link Latch}.
   * @throws CoordinationError `InvalidArgument`
   */
  latch(name: string, options: LatchOptions = {}): Latch {
    return new Latch(this.#context, checkName('latch', name), options);
  }

  /**
   * A handle of the queue `name`; see {@link Queue}.
   * @throws CoordinationError `InvalidArgument`
   */
  queue<T extends JsonValue = JsonValue>(name: string, options: QueueOptions = {}): Queue<T> {
    return new Queue<T>(this.#context, checkName('queue', name), options);
  }

  /**
   * A handle of the semaphore `name`; see {@link Semaphore}.
   * @throws CoordinationError `InvalidArgument`
   */
  semaphore(name: string, options: SemaphoreOptions = {}): Semaphore {
    return new Semaphore(this.#context, checkName('semaphore', name), options);
  }

  /**
   * The keys under `prefix` as one value that the schema has accepted; begins to follow them at
   * once. A prefix that does not end with "/" gets one.
   * @throws CoordinationError `InvalidArgument`
   */
  config<T>(
    prefix: string,
    schema: StandardSchema<T>,
    options: ConfigOptions<NoInfer<T>> = {},
  ): Config<T> {
    if (this.#closing.isOver) throw closedError();
    return new Config(this.#context, checkPrefix(prefix), schema, options);
  }

  /**
   * Settings of several layers, the last one that has a key wins, as one value that the schema has
   * accepted; begins to follow the prefixes at once.
   * @throws CoordinationError `InvalidArgument`
   */
  layeredConfig<T>(
    layers: readonly ConfigLayer[],
    schema: StandardSchema<T>,
    options: LayeredConfigOptions<NoInfer<T>> = {},
  ): LayeredConfig<T> {
    if (this.#closing.isOver) throw closedError();
    return new LayeredConfig(this.#context, layers, schema, options);
  }

  /**
   * The reboot slots of a group of machines.
   * @throws CoordinationError `InvalidArgument`
   */
  reboots(group: string): RebootGroup {
    return new RebootGroup(this.#context, checkGroup(group));
  }

  /** All reboot groups of the store. */
  rebootGroups(): RebootGroups {
    return new RebootGroups(this.#context);
  }

  /**
   * A handle of the group of members `group`.
   * @throws CoordinationError `InvalidArgument`
   */
  members(group: string): Members {
    return new Members(this.#context, checkName('group', group));
  }

  /**
   * A handle of the counter `name`.
   * @throws CoordinationError `InvalidArgument`
   */
  counter(name: string): Counter {
    return new Counter(this.#context, checkName('counter', name));
  }

  /**
   * A handle of the sequence `name`; keep it, for each takes numbers in blocks of its own.
   * @throws CoordinationError `InvalidArgument`
   */
  sequence(name: string, options: SequenceOptions = {}): Sequence {
    return new Sequence(this.#context, checkName('sequence', name), options);
  }

  /**
   * Runs a function as one transaction: what it reads is of one revision, what it writes takes
   * effect together and once, and only if nothing that it has read was changed meanwhile; else it
   * runs again. So it must do nothing but read and write through `tx`: whatever else it does
   * happens with every try, and a transaction that it begins is one of its own.
   * @throws CoordinationError `Conflict` after too many tries, `Aborted`, `Timeout`,
   * `InvalidArgument` when it reads or writes more than one transaction can hold, `Unavailable`
   * when it cannot be known whether it took effect; and whatever the function throws, which ends it
   *
   * @example
   * await coord.stm(async (tx) => {
   *   const from = Number(await tx.getText('accounts/a'));
   *   const to = Number(await tx.getText('accounts/b'));
   *   tx.put('accounts/a', String(from - 10));
   *   tx.put('accounts/b', String(to + 10));
   * });
   */
  stm<T>(work: StmFunction<T>, options: StmOptions = {}): Promise<T> {
    return this.#context.track(this.#stm.run(work, options));
  }

  /**
   * The keys under `prefix` in memory, kept up to date for local reads; begins to follow them at
   * once. A prefix that does not end with "/" gets one.
   * @throws CoordinationError `InvalidArgument`
   */
  cache(prefix: string): PrefixCache {
    if (this.#closing.isOver) throw closedError();
    return new PrefixCache(this.#context, checkPrefix(prefix));
  }

  /**
   * Several views as one value at one revision: who leads, who is there and what is configured, as
   * they were together, never a mixture that did not exist.
   * @throws CoordinationError `InvalidArgument` without views, or when they are made of more than
   * 128 prefixes
   *
   * @example
   * coord.combineAt([coord.election('scheduler').leader$, coord.members('workers').members$])
   *   .subscribe(({ revision, values: [leader, { members }] }) => show(revision, leader, members));
   */
  combineAt<const Views extends readonly RecipeView<unknown>[]>(
    views: Views,
  ): RecipeView<CombinedAt<ValuesOf<Views>>> {
    return combineAt(this.#context, views);
  }

  /**
   * Ends everything: what waits fails with `Aborted`, what is held is lost, running work is awaited
   * for at most a TTL, and the leases are revoked. Never throws; closing twice does nothing.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.end(closedError());
    await this.#context.idle(this.#patienceMs);
    await this.#sessions.close();
  }
}

/**
 * The recipes over a store, without any container.
 *
 * @example
 * const coord = coordinate(store);
 * const held = await coord.lock('jobs').acquire();
 */
export function coordinate(store: Store, options: CoordinationOptions = {}): Coordination {
  return new Coordination(store, options);
}

async function underLock<T>(
  context: RecipeContext,
  lock: Lock,
  options: LockOptions,
  work: (held: HeldLock) => Promise<T> | T,
): Promise<T> {
  const held = await lock.acquire(options);
  let result: T;
  try {
    result = await workUnder(context, held, work);
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
  await held.release();
  return result;
}
