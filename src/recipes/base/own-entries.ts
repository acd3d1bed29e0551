import { Observable, type Subscriber, type Subscription } from 'rxjs';
import { prefix, type RevisionBatch, type Store, toText } from '../../store/index.js';
import type { Heir } from './heir.js';
import { TIMING } from './timing.js';

/**
 * The entries that one session has in one line, under one watch for all of them: a thousand waiters
 * of one process would otherwise have two thousand watches, to be opened and cancelled with every
 * change of the line. Owns that watch, which is there while anybody follows, and knows which of the
 * entries stand right behind each other. It tells what the watch tells and decides nothing.
 */
export class OwnEntries {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #unused: () => void;
  readonly #followers = new Map<string, Set<Subscriber<RevisionBatch>>>();
  readonly #heirs = new Map<string, Heir>();
  #followerCount = 0;
  #watch: Subscription | undefined;
  /** The watch tells of all deletions from here on. */
  #fromRevision = 0;
  /** The deletions of which it has told, the last ones of them, by key. */
  readonly #told = new Map<string, number>();

  /** @param unused - Called when nobody follows any more, and nobody is an heir. */
  constructor(store: Store, prefixText: string, unused: () => void) {
    this.#store = store;
    this.#prefix = prefixText;
    this.#unused = unused;
  }

  /** Whether a key is one of these entries. */
  covers(key: string): boolean {
    return key.startsWith(this.#prefix);
  }

  /**
   * Emits when the entry `key`, which was seen at `revision`, is deleted. Whoever may have missed
   * that, because it was told before or cannot be known any more, gets a batch without events at
   * once, and has to look.
   */
  deletion(key: string, revision: number): Observable<RevisionBatch> {
    return new Observable((subscriber) => {
      const followers = this.#followers.get(key) ?? new Set();
      this.#followers.set(key, followers.add(subscriber));
      this.#followerCount += 1;
      this.#open(revision);
      const isMissed = revision + 1 < this.#fromRevision || revision < (this.#told.get(key) ?? 0);
      if (isMissed) subscriber.next({ revision, events: [] });
      return () => this.#leave(key, followers, subscriber);
    });
  }

  /** Who waits right behind the entry `key`, and does not wait for anything else. */
  heirOf(key: string): Heir | undefined {
    return this.#heirs.get(key);
  }

  /** Makes somebody known as the heir of the entry `key`. Returns the way to take that back. */
  addHeir(key: string, heir: Heir): () => void {
    this.#heirs.set(key, heir);
    return () => {
      if (this.#heirs.get(key) === heir) this.#heirs.delete(key);
      this.#leaveIfUnused();
    };
  }

  #open(revision: number): void {
    if (this.#watch !== undefined) return;
    this.#fromRevision = revision + 1;
    this.#told.clear();
    const request = { ...prefix(this.#prefix), startRevision: revision + 1, noPut: true };
    // Assigned late: a watch may fail while it is subscribed to.
    const watch = this.#store.watch(request).subscribe({
      next: (batch) => this.#tell(batch),
      error: (error) => this.#fail(error),
    });
    if (!watch.closed) this.#watch = watch;
  }

  #tell(batch: RevisionBatch): void {
    for (const { kv } of batch.events) {
      const key = toText(kv.key);
      this.#told.set(key, batch.revision);
      for (const follower of [...(this.#followers.get(key) ?? [])]) follower.next(batch);
    }
    for (const [key, revision] of this.#told) {
      if (this.#told.size <= TIMING.toldDeletionsMax) break;
      this.#told.delete(key);
      this.#fromRevision = Math.max(this.#fromRevision, revision + 1);
    }
  }

  /** Everybody has to look; whoever follows after that opens the watch again. */
  #fail(error: unknown): void {
    this.#watch = undefined;
    const all = [...this.#followers.values()].flatMap((followers) => [...followers]);
    for (const follower of all) follower.error(error);
  }

  #leave(
    key: string,
    followers: Set<Subscriber<RevisionBatch>>,
    subscriber: Subscriber<RevisionBatch>,
  ): void {
    followers.delete(subscriber);
    if (followers.size === 0 && this.#followers.get(key) === followers) this.#followers.delete(key);
    this.#followerCount -= 1;
    if (this.#followerCount > 0) return;
    this.#watch?.unsubscribe();
    this.#watch = undefined;
    this.#leaveIfUnused();
  }

  /** An heir can be told of its turn by a release also when the watch has failed. */
  #leaveIfUnused(): void {
    if (this.#followerCount === 0 && this.#heirs.size === 0) this.#unused();
  }
}
