import {
  EMPTY_BYTES,
  equalBytes,
  type DeleteRequest,
  type KeyRange,
  type KeyValue,
  type PutRequest,
  type RevisionBatch,
  type StoreEvent,
  toBytes,
} from '../../store/index.js';
import { keyText, toSpan } from './key-text.js';
import { SortedKeys } from './sorted-keys.js';

/** What a key that does not exist compares as. */
export const NOTHING: KeyValue = {
  key: EMPTY_BYTES,
  value: EMPTY_BYTES,
  createRevision: 0,
  modRevision: 0,
  version: 0,
  lease: 0n,
};

/**
 * The keys and values that a history comes to, at its newest revision and at every one before. It
 * is led by the recorded revisions, which are what they are even when they are wrong; what a
 * request would do is tried on top of them and taken back. It knows nothing of leases but which
 * keys are attached, and nothing of compaction.
 */
export class KvModel {
  /** The revision of the last batch; 1 before the first. */
  revision = 1;
  /** The events of the request that is being tried. */
  events: StoreEvent[] = [];
  readonly #live = new Map<string, KeyValue>();
  readonly #liveKeys = new SortedKeys();
  /** Every version of every key, tombstones included, in order. */
  readonly #versions = new Map<string, KeyValue[]>();
  readonly #allKeys = new SortedKeys();
  readonly #attached = new Map<bigint, Set<string>>();
  #undo: (readonly [string, KeyValue | undefined])[] = [];

  get(key: string): KeyValue | undefined {
    return this.#live.get(key);
  }

  /** The pair of a key as it was at `revision`. */
  getAt(key: string, revision: number): KeyValue | undefined {
    const versions = this.#versions.get(key);
    if (versions === undefined) return undefined;
    let low = 0;
    let high = versions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((versions[middle] as KeyValue).modRevision <= revision) low = middle + 1;
      else high = middle;
    }
    const found = versions[low - 1];
    return found === undefined || found.version === 0 ? undefined : found;
  }

  /** Whether a key was not there at some revision from `from` to `to`. */
  wasMissing(key: string, from: number, to: number): boolean {
    if (this.getAt(key, from) === undefined) return true;
    return (this.#versions.get(key) ?? []).some(
      (kv) => kv.version === 0 && kv.modRevision > from && kv.modRevision <= to,
    );
  }

  /** Whether a key ever had this value. */
  hadValue(key: string, value: string): boolean {
    const bytes = toBytes(value);
    return (this.#versions.get(key) ?? []).some(
      (kv) => kv.version > 0 && equalBytes(kv.value, bytes),
    );
  }

  /** The pairs of a range by key, with the changes of the request that is being tried. */
  within(range: KeyRange): KeyValue[] {
    const span = toSpan(range);
    if (span.end === undefined) return listed(this.#live.get(span.start));
    return this.#liveKeys.within(span).map((key) => this.#live.get(key) as KeyValue);
  }

  /** The pairs of a range as they were at `revision`. */
  withinAt(range: KeyRange, revision: number): KeyValue[] {
    const span = toSpan(range);
    if (span.end === undefined) return listed(this.getAt(span.start, revision));
    const found: KeyValue[] = [];
    for (const key of this.#allKeys.within(span)) {
      const kv = this.getAt(key, revision);
      if (kv !== undefined) found.push(kv);
    }
    return found;
  }

  /** The keys attached to a lease, in byte order. */
  attachedTo(lease: bigint): readonly string[] {
    return [...(this.#attached.get(lease) ?? [])].toSorted((a, b) => (a < b ? -1 : 1));
  }

  put(request: PutRequest): KeyValue | undefined {
    const text = keyText(request.key);
    const before = this.#live.get(text);
    const revision = this.revision + 1;
    const kv: KeyValue = {
      key: before?.key ?? toBytes(request.key),
      value: request.ignoreValue === true ? (before ?? NOTHING).value : toBytes(request.value),
      createRevision: before?.createRevision ?? revision,
      modRevision: revision,
      version: (before?.version ?? 0) + 1,
      lease: request.ignoreLease === true ? (before ?? NOTHING).lease : (request.lease ?? 0n),
    };
    this.#try({ type: 'put', kv }, text, before, kv);
    return before;
  }

  delete(request: DeleteRequest): readonly KeyValue[] {
    const gone = this.within(request);
    for (const before of gone) this.#deleteOne(keyText(before.key), before);
    return gone;
  }

  deleteAttached(lease: bigint): void {
    for (const key of this.attachedTo(lease)) this.#deleteOne(key, this.#live.get(key) as KeyValue);
  }

  /** Takes back what was tried. */
  rollback(): void {
    for (let i = this.#undo.length - 1; i >= 0; i--) {
      const [key, before] = this.#undo[i] as readonly [string, KeyValue | undefined];
      this.#set(key, before);
    }
    this.#undo = [];
    this.events = [];
  }

  /** Takes a recorded revision for the truth. @param keys those of its events, if known */
  apply(batch: RevisionBatch, keys: readonly string[] = []): void {
    this.rollback();
    let at = -1;
    for (const { type, kv } of batch.events) {
      at++;
      const key = keys[at] ?? keyText(kv.key);
      this.#set(key, type === 'put' ? kv : undefined);
      const versions = this.#versions.get(key);
      const version = type === 'put' ? kv : { ...kv, version: 0 };
      if (versions !== undefined) versions.push(version);
      else {
        this.#versions.set(key, [version]);
        this.#allKeys.add(key);
      }
    }
    this.#undo = [];
    this.revision = batch.revision;
  }

  #deleteOne(text: string, before: KeyValue): void {
    const kv = { ...NOTHING, key: before.key, modRevision: this.revision + 1 };
    this.#try({ type: 'delete', kv }, text, before, undefined);
  }

  #try(event: StoreEvent, key: string, before: KeyValue | undefined, after?: KeyValue): void {
    this.#undo.push([key, before]);
    this.events.push(event);
    this.#set(key, after);
  }

  #set(key: string, after: KeyValue | undefined): void {
    const before = this.#live.get(key);
    if (before !== undefined && before.lease !== 0n) this.#attached.get(before.lease)?.delete(key);
    if (after === undefined) {
      if (before === undefined) return;
      this.#live.delete(key);
      this.#liveKeys.remove(key);
      return;
    }
    this.#live.set(key, after);
    if (before === undefined) this.#liveKeys.add(key);
    if (after.lease === 0n) return;
    const keys = this.#attached.get(after.lease);
    if (keys === undefined) this.#attached.set(after.lease, new Set([key]));
    else keys.add(key);
  }
}

function listed(kv: KeyValue | undefined): KeyValue[] {
  return kv === undefined ? [] : [kv];
}
