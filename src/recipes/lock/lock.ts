import { BehaviorSubject, combineLatest, map, type Observable, takeUntil } from 'rxjs';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { readPrefixes, readUntilGood } from '../base/prefix-snapshot.js';
import { QueuePlace } from '../base/queue-place.js';
import type { RecipeView } from '../base/recipe-view.js';
import type { WaitPlan } from '../base/wait-plan.js';
import { CoordinationError } from '../errors.js';
import { breakEntry, type BreakOptions, checkBreak } from './break-hold.js';
import { HeldLock } from './held-lock.js';
import { LockHold } from './lock-hold.js';
import { type LockKeys, lockKeys } from './lock-layout.js';
import {
  type LockEntry,
  lockPlanOf,
  type LockRule,
  type LockStatus,
  lockStatusOf,
  toEntries,
  whoseTurn,
} from './lock-status.js';
import { lockView } from './lock-view.js';
import { checkNotUnder } from './nested-work.js';
import { OwnerBook } from './owner-book.js';
import { type HoldOptions, type HoldQueue, takeHold, tryTakeHold } from './take-hold.js';

/** How to take a lock. */
export interface LockOptions extends HoldOptions {
  /**
   * Who asks. One handle stands for one owner; with tokens it stands for as many as there are
   * tokens, and an owner that asks again while it holds the lock gets it again, to be released as
   * often.
   */
  readonly owner?: unknown;
  /**
   * Seconds for which nobody else gets the lock after this hold was lost against its will, so that
   * requests that are under way can end; for resources that cannot check fences. Default: none.
   */
  readonly delaySeconds?: number;
}

/** How to break a lock. */
export interface LockBreakOptions extends BreakOptions {
  /** The entry to break, as `entries` or `status$` showed it; default: the holder's. */
  readonly entry?: LockEntry;
  /**
   * Also ends the delay that the holder asked for, and, when no entry is named, those of holders
   * that were lost before; default: they run.
   */
  readonly endsDelay?: boolean;
}

/** What `tryAcquire` answers: the lock, or who has it. */
export type TryAcquireResult =
  | { readonly ok: true; readonly held: HeldLock }
  | {
      readonly ok: false;
      /** Undefined when only the delay after a lost hold is in the way. */
      readonly holder: LockEntry | undefined;
      readonly waiting: number;
    };

/**
 * A mutual exclusion lock with a fair queue. A handle is cheap and holds nothing by itself; it
 * stands for one owner. The guarantee is towards the store: a write that carries `guard()` can only
 * succeed while the lock is held. For everything else there are `fence` and `signal`. The queue is
 * that of ZooKeeper's lock recipe: everybody waits for the entry just before.
 *
 * @example
 * await using held = await coord.lock('jobs').acquire({ timeoutMs: 5000 });
 * await held.txn().put('k', 'v').commitOrThrow();
 */
export class Lock {
  readonly name: string;
  readonly #context: RecipeContext;
  readonly #keys: LockKeys;
  readonly #queue: HoldQueue;
  readonly #owners: OwnerBook<LockHold>;
  /** The key of this handle's youngest entry. */
  readonly #mine = new BehaviorSubject<string | undefined>(undefined);
  #status: RecipeView<LockStatus> | undefined;

  constructor(context: RecipeContext, name: string) {
    this.#context = context;
    this.name = name;
    this.#keys = lockKeys(name);
    this.#queue = lockQueue(name);
    this.#owners = new OwnerBook(this.#queue.what);
  }

  /** Holder, waiters, delays and the last break, all at one revision. */
  get status$(): RecipeView<LockStatus> {
    this.#status ??= lockView(this.#context, this.name);
    return this.#status;
  }

  /**
   * Why this handle waits, or would wait if it asked now: who holds the lock since when, and how
   * many are ahead. Each subscriber reads the whole queue with every change of it. Completes when
   * the coordination object closes.
   *
   * @example
   * lock.plan$.subscribe((plan) => console.log(plan.reason));
   * // held by worker-7 since 12:03:11Z, 3 ahead of you
   */
  get plan$(): Observable<WaitPlan<LockRule>> {
    return combineLatest([this.status$, this.#mine]).pipe(
      map(([status, mine]) => lockPlanOf(status, mine)),
      takeUntil(this.#context.closed$),
    );
  }

  /**
   * Waits in line for the lock.
   * @throws CoordinationError `Aborted`, `Timeout`, `SessionLost`, `WouldDeadlock`,
   * `InvalidArgument`; `LockLost` when somebody deleted or broke the waiting entry
   */
  async acquire(options: LockOptions = {}): Promise<HeldLock> {
    checkDelay(options);
    const held = await this.#own(options, () => {
      checkNotUnder(this.#context, this.name);
      return takeHold(this.#context, this.#queue, options, (place) => this.#mine.next(place.key));
    });
    if (held === undefined) throw new Error('an acquisition ended without lock or error');
    return held;
  }

  /**
   * Takes the lock when nobody holds or awaits it, in one transaction that otherwise leaves
   * nothing. It never waits for a turn: an owner that is in line already is told who is ahead.
   * @throws CoordinationError as `acquire`
   *
   * @example
   * const tried = await coord.lock('jobs').tryAcquire();
   * if (tried.ok) await tried.held.release();
   * else console.log('busy since', tried.holder?.sinceMs);
   */
  async tryAcquire(options: LockOptions = {}): Promise<TryAcquireResult> {
    checkDelay(options);
    let found: Pick<LockStatus, 'holder' | 'waiters'> | undefined;
    const take = async (): Promise<LockHold | undefined> => {
      const tried = await tryTakeHold(this.#context, this.#queue, options);
      if (tried instanceof LockHold) return tried;
      found = whoseTurn(toEntries(tried.others), tried.isKeptFree);
      return undefined;
    };
    const held = await this.#own(options, take, true);
    if (held !== undefined) return { ok: true, held };
    // Another asking of this owner was asked, or is in line: that one knows, this one has to look.
    const { holder, waiters } = found ?? (await this.#now(options));
    return { ok: false, holder, waiting: waiters.length };
  }

  /**
   * Takes the lock, or a place in its line, away from whoever has it. The one who had it learns who
   * did it and why: `lost$`, and the error of a waiting `acquire`, have the cause `broken`. What
   * its process does outside the store goes on until it looks at its signal. Answers with the entry
   * that was broken, or undefined when there was none any more: who waits for the end of a delay
   * has nothing yet. With `endsDelay` and no entry the delays of holders that were lost before end,
   * too.
   * @throws CoordinationError `InvalidArgument`, `Aborted`, `Timeout`
   *
   * @example
   * await coord.lock('jobs').break({ by: 'ops', reason: 'host-7 does not answer' });
   */
  async break(options: LockBreakOptions): Promise<LockEntry | undefined> {
    checkBreak(options);
    using scope = new CancelScope(this.#context.store, options, this.#context.closed);
    const { queue, delay, broken: brokenKey } = this.#keys;
    const { entry = await this.#holder(scope, options) } = options;
    if (entry === undefined) return undefined;
    const { key, fence: createRevision } = entry;
    const removal = [{ kind: 'delete', key } as const];
    if (options.endsDelay === true) {
      removal.push({ kind: 'delete', key: delay + key.slice(queue.length) });
    }
    const terms = { key, createRevision, brokenKey, removal };
    return (await breakEntry(this.#context, scope, terms, options)) ? entry : undefined;
  }

  /** Who holds the lock and who waits, in order; during a delay nobody holds it, and all wait. */
  async entries(options: WaitOptions = {}): Promise<readonly LockEntry[]> {
    using scope = new CancelScope(this.#context.store, options, this.#context.closed);
    return await this.#list(scope);
  }

  /** The holder; undefined when the lock is free, or kept free by a delay. */
  async holder(options: WaitOptions = {}): Promise<LockEntry | undefined> {
    return (await this.#now(options)).holder;
  }

  /** Those in line, the next one first. */
  async waiters(options: WaitOptions = {}): Promise<readonly LockEntry[]> {
    return (await this.#now(options)).waiters;
  }

  async #now(options: WaitOptions): Promise<LockStatus> {
    using scope = new CancelScope(this.#context.store, options, this.#context.closed);
    return lockStatusOf(...(await this.#read(scope)));
  }

  async #read(scope: CancelScope): Promise<Parameters<typeof lockStatusOf>> {
    const { store } = this.#context;
    const { queue, delay, broken } = this.#keys;
    const read = () => readPrefixes(store, [queue, delay, broken], scope.signal);
    const [entries, delays = entries, notes = entries] = await readUntilGood(
      store,
      scope,
      read,
      () => undefined,
    );
    return [entries, delays, notes];
  }

  /** Whom a break without an entry is about; where a delay keeps the lock free, nobody. */
  async #holder(scope: CancelScope, options: LockBreakOptions): Promise<LockEntry | undefined> {
    const read = await this.#read(scope);
    const { holder, delays } = lockStatusOf(...read);
    if (options.endsDelay !== true) return holder;
    const { delay, broken: brokenKey } = this.#keys;
    for (const { key } of delays) {
      const createRevision = read[1].entries.get(key.slice(delay.length))?.createRevision ?? 0;
      const terms = { key, createRevision, brokenKey, removal: [{ kind: 'delete', key } as const] };
      await breakEntry(this.#context, scope, terms, options);
    }
    return holder;
  }

  async #list(scope: CancelScope): Promise<readonly LockEntry[]> {
    return toEntries(await QueuePlace.list(this.#context, scope, this.#keys.queue));
  }

  async #own(
    options: LockOptions,
    take: () => Promise<LockHold | undefined>,
    isTry = false,
  ): Promise<HeldLock | undefined> {
    const { store, closed } = this.#context;
    const limits = (): CancelScope => new CancelScope(store, options, closed);
    const owned = await this.#owners.own(options.owner, take, { limits, isTry });
    if (owned === undefined) return undefined;
    this.#mine.next(owned.hold.terms.place.key);
    return new HeldLock(owned.hold, owned.giveBack);
  }
}

/** The queue of the lock `name`. */
export function lockQueue(name: string): HoldQueue {
  const { queue: prefix, delay: delayPrefix, broken: brokenKey } = lockKeys(name);
  return { what: `lock "${name}"`, name, prefix, shape: { delayPrefix, brokenKey } };
}

function checkDelay({ delaySeconds }: LockOptions): void {
  if (delaySeconds === undefined || (delaySeconds > 0 && delaySeconds < 86_400)) return;
  const message = `a delay of ${delaySeconds} seconds is not between 0 and a day`;
  throw new CoordinationError('InvalidArgument', message);
}
