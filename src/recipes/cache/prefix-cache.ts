import {
  BehaviorSubject,
  filter,
  firstValueFrom,
  map,
  type Observable,
  skip,
  Subject,
  type Subscription,
} from 'rxjs';
import { type BytesInput, type KeyRange, type KeyValue, prefix } from '../../store/index.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import { closedError, type RecipeContext } from '../base/context.js';
import { Ending } from '../base/ending.js';
import type { PrefixSnapshot } from '../base/prefix-snapshot.js';
import { viewPrefix } from '../base/prefix-view.js';
import { CoordinationError } from '../errors.js';
import { type CacheChange, CacheSnapshot } from './cache-snapshot.js';

/**
 * How fresh a cache is.
 *
 * - `starting`: nothing was read yet.
 * - `live`: it follows the store.
 * - `stale`: since `sinceMs` (wall clock) the store is out of reach, or is being read anew; the
 *   last snapshot is served meanwhile.
 * - `failed`: it cannot go on, for a reason that does not pass, such as a missing permission; the
 *   last snapshot, if there is one, is served for ever.
 */
export type CacheStatus =
  | { readonly kind: 'starting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'stale'; readonly sinceMs: number; readonly reason: string }
  | { readonly kind: 'failed'; readonly error: unknown };

/** How long a read-your-writes wait leaves it to the watch before it asks the store, */
const PROBE_DELAY_MS = 20;
/** and how long it leaves changes that it knows of to the watch before it reads all anew. */
const RELIST_DELAY_MS = 1000;

/**
 * A prefix, kept in memory and up to date by one watch, for any number of local reads. It shows
 * whole revisions only, never goes back, and never becomes empty because it reads anew: until there
 * is something newer it serves what it has and says that it is stale. It holds everything under the
 * prefix, so the prefix must fit into memory.
 *
 * @example
 * await using routes = coord.cache('routes/');
 * await routes.ready({ timeoutMs: 5000 });
 * const { header } = await store.put({ key: 'routes/a', value: 'x' });
 * await routes.waitFor(header.revision);
 * routes.getText('routes/a');
 */
export class PrefixCache implements AsyncDisposable {
  readonly prefix: string;
  readonly #context: RecipeContext;
  readonly #ended = new Ending();
  readonly #snapshot = new BehaviorSubject<CacheSnapshot | undefined>(undefined);
  readonly #status = new BehaviorSubject<CacheStatus>({ kind: 'starting' });
  readonly #changes = new Subject<CacheChange>();
  readonly #unfollow: () => void;
  #subscription: Subscription | undefined;
  #listedMs = 0;
  /** Whether the snapshot at hand is the one that the view has shown last. */
  #isInStep = false;

  /** Begins to follow the prefix at once. */
  constructor(context: RecipeContext, prefixText: string) {
    this.#context = context;
    this.prefix = prefixText;
    this.#list();
    this.#unfollow = context.closed.follow(() => this.#end(context.closed.reason));
  }

  /**
   * Resolves when there is something to read.
   * @throws CoordinationError `Aborted`, `Timeout`; and why the cache failed
   */
  async ready(options: WaitOptions = {}): Promise<void> {
    using scope = this.#scope(options);
    await this.#awaitFirst(scope);
  }

  /**
   * Everything, as of one revision.
   * @throws CoordinationError `NoValue` before the first read has succeeded
   */
  get snapshot(): CacheSnapshot {
    const snapshot = this.#snapshot.value;
    if (snapshot !== undefined) return snapshot;
    throw new CoordinationError('NoValue', `nothing under "${this.prefix}" was read yet`);
  }

  /** As `snapshot`, and then each later one. */
  get snapshot$(): Observable<CacheSnapshot> {
    return this.#snapshot.pipe(filter((snapshot) => snapshot !== undefined));
  }

  /** How fresh it is; replays the last one. */
  get status$(): Observable<CacheStatus> {
    return this.#status.asObservable();
  }

  get status(): CacheStatus {
    return this.#status.value;
  }

  /**
   * What changes from now on, one at a time for each snapshot. After a time without a connection it
   * is the difference, however much happened in between.
   */
  get changes$(): Observable<CacheChange> {
    return this.#changes.asObservable();
  }

  /** @throws CoordinationError `NoValue` before the first read has succeeded */
  get revision(): number {
    return this.snapshot.revision;
  }

  /** As `CacheSnapshot.get`, of the last one. @throws CoordinationError `NoValue` */
  get(key: BytesInput): KeyValue | undefined {
    return this.snapshot.get(key);
  }

  /** As `CacheSnapshot.getText`, of the last one. @throws CoordinationError `NoValue` */
  getText(key: BytesInput): string | undefined {
    return this.snapshot.getText(key);
  }

  /** As `CacheSnapshot.range`, of the last one. @throws CoordinationError `NoValue` */
  range(range: KeyRange): readonly KeyValue[] {
    return this.snapshot.range(range);
  }

  /** As `CacheSnapshot.entries`, of the last one. @throws CoordinationError `NoValue` */
  entries(): readonly KeyValue[] {
    return this.snapshot.entries();
  }

  /**
   * Resolves when the cache has everything up to a revision, such as the one that answered a write:
   * then it shows that write. A revision that changed nothing under the prefix costs one read.
   * @throws CoordinationError `Aborted`, `Timeout`; and why the cache failed
   */
  async waitFor(revision: number, options: WaitOptions = {}): Promise<void> {
    using scope = this.#scope(options);
    let known = await this.#awaitFirst(scope);
    while (known.revision < revision) {
      if (await this.#isNewer(scope, known, PROBE_DELAY_MS)) {
        known = this.snapshot;
        continue;
      }
      const probed = await this.#probe(scope, known);
      if (this.snapshot === known && probed.isSame) {
        // A revision that the store has not reached yet is waited for by asking again.
        if (probed.revision > known.revision) this.#snapshot.next(known.at(probed.revision));
      } else if (!(await this.#isNewer(scope, known, RELIST_DELAY_MS))) {
        // Many may wait, and each would begin what another has just begun.
        const { clock } = this.#context.store;
        if (clock.monotonic() - this.#listedMs >= RELIST_DELAY_MS) this.#list();
        await this.#isNewer(scope, known, RELIST_DELAY_MS);
      }
      known = this.snapshot;
    }
  }

  /** Ends the watch; what was read stays readable. Closing twice does nothing. */
  close(): Promise<void> {
    this.#end(closedError());
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Reads everything anew, and follows it from there; meanwhile what is known stays. */
  #list(): void {
    this.#subscription?.unsubscribe();
    if (this.#ended.isOver) return;
    this.#listedMs = this.#context.store.clock.monotonic();
    this.#subscription = viewPrefix(this.#context.store, this.prefix).subscribe({
      next: (event) => {
        if (event.kind === 'stale') this.#doubt(event.reason);
        else this.#show(event.snapshot, event.changed);
      },
      error: (error: unknown) => {
        this.#status.next({ kind: 'failed', error });
        this.#ended.end(error);
      },
    });
  }

  #show(read: PrefixSnapshot, changed: ReadonlySet<string> | undefined): void {
    const before = this.#snapshot.value;
    // What was found to be unchanged up to a revision is not shown as of an earlier one; and as
    // what this one changed is then not told, the next is compared as a whole.
    const isEarlier = before !== undefined && read.revision < before.revision;
    if (!isEarlier) this.#replace(before, read, this.#isInStep ? changed : undefined);
    this.#isInStep = !isEarlier;
    if (this.#status.value.kind !== 'live') this.#status.next({ kind: 'live' });
  }

  /** One of the same revision corrects what a store did not tell; mostly it is the same. */
  #replace(
    before: CacheSnapshot | undefined,
    read: PrefixSnapshot,
    changed: ReadonlySet<string> | undefined,
  ): void {
    const now = new CacheSnapshot(this.prefix, read);
    const isKnown = before !== undefined && changed !== undefined;
    const { puts, deletes } = isKnown
      ? now.changesAmong(changed, before)
      : now.changesSince(before);
    const isSame = puts.length + deletes.length === 0;
    if (isSame && before?.revision === read.revision) return;
    this.#snapshot.next(now);
    if (!isSame) this.#changes.next({ revision: now.revision, puts, deletes });
  }

  #doubt(reason: string): void {
    const { kind } = this.#status.value;
    if (kind !== 'live') return;
    this.#status.next({ kind: 'stale', sinceMs: this.#context.store.clock.wall(), reason });
  }

  async #awaitFirst(scope: CancelScope): Promise<CacheSnapshot> {
    scope.check();
    return await scope.race(firstValueFrom(this.snapshot$));
  }

  /** Whether there is another snapshot than `known`, now or within a time. */
  async #isNewer(scope: CancelScope, known: CacheSnapshot, delayMs: number): Promise<boolean> {
    if (this.snapshot !== known) return true;
    using waiting = new CancelScope(this.#context.store, { timeoutMs: delayMs }, scope.ended);
    const next = firstValueFrom(
      this.#snapshot.pipe(
        skip(1),
        map(() => true),
      ),
    );
    return await waiting.race(next).catch(() => {
      scope.check();
      return this.snapshot !== known;
    });
  }

  /**
   * Whether nothing under the prefix has changed since a snapshot: no pair is newer, and there are
   * as many. A pair that was deleted would be missing, and one that came would be newer.
   */
  async #probe(
    scope: CancelScope,
    known: CacheSnapshot,
  ): Promise<{ readonly isSame: boolean; readonly revision: number }> {
    const { store } = this.#context;
    const request = {
      ...prefix(this.prefix),
      minModRevision: known.revision + 1,
      sortTarget: 'key',
      sortOrder: 'ascend',
      limit: 1,
      keysOnly: true,
    } as const;
    const read = await scope.retry(() => store.range(request, { signal: scope.signal }));
    const isSame = read.kvs.length === 0 && read.count === known.size;
    return { isSame, revision: read.header.revision };
  }

  #scope(options: WaitOptions): CancelScope {
    return new CancelScope(this.#context.store, options, this.#ended);
  }

  #end(reason: unknown): void {
    if (this.#ended.isOver && this.#subscription === undefined) return;
    this.#ended.end(reason);
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
    this.#unfollow?.();
    this.#snapshot.complete();
    this.#status.complete();
    this.#changes.complete();
  }
}
