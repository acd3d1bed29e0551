import {
  EMPTY_BYTES,
  type Interval,
  isEmptyInterval,
  type KeyValue,
  type RangeData,
  type RevisionBatch,
  type StoreEvent,
} from '../../store/index.js';
import { getAt, rangeAt } from './range-read.js';
import { mixHash } from './rolling-hash.js';
import type { MvccState } from './state.js';
import type { DeleteOutcome, MvccWrite, PutOutcome, RangeQuery } from './types.js';

// Most writes make one change. An array made with its one element takes no spare room, one that
// grows by push takes room for seventeen.
const NO_EVENTS: StoreEvent[] = [];
const NOT_FOUND: PutOutcome = { previous: undefined, previousLease: 0n };

/** What became of one key; `kv` is what it was before, when that was asked for. */
interface Deleted {
  readonly key: Uint8Array;
  readonly lease: bigint;
  readonly kv: KeyValue | undefined;
}

/** A new one each time, for it becomes somebody's answer. */
function nothingDeleted(): DeleteOutcome {
  return { deleted: 0, previous: [], keys: [] };
}

/**
 * The changes of one revision. Each goes into the index at once, under the coming revision number,
 * so that later reads of this write see it; readers outside keep to the revision before. Its rows
 * count in the buffer only with `commit`. There is no way back: what could fail must be checked
 * before.
 */
export class WriteSession implements MvccWrite {
  readonly revision: number;
  #events: StoreEvent[] = NO_EVENTS;
  readonly #state: MvccState;
  #hash: number;

  constructor(state: MvccState) {
    this.#state = state;
    this.#hash = state.rollingHash;
    this.revision = state.revision + 1;
  }

  get changeCount(): number {
    return this.#events.length;
  }

  get events(): readonly StoreEvent[] {
    return this.#events;
  }

  range(interval: Interval, query: RangeQuery): RangeData {
    const state = this.#state;
    return rangeAt(state, interval, query, state.readRevision(query.revision, state.indexRevision));
  }

  get(key: Uint8Array): KeyValue | undefined {
    return getAt(this.#state, key, this.revision);
  }

  put(key: Uint8Array, value: Uint8Array, lease: bigint, wantPrevious: boolean): PutOutcome {
    this.#mustBeOpen();
    if (key.length === 0) throw new Error('a put without a key reached the store');
    const { index } = this.#state;
    const found = index.seek(key);
    const { leaf, slot } = index;
    const isLive = found && leaf.isLive(slot);
    let outcome = NOT_FOUND;
    if (isLive && (wantPrevious || leaf.lease(slot) !== 0n)) {
      outcome = {
        previous: wantPrevious
          ? this.#state.readRow(leaf.main(slot), leaf.place(slot), true)
          : undefined,
        previousLease: leaf.lease(slot),
      };
    }
    const main = this.revision;
    const create = isLive ? leaf.create(slot) : main;
    const version = isLive ? leaf.version(slot) + 1 : 1;
    const sub = this.#events.length;
    const kv = { key, value, createRevision: create, modRevision: main, version, lease };
    this.#state.encoder.put(kv, sub);
    this.#add({ type: 'put', kv });
    const record = { main, create, version, place: sub * 2, lease };
    if (found) index.supersede(record);
    else index.insert(key, record);
    return outcome;
  }

  deleteRange(interval: Interval, wantPrevious: boolean): DeleteOutcome {
    this.#mustBeOpen();
    const { index } = this.#state;
    const { start, end } = interval;
    if (end === undefined) {
      if (!index.seek(start) || !index.leaf.isLive(index.slot)) return nothingDeleted();
      const { key, lease, kv } = this.#deleteFound(start, wantPrevious);
      return { deleted: 1, previous: kv === undefined ? [] : [kv], keys: [{ key, lease }] };
    }
    const targets = this.#liveKeys(start, end);
    if (targets.length === 0) return nothingDeleted();
    const previous: KeyValue[] = [];
    const keys: { key: Uint8Array; lease: bigint }[] = [];
    for (const target of targets) {
      index.seek(target);
      const { key, lease, kv } = this.#deleteFound(target, wantPrevious);
      keys.push({ key, lease });
      if (kv !== undefined) previous.push(kv);
    }
    return { deleted: keys.length, previous, keys };
  }

  /** Deletes the live key that the index has just found. */
  #deleteFound(key: Uint8Array, wantPrevious: boolean): Deleted {
    const { index, encoder } = this.#state;
    const { leaf, slot } = index;
    const main = this.revision;
    const lease = leaf.lease(slot);
    const before = wantPrevious
      ? this.#state.readRow(leaf.main(slot), leaf.place(slot), true)
      : undefined;
    const sub = this.#events.length;
    const kv = {
      key,
      value: EMPTY_BYTES,
      createRevision: 0,
      modRevision: main,
      version: 0,
      lease: 0n,
    };
    encoder.tombstone(key, main, sub);
    this.#add({ type: 'delete', kv });
    index.supersede({ main, create: 0, version: 0, place: sub * 2 + 1, lease: 0n });
    return { key, lease, kv: before };
  }

  #liveKeys(start: Uint8Array, end: Uint8Array | null): Uint8Array[] {
    const { index } = this.#state;
    if (isEmptyInterval({ start, end })) return [];
    const after = end === null ? index.liveCount : index.rank(end);
    let left = after - index.rank(start);
    const keys: Uint8Array[] = [];
    let slot = index.slot;
    for (let leaf = index.leaf; left > 0; slot = 0) {
      for (; slot < leaf.count && left > 0; slot++) {
        if (!leaf.isLive(slot)) continue;
        keys.push(leaf.key(slot));
        left--;
      }
      if (left > 0) {
        if (leaf.next === undefined) throw new Error('the index counts more keys than it holds');
        leaf = leaf.next;
      }
    }
    return keys;
  }

  /** Adds a change whose row was just made. */
  #add(event: StoreEvent): void {
    const { buffer, encoder } = this.#state;
    if (this.#events === NO_EVENTS) this.#events = [event];
    else this.#events.push(event);
    buffer.addRow(encoder);
    this.#hash = mixHash(this.#hash, encoder.lastChecksum);
  }

  commit(): RevisionBatch | undefined {
    this.#mustBeOpen();
    const state = this.#state;
    state.pending = undefined;
    if (this.#events.length === 0) return undefined;
    const batch = { revision: this.revision, events: this.#events };
    state.revision = this.revision;
    state.rollingHash = this.#hash;
    state.rowCount += this.#events.length;
    state.buffer.addRevision(this.revision, this.#events.length);
    return batch;
  }

  #mustBeOpen(): void {
    if (this.#state.pending !== this) throw new Error('a write was used after its end');
  }
}
