import type { KeyValue } from '../../store/index.js';

/** Up to so many entries a plain copy is the cheapest. */
const PLAIN_MAX = 512;
/** About how many entries share a bucket. */
const BUCKET_ENTRIES = 64;

/** One name with its pair; undefined: it is gone. */
export type EntryChange = readonly [name: string, kv: KeyValue | undefined];

/**
 * Entries with some of them changed; `entries` itself stays as it is. A large map is kept in
 * buckets that the maps before and after the change have in common, so a change costs a small part
 * of a copy. The order of a large map's entries means nothing.
 */
export function withChanges(
  entries: ReadonlyMap<string, KeyValue>,
  changes: readonly EntryChange[],
): ReadonlyMap<string, KeyValue> {
  if (entries instanceof BucketMap) return entries.with(changes);
  if (entries.size > PLAIN_MAX) return BucketMap.from(entries).with(changes);
  const changed = new Map(entries);
  for (const [name, kv] of changes) {
    if (kv === undefined) changed.delete(name);
    else changed.set(name, kv);
  }
  return changed;
}

type Bucket = ReadonlyMap<string, KeyValue>;

class BucketMap implements ReadonlyMap<string, KeyValue> {
  readonly size: number;
  readonly #buckets: readonly Bucket[];

  private constructor(buckets: readonly Bucket[], size: number) {
    this.#buckets = buckets;
    this.size = size;
  }

  static from(entries: ReadonlyMap<string, KeyValue>): BucketMap {
    const count = Math.ceil(entries.size / BUCKET_ENTRIES);
    const buckets = Array.from({ length: count }, () => new Map<string, KeyValue>());
    for (const [name, kv] of entries) buckets[placeOf(name, count)]?.set(name, kv);
    return new BucketMap(buckets, entries.size);
  }

  with(changes: readonly EntryChange[]): BucketMap {
    const buckets = [...this.#buckets];
    const copies = new Map<number, Map<string, KeyValue>>();
    let { size } = this;
    for (const [name, kv] of changes) {
      const place = placeOf(name, buckets.length);
      const bucket = copies.get(place) ?? new Map(buckets[place]);
      copies.set(place, bucket);
      size -= bucket.has(name) ? 1 : 0;
      if (kv === undefined) bucket.delete(name);
      else {
        bucket.set(name, kv);
        size += 1;
      }
    }
    for (const [place, bucket] of copies) buckets[place] = bucket;
    const grown = new BucketMap(buckets, size);
    // Buckets that have become too full are dealt out anew, which pays for itself by then.
    return size > buckets.length * BUCKET_ENTRIES * 4 ? BucketMap.from(grown) : grown;
  }

  get(name: string): KeyValue | undefined {
    return this.#buckets[placeOf(name, this.#buckets.length)]?.get(name);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  *entries(): MapIterator<[string, KeyValue]> {
    for (const bucket of this.#buckets) yield* bucket;
  }

  *keys(): MapIterator<string> {
    for (const bucket of this.#buckets) yield* bucket.keys();
  }

  *values(): MapIterator<KeyValue> {
    for (const bucket of this.#buckets) yield* bucket.values();
  }

  [Symbol.iterator](): MapIterator<[string, KeyValue]> {
    return this.entries();
  }

  forEach(visit: (kv: KeyValue, name: string, map: ReadonlyMap<string, KeyValue>) => void): void {
    for (const [name, kv] of this.entries()) visit(kv, name, this);
  }
}

/** FNV-1a of the characters, for spreading names over buckets and nothing else. */
function placeOf(name: string, count: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  }
  return (hash >>> 0) % count;
}
