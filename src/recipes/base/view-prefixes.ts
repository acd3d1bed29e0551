import { Observable, type Subscriber, Subscription } from 'rxjs';
import {
  type KeyValue,
  OPEN_END,
  prefix,
  type RangeRequest,
  type Store,
  toText,
  type TxnOperation,
} from '../../store/index.js';
import { CancelScope } from './cancel-scope.js';
import { closedError } from './context.js';
import { Ending } from './ending.js';
import { type PrefixSnapshot, sameEntries, viewPrefix } from './prefix-view.js';
import { rangeOf } from './queue-place.js';
import { TIMING } from './timing.js';

/** At least one. */
export type Prefixes = readonly [string, ...string[]];

/** One snapshot for each prefix. */
export type Snapshots = readonly [PrefixSnapshot, ...PrefixSnapshot[]];

/** What a view of several prefixes reports; all snapshots are of `revision`. */
export type ViewsEvent =
  | {
      readonly kind: 'snapshots';
      readonly revision: number;
      readonly snapshots: Snapshots;
    }
  | { readonly kind: 'stale'; readonly reason: string };

/**
 * Several prefixes as they were at one and the same revision, and again after a change to any of
 * them. A change is only the sign to read: everything is read in one transaction, so that no state
 * is shown that never was. Changes that come while it reads are answered by one more read, so states
 * can be left out, but never mixed.
 */
export function viewPrefixes(store: Store, prefixTexts: Prefixes): Observable<ViewsEvent> {
  return new Observable<ViewsEvent>((subscriber) => {
    const views = new PrefixViews(store, prefixTexts, subscriber);
    return views.start();
  });
}

class PrefixViews {
  readonly #store: Store;
  readonly #prefixes: Prefixes;
  readonly #subscriber: Subscriber<ViewsEvent>;
  readonly #ended = new Ending();
  /** The newest revision that each view has shown; undefined before its first snapshot. */
  readonly #seen: (number | undefined)[];
  #shown: Snapshots | undefined;
  #isStale = false;
  #isReading = false;
  #mustRead = false;

  constructor(store: Store, prefixes: Prefixes, subscriber: Subscriber<ViewsEvent>) {
    this.#store = store;
    this.#prefixes = prefixes;
    this.#subscriber = subscriber;
    this.#seen = prefixes.map(() => undefined);
  }

  start(): () => void {
    const subscriptions = new Subscription();
    this.#prefixes.forEach((text, place) => {
      subscriptions.add(
        viewPrefix(this.#store, text).subscribe({
          next: (event) => {
            if (event.kind === 'stale') return this.#doubt(event.reason);
            this.#seen[place] = event.snapshot.revision;
            this.#wantRead();
          },
          error: (error: unknown) => this.#subscriber.error(error),
        }),
      );
    });
    return () => {
      this.#ended.end(closedError());
      subscriptions.unsubscribe();
    };
  }

  #doubt(reason: string): void {
    this.#isStale = true;
    this.#subscriber.next({ kind: 'stale', reason });
  }

  #wantRead(): void {
    if (this.#seen.includes(undefined)) return;
    this.#mustRead = true;
    if (this.#isReading) return;
    this.#isReading = true;
    this.#readAll().catch((error: unknown) => {
      if (!this.#ended.isOver) this.#subscriber.error(error);
    });
  }

  async #readAll(): Promise<void> {
    using scope = new CancelScope(this.#store, {}, this.#ended);
    while (this.#mustRead) {
      this.#mustRead = false;
      const snapshots = await scope.retry(() => this.#read(scope.signal));
      scope.check();
      this.#show(snapshots);
    }
    this.#isReading = false;
  }

  #show(snapshots: Snapshots): void {
    const last = this.#shown;
    const isNew =
      last === undefined ||
      snapshots.some((snapshot, place) => !sameEntries(snapshot, last[place] ?? snapshot));
    this.#shown = snapshots;
    if (!isNew && !this.#isStale) return;
    this.#isStale = false;
    const [{ revision }] = snapshots;
    this.#subscriber.next({ kind: 'snapshots', revision, snapshots });
  }

  /** The first page of all in one transaction, the others at the revision of that. */
  async #read(signal: AbortSignal): Promise<Snapshots> {
    const limit = TIMING.viewPagePairs;
    const first = this.#prefixes.map(
      (text): TxnOperation => ({ kind: 'range', ...prefix(text), limit }),
    );
    const result = await this.#store.txn({ success: first }, { signal });
    const { revision } = result.header;
    const snapshotOf = async (text: string, place: number): Promise<PrefixSnapshot> => {
      const pairs = [...(rangeOf(result.responses[place]) ?? [])];
      if (pairs.length === limit) pairs.push(...(await this.#rest(text, pairs, revision, signal)));
      const name = (kv: KeyValue): string => toText(kv.key).slice(text.length);
      return { revision, entries: new Map(pairs.map((kv) => [name(kv), kv])) };
    };
    const [head, ...tail] = this.#prefixes;
    return Promise.all([snapshotOf(head, 0), ...tail.map((text, at) => snapshotOf(text, at + 1))]);
  }

  async #rest(
    text: string,
    known: readonly KeyValue[],
    revision: number,
    signal: AbortSignal,
  ): Promise<readonly KeyValue[]> {
    const rest: KeyValue[] = [];
    const rangeEnd = prefix(text).rangeEnd ?? OPEN_END;
    for (let last = known.at(-1); last !== undefined; ) {
      const key = new Uint8Array([...last.key, 0]);
      const request: RangeRequest = { key, rangeEnd, limit: TIMING.viewPagePairs, revision };
      const page = await this.#store.range(request, { signal });
      rest.push(...page.kvs);
      last = page.more ? page.kvs.at(-1) : undefined;
    }
    return rest;
  }
}
