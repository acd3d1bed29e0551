import { BehaviorSubject, combineLatest, map, type Observable, takeUntil } from 'rxjs';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import type { Metadata } from '../base/note.js';
import type { Prefixes } from '../base/prefix-snapshot.js';
import { RecipeView } from '../base/recipe-view.js';
import { TIMING } from '../base/timing.js';
import type { WaitPlan } from '../base/wait-plan.js';
import { CoordinationError } from '../errors.js';
import { HeldLockSet, LockSetHold } from './held-lock-set.js';
import type { LockHold } from './lock-hold.js';
import { lockQueue } from './lock.js';
import { lockKeys } from './lock-layout.js';
import {
  type LockEntry,
  lockPlanOf,
  type LockRule,
  type LockStatus,
  lockStatusOf,
} from './lock-status.js';
import { type BusyLock, tryTakeAll } from './take-all.js';
import { checkNotUnder } from './nested-work.js';
import { takeHold } from './take-hold.js';
import { OwnerBook } from './owner-book.js';

/** How to take several locks. */
export interface LockSetOptions extends WaitOptions {
  /** What others see of this holder or waiter, in each lock. */
  readonly metadata?: Metadata;
}

/** What `tryAcquire` answers: all locks, or which were in the way. */
export type TryAcquireAllResult =
  | { readonly ok: true; readonly held: HeldLockSet }
  | { readonly ok: false; readonly busy: readonly BusyLock[] };

/** Several locks at one revision, by name. */
export interface LockSetStatus {
  readonly revision: number;
  readonly locks: ReadonlyMap<string, LockStatus>;
}

/**
 * Several locks, taken together or not at all. They are ordinary locks, so others may hold one of
 * them alone. When all are free they are taken in one transaction; otherwise one after the other in
 * the order of their names, which is the same for everybody, so that no two can wait for each other
 * in a circle. A handle stands for one owner.
 *
 * @example
 * await using held = await coord.locks(['accounts/7', 'accounts/9']).acquire();
 */
export class LockSet {
  /** In the order in which they are taken. */
  readonly names: readonly string[];
  readonly #context: RecipeContext;
  readonly #owners: OwnerBook<LockSetHold>;
  /** The keys of this handle's youngest entries, by the name of the lock. */
  readonly #mine = new BehaviorSubject<ReadonlyMap<string, string>>(new Map());
  #status: RecipeView<LockSetStatus> | undefined;

  /** @throws CoordinationError `InvalidArgument` */
  constructor(context: RecipeContext, names: readonly string[]) {
    this.#context = context;
    this.names = checkNames(names);
    this.#owners = new OwnerBook(`locks ${this.names.map((name) => `"${name}"`).join(', ')}`);
  }

  /** All locks at one revision. */
  get status$(): RecipeView<LockSetStatus> {
    this.#status ??= this.#view();
    return this.#status;
  }

  /** As `Lock.plan$`, for the first lock that is in the way. */
  get plan$(): Observable<WaitPlan<LockRule>> {
    return combineLatest([this.status$, this.#mine]).pipe(
      map(([status, mine]) => planOf(status, mine)),
      takeUntil(this.#context.closed$),
    );
  }

  /**
   * Waits for all of them. While it waits for one it holds those before it.
   * @throws CoordinationError `Aborted`, `Timeout`, `SessionLost`, `WouldDeadlock`; `LockLost` when
   * one was deleted or broken meanwhile
   */
  async acquire(options: LockSetOptions = {}): Promise<HeldLockSet> {
    for (const name of this.names) checkNotUnder(this.#context, name);
    const owned = await this.#owners.own(undefined, () => this.#acquire(options));
    if (owned === undefined) throw new Error('an acquisition ended without locks or error');
    return new HeldLockSet(owned.hold, owned.giveBack);
  }

  /**
   * Takes all when nobody holds or awaits any of them, in one transaction that otherwise leaves
   * nothing.
   * @throws CoordinationError as `acquire`
   */
  async tryAcquire(options: LockSetOptions = {}): Promise<TryAcquireAllResult> {
    let busy: readonly BusyLock[] = [];
    const owned = await this.#owners.own(undefined, async () => {
      using scope = new CancelScope(this.#context.store, options, this.#context.closed);
      const tried = await this.#tryAll(scope, options);
      if (tried.ok) return new LockSetHold(this.#context, tried.holds);
      ({ busy } = tried);
      return undefined;
    });
    if (owned === undefined) return { ok: false, busy };
    return { ok: true, held: new HeldLockSet(owned.hold, owned.giveBack) };
  }

  async #acquire(options: LockSetOptions): Promise<LockSetHold> {
    using scope = new CancelScope(this.#context.store, options, this.#context.closed);
    const tried = await this.#tryAll(scope, options);
    if (tried.ok) return new LockSetHold(this.#context, tried.holds);
    const { metadata = {} } = options;
    const holds: LockHold[] = [];
    try {
      for (const name of this.names) {
        const hold = await takeHold(
          this.#context,
          lockQueue(name),
          { metadata, signal: scope.signal },
          (place) => this.#note(name, place.key),
        );
        holds.push(hold);
        // What is held already can be lost while the rest is waited for.
        hold.signal.addEventListener('abort', () => scope.abort(hold.signal.reason), {
          once: true,
        });
        if (hold.signal.aborted) scope.abort(hold.signal.reason);
      }
      for (const hold of holds) hold.ownership.assert();
      scope.check();
      return new LockSetHold(this.#context, holds);
    } catch (error) {
      const release = new LockSetHold(this.#context, holds).release();
      void this.#context.track(release).catch(() => undefined);
      throw scope.signal.aborted ? scope.signal.reason : error;
    }
  }

  async #tryAll(scope: CancelScope, options: LockSetOptions): ReturnType<typeof tryTakeAll> {
    const tried = await tryTakeAll(this.#context, scope, this.names.map(lockQueue), options);
    if (tried.ok) for (const { terms } of tried.holds) this.#note(terms.name, terms.place.key);
    return tried;
  }

  #note(name: string, key: string): void {
    this.#mine.next(new Map(this.#mine.value).set(name, key));
  }

  #view(): RecipeView<LockSetStatus> {
    const { names } = this;
    const prefixes = names.flatMap((name) => {
      const { queue, delay, broken } = lockKeys(name);
      return [queue, delay, broken];
    });
    return new RecipeView(this.#context, {
      prefixes: prefixes as unknown as Prefixes,
      derive: (snapshots) => {
        const locks = new Map<string, LockStatus>();
        names.forEach((name, place) => {
          const [queue, delay, broken] = snapshots.slice(place * 3);
          if (queue === undefined || delay === undefined || broken === undefined) return;
          locks.set(name, lockStatusOf(queue, delay, broken));
        });
        return { revision: snapshots[0].revision, locks };
      },
    });
  }
}

function planOf(
  { revision, locks }: LockSetStatus,
  mine: ReadonlyMap<string, string>,
): WaitPlan<LockRule> {
  let held = 0;
  const blockers: LockEntry[] = [];
  for (const [name, status] of locks) {
    const plan = lockPlanOf(status, mine.get(name));
    if (plan.state === 'held') held += 1;
    if (plan.state === 'waiting') return { ...plan, reason: `lock "${name}": ${plan.reason}` };
  }
  const state = held === locks.size ? 'held' : 'free';
  const reason = state === 'held' ? 'all are held by this handle' : 'nobody is in the way';
  return { revision, state, position: 0, rule: undefined, blockers, reason };
}

/** The names in the one order that everybody keeps: that of their UTF-16 code units. */
function checkNames(names: readonly string[]): readonly string[] {
  const refuse = (why: string): CoordinationError =>
    new CoordinationError('InvalidArgument', `a set of locks ${why}`);
  const max = TIMING.lockSetNamesMax;
  if (names.length === 0) throw refuse('needs at least one name');
  if (names.length > max) throw refuse(`has ${names.length} names, of at most ${max}`);
  const sorted = names.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const twice = sorted.find((name, place) => name === sorted[place + 1]);
  if (twice !== undefined) throw refuse(`has the name ${JSON.stringify(twice)} twice`);
  return sorted;
}
