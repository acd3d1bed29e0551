import { Observable, type Subscriber, Subscription } from 'rxjs';
import type { Timer } from '../../ports/clock.js';
import {
  isStoreError,
  type KeyValue,
  OPEN_END,
  prefix,
  type RevisionBatch,
  type Store,
  toText,
} from '../../store/index.js';
import { backoffMs, CancelScope } from './cancel-scope.js';
import { closedError } from './context.js';
import { Ending } from './ending.js';
import { isTransient, toCoordinationError } from '../errors.js';
import { TIMING } from './timing.js';

/** Everything under a prefix as it was at one revision, by the text after the prefix. */
export interface PrefixSnapshot {
  readonly revision: number;
  readonly entries: ReadonlyMap<string, KeyValue>;
}

/** What a view reports: a snapshot, or that the last one may be out of date. */
export type ViewEvent =
  | { readonly kind: 'snapshot'; readonly snapshot: PrefixSnapshot }
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
      if (!behind) this.#show(read);
      await this.#follow(scope, (this.#current ?? read).revision);
    }
  }

  /** Reads everything at one revision; until that works the view is stale. */
  async #read(scope: CancelScope): Promise<PrefixSnapshot> {
    for (let failures = 0; ; failures++) {
      try {
        return await scope.race(this.#readPages(scope.signal));
      } catch (error) {
        scope.check();
        const passing = isTransient(error) || isStoreError(error, 'Compacted');
        if (!passing) throw error;
        this.#doubt(describe(error));
      }
      await scope.pause(backoffMs(this.#store.random, failures));
    }
  }

  async #readPages(signal: AbortSignal): Promise<PrefixSnapshot> {
    const entries = new Map<string, KeyValue>();
    const whole = prefix(this.#prefix);
    const limit = TIMING.viewPagePairs;
    const first = await this.#store.range({ ...whole, limit }, { signal });
    const { revision } = first.header;
    let page = first;
    for (;;) {
      for (const kv of page.kvs) this.#set(entries, kv);
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) return { revision, entries };
      const key = keyAfter(last.key);
      const rangeEnd = whole.rangeEnd ?? OPEN_END;
      page = await this.#store.range({ key, rangeEnd, limit, revision }, { signal });
    }
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
      this.#doubt(describe(error));
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
    const entries = new Map(current.entries);
    for (const { type, kv } of batch.events) {
      if (type === 'put') this.#set(entries, kv);
      else entries.delete(this.#nameOf(kv));
    }
    this.#show({ revision: batch.revision, entries });
  }

  /** Emits what is new, and what is not if it ends a doubt. */
  #show(snapshot: PrefixSnapshot): void {
    const isNew = this.#current === undefined || !sameEntries(this.#current, snapshot);
    this.#current = snapshot;
    if (!isNew && !this.#isStale) return;
    this.#isStale = false;
    this.#subscriber.next({ kind: 'snapshot', snapshot });
  }

  #doubt(reason: string): void {
    this.#isStale = true;
    this.#subscriber.next({ kind: 'stale', reason });
  }

  #set(entries: Map<string, KeyValue>, kv: KeyValue): void {
    entries.set(this.#nameOf(kv), kv);
  }

  #nameOf(kv: KeyValue): string {
    return toText(kv.key).slice(this.#prefix.length);
  }
}

/** Whether nothing changed between two snapshots of one prefix. */
export function sameEntries(a: PrefixSnapshot, b: PrefixSnapshot): boolean {
  if (a.entries.size !== b.entries.size) return false;
  for (const [name, kv] of a.entries) {
    if (b.entries.get(name)?.modRevision !== kv.modRevision) return false;
  }
  return true;
}

/** The first key after `key` in byte order. */
function keyAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : 'the watch ended';
}
