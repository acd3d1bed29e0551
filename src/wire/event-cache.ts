import { LIMITS, type StoreEvent } from '../store/index.js';

/**
 * The encoded form of events that were sent lately. All watchers of a change are served one after
 * the other, so a small table with one place per event finds nearly all of them; a WeakMap of every
 * event costs several times what encoding does. Holds a bounded number of small events, and no
 * others.
 */
export class EventCache {
  readonly #events: (StoreEvent | undefined)[] = new Array<undefined>(LIMITS.eventCacheEntries);
  readonly #bytes: (Uint8Array | undefined)[] = new Array<undefined>(LIMITS.eventCacheEntries);

  /** The bytes kept for this very object. */
  get(event: StoreEvent): Uint8Array | undefined {
    const place = placeOf(event);
    return this.#events[place] === event ? this.#bytes[place] : undefined;
  }

  set(event: StoreEvent, bytes: Uint8Array): void {
    if (bytes.length > LIMITS.eventCacheEntryBytes) return;
    const place = placeOf(event);
    this.#events[place] = event;
    this.#bytes[place] = bytes;
  }
}

/** Spreads revisions, the keys of one revision, and the same change with and without its past. */
function placeOf(event: StoreEvent): number {
  const { key, modRevision } = event.kv;
  const length = key.length;
  const keyPart = length * 31 + (key[length - 1] ?? 0) * 7 + (key[length - 2] ?? 0) * 61;
  const mixed = modRevision * 2 + (event.prevKv === undefined ? 0 : 1) + keyPart * 2;
  return mixed % LIMITS.eventCacheEntries;
}
