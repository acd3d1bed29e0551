import {
  type Backend,
  type BackendRow,
  type BackendView,
  type BackendWrite,
  BUCKETS,
  type Bucket,
} from '../ports/backend.js';
import type { Random } from '../ports/random.js';
import { compareBytes } from '../store/index.js';

type Rows = readonly BackendRow[];
type Tables = Readonly<Record<Bucket, Rows>>;

const NO_TABLES: Tables = { key: [], meta: [], lease: [], alarm: [], members: [] };

/**
 * The Backend port in memory. A commit becomes durable some microtasks after it was called, or
 * never: after `crash` the object stands for the file as the next process finds it, in which an
 * unresolved commit is there entirely or not at all. Each state is a sorted copy of its own, so
 * iteration always sees the state at which it began; meant for thousands of rows, not millions.
 */
export class SimBackend implements Backend {
  readonly #random: Random;
  /** What a new process would find. */
  #durable: Tables = NO_TABLES;
  /** What this process sees: the durable state, or already that of the commit under way. */
  #tables: Tables = NO_TABLES;
  #underWay: Tables | undefined;
  /** Counts crashes: a commit of an earlier life has no effect. */
  #life = 0;
  #isClosed = false;
  #failure: Error | undefined;
  #failsNext: Error | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Makes the next commit reject, and the backend fail from then on until a crash. */
  failNextCommit(error: Error): void {
    this.#failsNext = error;
  }

  /** Ends the process that used this backend and opens what it left behind. */
  crash(): void {
    if (this.#underWay !== undefined && this.#random.below(2) === 1) this.#durable = this.#underWay;
    this.#underWay = undefined;
    this.#tables = this.#durable;
    this.#life++;
    this.#isClosed = false;
    this.#failure = undefined;
    this.#failsNext = undefined;
  }

  /**
   * Flips one bit of a stored value, as a failing medium would. @returns whether there was a row
   */
  flipBit(bucket: Bucket, rowIndex: number, bitIndex: number): boolean {
    const row = this.#tables[bucket][rowIndex];
    if (row === undefined || bitIndex >= row.value.length * 8) return false;
    const value = row.value.slice();
    value[bitIndex >>> 3] = (value[bitIndex >>> 3] as number) ^ (1 << (bitIndex & 7));
    const rows = this.#tables[bucket].with(rowIndex, { key: row.key, value });
    this.#tables = this.#durable = { ...this.#tables, [bucket]: rows };
    return true;
  }

  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    this.#mustWork();
    const rows = this.#tables[bucket];
    const row = rows[lowerBound(rows, key)];
    return row !== undefined && compareBytes(row.key, key) === 0 ? row.value.slice() : undefined;
  }

  *range(
    bucket: Bucket,
    from: Uint8Array,
    to: Uint8Array | undefined,
    limit: number,
  ): Iterable<BackendRow> {
    this.#mustWork();
    yield* rangeOf(this.#tables[bucket], from, to, limit);
  }

  scan(
    bucket: Bucket,
    visit: (key: Uint8Array, value: Uint8Array, valueLength: number) => void,
  ): void {
    for (const { key, value } of this.range(bucket, new Uint8Array(0), undefined, 0)) {
      visit(key, value, value.length);
      // What was lent is gone now; a visitor that kept it must notice.
      key.fill(0xee);
      value.fill(0xee);
    }
  }

  count(bucket: Bucket): number {
    this.#mustWork();
    return this.#tables[bucket].length;
  }

  async commit(writes: readonly BackendWrite[]): Promise<void> {
    this.#mustWork();
    if (this.#underWay !== undefined) throw new Error('two commits at once');
    const life = this.#life;
    const after = applyWrites(this.#tables, writes);
    this.#underWay = after;
    if (this.#random.below(2) === 1) this.#tables = after;
    for (let turns = this.#random.below(4); turns >= 0; turns--) await Promise.resolve();
    // The process that waits for this commit is gone.
    if (life !== this.#life) return await new Promise<never>(() => {});
    this.#underWay = undefined;
    if (this.#failsNext !== undefined) {
      this.#failure = this.#failsNext;
      throw this.#failure;
    }
    this.#durable = this.#tables = after;
  }

  view(): BackendView {
    this.#mustWork();
    const tables = this.#tables;
    return {
      range: (bucket, from, to, limit) => rangeOf(tables[bucket], from, to, limit),
      count: (bucket) => tables[bucket].length,
      release: () => {},
    };
  }

  async replace(rows: AsyncIterable<readonly BackendWrite[]>): Promise<void> {
    this.#mustWork();
    if (this.#underWay !== undefined) throw new Error('a replacement during a commit');
    const life = this.#life;
    let after = NO_TABLES;
    for await (const writes of rows) after = applyWrites(after, writes);
    if (life !== this.#life) return await new Promise<never>(() => {});
    this.#underWay = after;
    for (let turns = this.#random.below(4); turns >= 0; turns--) await Promise.resolve();
    if (life !== this.#life) return await new Promise<never>(() => {});
    this.#underWay = undefined;
    this.#durable = this.#tables = after;
  }

  async defragment(): Promise<void> {
    this.#mustWork();
  }

  size(): { readonly allocatedBytes: number; readonly usedBytes: number } {
    this.#mustWork();
    let usedBytes = 0;
    for (const bucket of BUCKETS) {
      for (const { key, value } of this.#tables[bucket]) usedBytes += key.length + value.length;
    }
    return { allocatedBytes: usedBytes, usedBytes };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #mustWork(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isClosed) throw new Error('the backend is closed');
  }
}

function* rangeOf(
  rows: Rows,
  from: Uint8Array,
  to: Uint8Array | undefined,
  limit: number,
): Iterable<BackendRow> {
  const start = lowerBound(rows, from);
  let end = to === undefined ? rows.length : lowerBound(rows, to);
  if (limit > 0) end = Math.min(end, start + limit);
  for (let at = start; at < end; at++) {
    const { key, value } = rows[at] as BackendRow;
    yield { key: key.slice(), value: value.slice() };
  }
}

function lowerBound(rows: Rows, key: Uint8Array): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes((rows[middle] as BackendRow).key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function applyWrites(tables: Tables, writes: readonly BackendWrite[]): Tables {
  const changed: Record<Bucket, Rows> = { ...tables };
  for (const bucket of BUCKETS) {
    const own = writes.filter((write) => write.bucket === bucket);
    if (own.length > 0) changed[bucket] = mergeRows(tables[bucket], own);
  }
  return changed;
}

/** The rows after the writes, of which the last for a key counts. */
function mergeRows(rows: Rows, writes: readonly BackendWrite[]): Rows {
  const sorted = writes.toSorted((a, b) => compareBytes(a.key, b.key));
  const merged: BackendRow[] = [];
  let at = 0;
  sorted.forEach((write, index) => {
    const next = sorted[index + 1];
    if (next !== undefined && compareBytes(next.key, write.key) === 0) return;
    let row = rows[at];
    while (row !== undefined && compareBytes(row.key, write.key) < 0) {
      merged.push(row);
      row = rows[++at];
    }
    if (row !== undefined && compareBytes(row.key, write.key) === 0) at++;
    if (write.value !== undefined) {
      merged.push({ key: write.key.slice(), value: write.value.slice() });
    }
  });
  for (; at < rows.length; at++) merged.push(rows[at] as BackendRow);
  return merged;
}
