import { EMPTY_BYTES } from '../../store/index.js';
import { KeyHistory } from './key-history.js';

/** Keys of one leaf, and so how much an insertion may have to move. */
export const LEAF_KEYS = 64;
/** A leaf with more bytes of keys than this is split even when it holds few of them. */
export const LEAF_BYTES = 16_384;

const INITIAL_BYTES = 512;
const STRIDE = 4;
const MAIN = 0;
const CREATE = 1;
const VERSION = 2;
const PLACE = 3;

/** What the index knows of a key's newest revision. */
export interface IndexRecord {
  readonly main: number;
  readonly create: number;
  readonly version: number;
  /** The place within the revision times two, plus one for a tombstone. */
  readonly place: number;
  readonly lease: bigint;
}

/**
 * A run of neighbouring keys with their records. All of it lies in three flat arrays: a million
 * keys cost the garbage collector a few thousand objects, and a search stays within a few cache
 * lines. Older revisions and leases, which most keys do not have, hang beside and only where
 * needed.
 */
export class IndexLeaf {
  count = 0;
  /** How many of the keys are not deleted. */
  live = 0;
  next: IndexLeaf | undefined;
  previous: IndexLeaf | undefined;
  #bytes: Uint8Array = EMPTY_BYTES;
  /** Where the bytes of each key end; they begin where those of its neighbour end. */
  readonly #ends = new Uint32Array(LEAF_KEYS);
  readonly #numbers = new Float64Array(LEAF_KEYS * STRIDE);
  #histories: (KeyHistory | undefined)[] | undefined;
  #leases: bigint[] | undefined;
  /** Whether the two below are of the keys as they are. */
  #isBounded = false;
  #createMin = 0;
  #createMax = 0;

  #start(slot: number): number {
    return slot === 0 ? 0 : (this.#ends[slot - 1] as number);
  }

  get byteCount(): number {
    return this.#start(this.count);
  }

  /** All keys, one after the other: a view that is good until the leaf changes. */
  get keyBytes(): Uint8Array {
    return this.#bytes.subarray(0, this.byteCount);
  }

  keyLength(slot: number): number {
    return (this.#ends[slot] as number) - this.#start(slot);
  }

  /** Rows of all its keys, those of older revisions included. */
  get rowCount(): number {
    let rows = this.count;
    if (this.#histories !== undefined) {
      for (const history of this.#histories) rows += history?.count ?? 0;
    }
    return rows;
  }

  /** Whether a key of this leaf may be attached to a lease. */
  get hasLeases(): boolean {
    return this.#leases !== undefined;
  }

  /** A copy of the key. */
  key(slot: number): Uint8Array {
    return this.#bytes.slice(this.#start(slot), this.#ends[slot] as number);
  }

  /** The lowest create revision of a live key; infinite when there is none. */
  get createMin(): number {
    if (!this.#isBounded) this.#bound();
    return this.#createMin;
  }

  /** The highest create revision of a live key; minus infinite when there is none. */
  get createMax(): number {
    if (!this.#isBounded) this.#bound();
    return this.#createMax;
  }

  #bound(): void {
    let min = Number.POSITIVE_INFINITY;
    let max = Number.NEGATIVE_INFINITY;
    for (let slot = 0; slot < this.count; slot++) {
      if (!this.isLive(slot)) continue;
      const create = this.create(slot);
      if (create < min) min = create;
      if (create > max) max = create;
    }
    this.#createMin = min;
    this.#createMax = max;
    this.#isBounded = true;
  }

  main(slot: number): number {
    return this.#numbers[slot * STRIDE + MAIN] as number;
  }

  create(slot: number): number {
    return this.#numbers[slot * STRIDE + CREATE] as number;
  }

  version(slot: number): number {
    return this.#numbers[slot * STRIDE + VERSION] as number;
  }

  place(slot: number): number {
    return this.#numbers[slot * STRIDE + PLACE] as number;
  }

  isLive(slot: number): boolean {
    return (this.#numbers[slot * STRIDE + PLACE] as number) % 2 === 0;
  }

  lease(slot: number): bigint {
    return this.#leases?.[slot] ?? 0n;
  }

  history(slot: number): KeyHistory | undefined {
    return this.#histories?.[slot];
  }

  /**
   * Where `key` is or would be.
   * @param lowMatch how many bytes of `key` are known to equal those of the key before this leaf
   * @param highMatch the same for the key after it
   * @returns the slot times two, plus one when the key is there
   */
  search(key: Uint8Array, lowMatch: number, highMatch: number): number {
    const bytes = this.#bytes;
    const ends = this.#ends;
    const length = key.length;
    let low = 0;
    let high = this.count;
    let lowBytes = lowMatch;
    let highBytes = highMatch;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const start = middle === 0 ? 0 : (ends[middle - 1] as number);
      const size = (ends[middle] as number) - start;
      const shared = size < length ? size : length;
      let at = lowBytes < highBytes ? lowBytes : highBytes;
      while (at < shared && bytes[start + at] === key[at]) at++;
      const order =
        at < shared ? (bytes[start + at] as number) - (key[at] as number) : size - length;
      if (order === 0) return middle * 2 + 1;
      if (order < 0) {
        low = middle + 1;
        lowBytes = at;
      } else {
        high = middle;
        highBytes = at;
      }
    }
    return low * 2;
  }

  liveBefore(slot: number): number {
    if (this.live === this.count) return slot;
    let live = 0;
    for (let at = 0; at < slot; at++) if (this.isLive(at)) live++;
    return live;
  }

  insert(slot: number, key: Uint8Array, record: IndexRecord): void {
    const start = this.#start(slot);
    const used = this.byteCount;
    this.#reserve(used + key.length);
    this.#bytes.copyWithin(start + key.length, start, used);
    this.#bytes.set(key, start);
    for (let at = this.count; at > slot; at--) {
      this.#ends[at] = (this.#ends[at - 1] as number) + key.length;
    }
    this.#ends[slot] = start + key.length;
    this.#numbers.copyWithin((slot + 1) * STRIDE, slot * STRIDE, this.count * STRIDE);
    this.#histories?.splice(slot, 0, undefined);
    this.#leases?.splice(slot, 0, 0n);
    this.count++;
    this.#write(slot, record);
    if (record.place % 2 === 0) this.live++;
  }

  /**
   * Gives a new leaf its keys: `bytes`, which is copied, holds them one after the other, and
   * `lengths` says how long each of the `count` keys is. A `restore` of each slot must follow.
   */
  restoreKeys(bytes: Uint8Array, lengths: Uint32Array, count: number): void {
    this.#bytes = bytes.slice();
    let end = 0;
    for (let slot = 0; slot < count; slot++) {
      end += lengths[slot] as number;
      this.#ends[slot] = end;
    }
    this.count = count;
  }

  /** Gives a key of `restoreKeys` its record. */
  restore(slot: number, record: IndexRecord): void {
    this.#write(slot, record);
    if (record.place % 2 === 0) this.live++;
  }

  restoreLease(slot: number, lease: bigint): void {
    this.#leases ??= new Array<bigint>(this.count).fill(0n);
    this.#leases[slot] = lease;
  }

  /** Gives a restored key the revisions that newer ones have replaced. */
  restoreHistory(slot: number, history: KeyHistory): void {
    this.#histories ??= new Array<KeyHistory | undefined>(this.count).fill(undefined);
    this.#histories[slot] = history;
  }

  #reserve(byteCount: number): void {
    if (byteCount <= this.#bytes.length) return;
    const enough = Math.max(byteCount, INITIAL_BYTES, Math.ceil(this.#bytes.length * 1.5));
    const grown = new Uint8Array(enough);
    grown.set(this.#bytes.subarray(0, this.byteCount));
    this.#bytes = grown;
  }

  #write(slot: number, record: IndexRecord): void {
    this.#isBounded = false;
    const at = slot * STRIDE;
    this.#numbers[at + MAIN] = record.main;
    this.#numbers[at + CREATE] = record.create;
    this.#numbers[at + VERSION] = record.version;
    this.#numbers[at + PLACE] = record.place;
    if (record.lease !== 0n || this.#leases !== undefined) {
      this.#leases ??= new Array<bigint>(this.count).fill(0n);
      this.#leases[slot] = record.lease;
    }
  }

  /**
   * Gives the key a newer revision; the one it had becomes history.
   * @returns by how much the number of live keys changed
   */
  supersede(slot: number, record: IndexRecord): number {
    this.#histories ??= new Array<KeyHistory | undefined>(this.count).fill(undefined);
    const history = (this.#histories[slot] ??= new KeyHistory());
    history.push(this.main(slot), this.place(slot));
    const change = (record.place % 2 === 0 ? 1 : 0) - (this.isLive(slot) ? 1 : 0);
    this.#write(slot, record);
    this.live += change;
    return change;
  }

  /** Forgets the oldest `dropCount` revisions of the key's history. */
  dropHistory(slot: number, dropCount: number): void {
    const history = this.#histories?.[slot];
    if (this.#histories === undefined || history === undefined) return;
    if (dropCount === history.count) this.#histories[slot] = undefined;
    else history.dropOldest(dropCount);
  }

  remove(slot: number): void {
    if (this.isLive(slot)) {
      this.live--;
      this.#isBounded = false;
    }
    const start = this.#start(slot);
    const size = (this.#ends[slot] as number) - start;
    this.#bytes.copyWithin(start, start + size, this.byteCount);
    for (let at = slot; at < this.count - 1; at++) {
      this.#ends[at] = (this.#ends[at + 1] as number) - size;
    }
    this.#numbers.copyWithin(slot * STRIDE, (slot + 1) * STRIDE, this.count * STRIDE);
    this.#histories?.splice(slot, 1);
    this.#leases?.splice(slot, 1);
    this.count--;
  }

  /** Moves the keys from `slot` on into a new leaf after this one. */
  split(slot: number): IndexLeaf {
    const right = new IndexLeaf();
    this.#isBounded = false;
    right.#take(this, slot);
    this.live -= right.live;
    this.count = slot;
    this.#histories?.splice(slot);
    this.#leases?.splice(slot);
    right.next = this.next;
    right.previous = this;
    if (this.next !== undefined) this.next.previous = right;
    this.next = right;
    return right;
  }

  /** Takes over all keys of the leaf after this one and unlinks it. */
  absorbNext(next: IndexLeaf): void {
    this.#take(next, 0);
    next.unlink();
  }

  unlink(): void {
    if (this.previous !== undefined) this.previous.next = this.next;
    if (this.next !== undefined) this.next.previous = this.previous;
  }

  /** Appends the keys of `source` from `slot` on; all of them come after those that are here. */
  #take(source: IndexLeaf, slot: number): void {
    this.#isBounded = false;
    const from = source.#start(slot);
    const to = source.byteCount;
    const base = this.byteCount;
    this.#reserve(base + to - from);
    this.#bytes.set(source.#bytes.subarray(from, to), base);
    const taken = source.count - slot;
    for (let at = 0; at < taken; at++) {
      this.#ends[this.count + at] = (source.#ends[slot + at] as number) - from + base;
    }
    this.#numbers.set(
      source.#numbers.subarray(slot * STRIDE, source.count * STRIDE),
      this.count * STRIDE,
    );
    if (this.#histories !== undefined || source.#histories !== undefined) {
      this.#histories ??= new Array<KeyHistory | undefined>(this.count).fill(undefined);
      for (let at = 0; at < taken; at++) this.#histories.push(source.history(slot + at));
    }
    if (this.#leases !== undefined || source.#leases !== undefined) {
      this.#leases ??= new Array<bigint>(this.count).fill(0n);
      for (let at = 0; at < taken; at++) this.#leases.push(source.lease(slot + at));
    }
    const taking = source.live - source.liveBefore(slot);
    this.count += taken;
    this.live += taking;
  }
}
