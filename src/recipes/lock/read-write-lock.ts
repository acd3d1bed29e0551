import { BehaviorSubject, combineLatest, map, type Observable, takeUntil } from 'rxjs';
import { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { RecipeView } from '../base/recipe-view.js';
import type { WaitPlan } from '../base/wait-plan.js';
import { breakEntry, type BreakOptions, checkBreak } from './break-hold.js';
import type { HeldRead, HeldWrite } from './held-read-write.js';
import { LockHold } from './lock-hold.js';
import { toEntries } from './lock-status.js';
import { type OwnedHold, OwnerBook } from './owner-book.js';
import { ReadWriteHolds } from './read-write-holds.js';
import { type ReadWriteKeys, readWriteKeys } from './read-write-layout.js';
import {
  type ReadWriteEntry,
  type ReadWriteMode,
  readWritePlanOf,
  type ReadWriteRule,
  type ReadWriteStatus,
  readWriteStatusOf,
} from './read-write-status.js';
import { type HoldOptions, type HoldQueue, takeHold, tryTakeHold } from './take-hold.js';

/** How to take a read/write lock. */
export type ReadWriteOptions = Omit<HoldOptions, 'delaySeconds'>;

/** How to break a hold of a read/write lock. */
export interface ReadWriteBreakOptions extends BreakOptions {
  /** The entry to break, as `status$` showed it; default: the holder that came first. */
  readonly entry?: ReadWriteEntry;
}

/** What a try answers: the hold, or how many were in the way or waiting. */
export type TryReadWriteResult<Held> =
  | { readonly ok: true; readonly held: Held }
  | { readonly ok: false; readonly others: number };

/**
 * A lock that any number may hold for reading, or one for writing, in one fair queue: a reader that
 * comes after a waiting writer waits behind it, so no writer waits for ever. A handle stands for
 * one owner: asking it again, be it to read inside a read, throws `WouldDeadlock`, because a writer
 * in between would make each wait for the other. After ZooKeeper's and Curator's shared locks.
 *
 * @example
 * await using held = await coord.readWriteLock('index').read({ timeoutMs: 5000 });
 */
export class ReadWriteLock {
  readonly name: string;
  readonly #context: RecipeContext;
  readonly #keys: ReadWriteKeys;
  readonly #owners: OwnerBook<LockHold>;
  readonly #holds: ReadWriteHolds;
  readonly #mine = new BehaviorSubject<string | undefined>(undefined);
  #status: RecipeView<ReadWriteStatus> | undefined;

  constructor(context: RecipeContext, name: string) {
    this.#context = context;
    this.name = name;
    this.#keys = readWriteKeys(name);
    this.#owners = new OwnerBook(`read/write lock "${name}"`);
    this.#holds = new ReadWriteHolds(context, this.#keys);
  }

  /** Who has the lock, who waits, and the last break, at one revision. */
  get status$(): RecipeView<ReadWriteStatus> {
    this.#status ??= new RecipeView(this.#context, {
      prefixes: [this.#keys.all],
      derive: ([snapshot]) => readWriteStatusOf(snapshot),
    });
    return this.#status;
  }

  /** Why this handle waits; while it has no entry, why it would if it asked to write now. */
  get plan$(): Observable<WaitPlan<ReadWriteRule>> {
    return this.#plan('write');
  }

  /** Why this handle waits; while it has no entry, why it would if it asked to read now. */
  get readPlan$(): Observable<WaitPlan<ReadWriteRule>> {
    return this.#plan('read');
  }

  /**
   * Waits until nobody writes who came before.
   * @throws CoordinationError `Aborted`, `Timeout`, `SessionLost`, `WouldDeadlock`; `LockLost` when
   * somebody deleted or broke the waiting entry
   */
  async read(options: ReadWriteOptions = {}): Promise<HeldRead> {
    return this.#holds.reader(await this.#take('read', options));
  }

  /**
   * Waits until nobody reads or writes who came before.
   * @throws CoordinationError as `read`
   */
  async write(options: ReadWriteOptions = {}): Promise<HeldWrite> {
    return this.#holds.writer(await this.#take('write', options));
  }

  /**
   * Reads if nobody writes or waits to write, in one transaction that otherwise leaves nothing.
   * @throws CoordinationError as `read`
   */
  async tryRead(options: ReadWriteOptions = {}): Promise<TryReadWriteResult<HeldRead>> {
    return await this.#try('read', options, (owned) => this.#holds.reader(owned));
  }

  /**
   * Writes if nobody reads, writes or waits, in one transaction that otherwise leaves nothing.
   * @throws CoordinationError as `read`
   */
  async tryWrite(options: ReadWriteOptions = {}): Promise<TryReadWriteResult<HeldWrite>> {
    return await this.#try('write', options, (owned) => this.#holds.writer(owned));
  }

  /**
   * As `Lock.break`, for one entry.
   * @throws CoordinationError `InvalidArgument`, `Aborted`, `Timeout`
   */
  async break(options: ReadWriteBreakOptions): Promise<ReadWriteEntry | undefined> {
    checkBreak(options);
    using scope = new CancelScope(this.#context.store, options, this.#context.closed);
    const entry = options.entry ?? (await this.#holds.list(scope)).holders[0];
    if (entry === undefined) return undefined;
    const { queue, writers, broken: brokenKey } = this.#keys;
    const { key, fence: createRevision } = entry;
    const mark = writers + key.slice(queue.length);
    const removal = [{ kind: 'delete', key } as const, { kind: 'delete', key: mark } as const];
    const terms = { key, createRevision, brokenKey, removal };
    return (await breakEntry(this.#context, scope, terms, options)) ? entry : undefined;
  }

  #plan(mode: ReadWriteMode): Observable<WaitPlan<ReadWriteRule>> {
    return combineLatest([this.status$, this.#mine]).pipe(
      map(([status, mine]) => readWritePlanOf(status, mine, mode)),
      takeUntil(this.#context.closed$),
    );
  }

  async #take(mode: ReadWriteMode, options: ReadWriteOptions): Promise<OwnedHold<LockHold>> {
    const owned = await this.#owners.own(undefined, () =>
      takeHold(this.#context, this.#queue(mode), options, (place) => this.#mine.next(place.key)),
    );
    if (owned === undefined) throw new Error('an acquisition ended without lock or error');
    return owned;
  }

  async #try<Held>(
    mode: ReadWriteMode,
    options: ReadWriteOptions,
    handle: (owned: OwnedHold<LockHold>) => Held,
  ): Promise<TryReadWriteResult<Held>> {
    let others = 0;
    const owned = await this.#owners.own(undefined, async () => {
      const tried = await tryTakeHold(this.#context, this.#queue(mode), options);
      if (tried instanceof LockHold) return tried;
      others = toEntries(tried.others).length;
      return undefined;
    });
    if (owned === undefined) return { ok: false, others };
    this.#mine.next(owned.hold.terms.place.key);
    return { ok: true, held: handle(owned) };
  }

  #queue(mode: ReadWriteMode): HoldQueue {
    const { name } = this;
    const { queue: prefix, writers, broken: brokenKey } = this.#keys;
    const markOf = (id: string): string => writers + id;
    if (mode === 'write') {
      const shape = { alsoPut: markOf, brokenKey };
      return { what: `write lock "${name}"`, name, prefix, shape };
    }
    return {
      what: `read lock "${name}"`,
      name,
      prefix,
      shape: { aheadPrefix: writers, brokenKey },
      // A reader may have become a writer meanwhile.
      alsoRemove: (id) => ({ kind: 'delete', key: markOf(id) }),
    };
  }
}
