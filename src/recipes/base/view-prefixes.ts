import { Observable, type Subscriber, Subscription } from 'rxjs';
import type { Store } from '../../store/index.js';
import { CancelScope } from './cancel-scope.js';
import { closedError } from './context.js';
import { Ending } from './ending.js';
import {
  type Prefixes,
  readPrefixes,
  readUntilGood,
  sameEntries,
  type Snapshots,
} from './prefix-snapshot.js';
import { viewPrefix } from './prefix-view.js';

export type { Prefixes, Snapshots } from './prefix-snapshot.js';

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
 * is shown that never was. Changes that come while it reads are answered by one more read, so
 * states can be left out, but never mixed.
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
    const read = (): Promise<Snapshots> => readPrefixes(this.#store, this.#prefixes, scope.signal);
    while (this.#mustRead) {
      this.#mustRead = false;
      const snapshots = await readUntilGood(this.#store, scope, read, (reason) =>
        this.#doubt(reason),
      );
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
}
