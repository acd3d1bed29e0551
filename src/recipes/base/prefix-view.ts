import { Observable, type Subscriber, Subscription } from 'rxjs';
import type { Timer } from '../../ports/clock.js';
import { isStoreError, prefix, type RevisionBatch, type Store, toText } from '../../store/index.js';
import { CancelScope } from './cancel-scope.js';
import { closedError } from './context.js';
import { Ending } from './ending.js';
import { type EntryChange, withChanges } from './entry-map.js';
import { toCoordinationError } from '../errors.js';
import {
  describeFailure,
  type PrefixSnapshot,
  readPrefixes,
  readUntilGood,
  sameEntries,
  type Snapshots,
} from './prefix-snapshot.js';
import { TIMING } from './timing.js';

export { type PrefixSnapshot, sameEntries } from './prefix-snapshot.js';

/** What a view reports: a snapshot, or that the last one may be out of date. */
export type ViewEvent =
  | {
      readonly kind: 'snapshot';
      readonly snapshot: PrefixSnapshot;
      /** The names that differ from the snapshot before; undefined when all was read anew. */
      readonly changed: ReadonlySet<string> | undefined;
    }
  | { readonly kind: 'stale'; readonly reason: string };

/**
 * A prefix, kept up to date: one snapshot read at one revision, then one after each revision that
 * changes it. A snapshot never mixes revisions, and none is emitted while the prefix is read anew.
 * It reads again when history is gone, and now and then without being told to, so a lost event
 * costs one poll interval. Failures of the passing kind are reported as `stale` and tried again for
 * ever; others end it.
 */
export function viewPrefix(store: Store, prefixText: string): Observable<ViewEvent> {
  return new Observable<ViewEvent>((subscriber) => {
    const ended = new Ending();
    const view = new PrefixView(store, prefixText, subscriber, ended);
    view.run().catch((error: unknown) => {
      if (!ended.isOver) subscriber.error(toCoordinationError(error));
    });
    return () => ended.end(closedError());
  });
}

class PrefixView {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #subscriber: Subscriber<ViewEvent>;
  readonly #ended: Ending;
  #current: PrefixSnapshot | undefined;
  #isStale = false;

  constructor(store: Store, prefixText: string, subscriber: Subscriber<ViewEvent>, ended: Ending) {
    this.#store = store;
    this.#prefix = prefixText;
    this.#subscriber = subscriber;
    this.#ended = ended;
  }

  async run(): Promise<never> {
    using scope = new CancelScope(this.#store, {}, this.#ended);
    for (;;) {
      const read = await this.#read(scope);
      const behind = this.#current !== undefined && read.revision < this.#current.revision;
      if (!behind) this.#show(read, undefined);
      await this.#follow(scope, (this.#current ?? read).revision);
    }
  }

  /** Reads everything at one revision; until that works the view is stale. */
  async #read(scope: CancelScope): Promise<PrefixSnapshot> {
    const read = (): Promise<Snapshots> => readPrefixes(this.#store, [this.#prefix], scope.signal);
    const [snapshot] = await readUntilGood(this.#store, scope, read, (reason) =>
      this.#doubt(reason),
    );
    return snapshot;
  }

  /**
   * Applies what the watch brings, until it breaks or it is time to look whether it missed
   * anything.
   */
  async #follow(scope: CancelScope, revision: number): Promise<void> {
    let timer: Timer | undefined;
    const subscriptions = new Subscription();
    // Whoever unsubscribes from the view finds the watch gone when that returns.
    const unfollow = this.#ended.follow(() => subscriptions.unsubscribe());
    const request = { ...prefix(this.#prefix), startRevision: revision + 1 };
    const over = new Promise<unknown>((resolve) => {
      timer = this.#store.clock.timer(TIMING.viewPollMs, () => resolve(undefined));
      subscriptions.add(this.#followHealth(() => resolve(undefined)));
      subscriptions.add(
        this.#store.watch(request).subscribe({
          next: (batch) => this.#apply(batch),
          error: resolve,
        }),
      );
    });
    try {
      const error = await scope.race(over);
      if (error === undefined) return;
      this.#doubt(describeFailure(error));
      if (!isStoreError(error, 'Compacted')) await scope.pause(TIMING.retryMaxMs);
    } finally {
      unfollow();
      timer?.cancel();
      subscriptions.unsubscribe();
    }
  }

  /** A store that is out of reach makes the view stale; one that is back is read anew. */
  #followHealth(recovered: () => void): Subscription {
    let wasUnhealthy = false;
    return this.#store.health$.subscribe(({ healthy, reason }) => {
      if (healthy && wasUnhealthy) recovered();
      else if (!healthy) this.#doubt(reason);
      wasUnhealthy = !healthy;
    });
  }

  #apply(batch: RevisionBatch): void {
    const current = this.#current;
    if (current === undefined || batch.revision <= current.revision) return;
    const changes = batch.events.map(({ type, kv }): EntryChange => {
      const name = toText(kv.key).slice(this.#prefix.length);
      return [name, type === 'put' ? kv : undefined];
    });
    const entries = withChanges(current.entries, changes);
    const changed = new Set(changes.map(([name]) => name));
    if (changed.size > 0) this.#show({ revision: batch.revision, entries }, changed);
  }

  /** Emits what is new, and what is not if it ends a doubt. */
  #show(snapshot: PrefixSnapshot, changed: ReadonlySet<string> | undefined): void {
    const last = this.#current;
    const isNew = changed !== undefined || last === undefined || !sameEntries(last, snapshot);
    this.#current = snapshot;
    if (!isNew && !this.#isStale) return;
    this.#isStale = false;
    this.#subscriber.next({ kind: 'snapshot', snapshot, changed });
  }

  #doubt(reason: string): void {
    this.#isStale = true;
    this.#subscriber.next({ kind: 'stale', reason });
  }
}
