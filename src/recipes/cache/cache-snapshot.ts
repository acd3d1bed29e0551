import {
  type BytesInput,
  compareBytes,
  type KeyRange,
  type KeyValue,
  toBytes,
  toInterval,
  toText,
} from '../../store/index.js';
import type { PrefixSnapshot } from '../base/prefix-snapshot.js';

/**
 * A prefix as it was at one revision. Nothing in it changes; several reads of one snapshot are of
 * one moment. Keys are given in full, as the store has them, and must be text.
 *
 * @example
 * await using routes = coord.cache('routes/');
 * await routes.ready();
 * const then = routes.snapshot; // whatever happens to the routes, this stays
 * show(then.revision, then.getText('routes/a'), then.entries().length);
 */
export class CacheSnapshot {
  /** Everything that changed under the prefix up to this revision is in it. */
  readonly revision: number;
  readonly #prefix: string;
  readonly #entries: ReadonlyMap<string, KeyValue>;
  #sorted: readonly KeyValue[] | undefined;

  constructor(prefix: string, { revision, entries }: PrefixSnapshot) {
    this.revision = revision;
    this.#prefix = prefix;
    this.#entries = entries;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The pair of a key; undefined when there is none, and for keys outside of the prefix. */
  get(key: BytesInput): KeyValue | undefined {
    const text = typeof key === 'string' ? key : toText(key);
    if (!text.startsWith(this.#prefix)) return undefined;
    return this.#entries.get(text.slice(this.#prefix.length));
  }

  /** As `get`, the value as text. */
  getText(key: BytesInput): string | undefined {
    const kv = this.get(key);
    return kv === undefined ? undefined : toText(kv.value);
  }

  /** All pairs in the order of keys. */
  entries(): readonly KeyValue[] {
    this.#sorted ??= [...this.#entries.values()].toSorted((a, b) => compareBytes(a.key, b.key));
    return this.#sorted;
  }

  /** The pairs of a range in the order of keys, as far as the range lies under the prefix. */
  range(range: KeyRange): readonly KeyValue[] {
    const { start, end } = toInterval(range);
    if (end === undefined) {
      const kv = this.get(start);
      return kv === undefined ? [] : [kv];
    }
    const all = this.entries();
    const from = firstFrom(all, start);
    const to = end === null ? all.length : firstFrom(all, end);
    return all.slice(from, Math.max(from, to));
  }

  /** The same entries, known to be those of a later revision, too. */
  at(revision: number): CacheSnapshot {
    const same = new CacheSnapshot(this.#prefix, { revision, entries: this.#entries });
    same.#sorted = this.#sorted;
    return same;
  }

  /** The same as `changesSince`, when it is known which names may differ. */
  changesAmong(names: Iterable<string>, earlier: CacheSnapshot): Omit<CacheChange, 'revision'> {
    const puts: KeyValue[] = [];
    const deletes: KeyValue[] = [];
    for (const name of names) {
      const now = this.#entries.get(name);
      const before = earlier.#entries.get(name);
      if (now !== undefined && now.modRevision !== before?.modRevision) puts.push(now);
      else if (now === undefined && before !== undefined) deletes.push(before);
    }
    return { puts, deletes };
  }

  /** What has to be done to `earlier` to make it this one. */
  changesSince(earlier: CacheSnapshot | undefined): Omit<CacheChange, 'revision'> {
    const before = earlier === undefined ? new Map<string, KeyValue>() : earlier.#entries;
    const puts: KeyValue[] = [];
    const deletes: KeyValue[] = [];
    for (const [name, kv] of this.#entries) {
      if (before.get(name)?.modRevision !== kv.modRevision) puts.push(kv);
    }
    for (const [name, kv] of before) {
      if (!this.#entries.has(name)) deletes.push(kv);
    }
    return { puts, deletes };
  }
}

/** What changed from one snapshot to the next. */
export interface CacheChange {
  readonly revision: number;
  /** The pairs that are new or different, as they are now. */
  readonly puts: readonly KeyValue[];
  /** The pairs that are gone, as they were last. */
  readonly deletes: readonly KeyValue[];
}

/** The place of the first pair whose key is not before `key`. */
function firstFrom(sorted: readonly KeyValue[], key: Uint8Array): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const kv = sorted[middle];
    if (kv !== undefined && compareBytes(kv.key, toBytes(key)) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
