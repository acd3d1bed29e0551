import {
  type Backend,
  type BackendRow,
  type BackendView,
  type BackendWrite,
  BUCKETS,
  type Bucket,
} from '../ports/backend.js';
import type { Random } from '../ports/random.js';
import { SortedRows } from './sorted-rows.js';

type Tables = Readonly<Record<Bucket, SortedRows>>;

const NO_TABLES: Tables = {
  key: SortedRows.EMPTY,
  meta: SortedRows.EMPTY,
  lease: SortedRows.EMPTY,
  alarm: SortedRows.EMPTY,
  members: SortedRows.EMPTY,
};

/** A call of which a crash leaves all or nothing. */
type Attempt = 'commit' | 'replace' | 'defragment';

/**
 * The Backend port in memory. A commit becomes durable some microtasks after it was called, or
 * never: after `crash` the object stands for the file as the next process finds it, in which an
 * unresolved commit is there entirely or not at all, and likewise a replacement. Each state shares
 * what did not change with the one before, so that states are cheap and iteration sees the one at
 * which it began.
 *
 * @example
 * const backend = new SimBackend(new SimRandom(42));
 * backend.crash(); // what was not committed is gone
 */
export class SimBackend implements Backend {
  readonly #random: Random;
  /** What a new process would find. */
  #durable: Tables = NO_TABLES;
  /** What this process sees: the durable state, or already that of the commit under way. */
  #tables: Tables = NO_TABLES;
  /** What may be durable already, though nobody was told. */
  #underWay: Tables | undefined;
  #writing: Attempt | undefined;
  /** Counts crashes: a commit of an earlier life has no effect. */
  #life = 0;
  /** Counts replacements, which end views. */
  #replacements = 0;
  #isClosed = false;
  #failure: Error | undefined;
  #failsNext: Error | undefined;
  #crashesIn: { rest: number; readonly end: () => void } | undefined;
  #callCount = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Durable calls so far: commits, replacements and defragmentations. */
  get callCount(): number {
    return this.#callCount;
  }

  /** Makes the next durable call reject, and the backend fail from then on until a crash. */
  failNextCommit(error: Error): void {
    this.#failsNext = error;
  }

  /**
   * Plans the end of the process in the middle of the `nth` durable call from now on (1: the next):
   * it never resolves. `end` is called; it has to call {@link crash}, now or later.
   */
  crashInCall(nth: number, end: () => void): void {
    this.#crashesIn = { rest: nth, end };
  }

  /** Ends the process that used this backend and opens what it left behind. */
  crash(): void {
    if (this.#underWay !== undefined && this.#random.below(2) === 1) this.#durable = this.#underWay;
    this.#underWay = undefined;
    this.#writing = undefined;
    this.#tables = this.#durable;
    this.#life++;
    this.#isClosed = false;
    this.#failure = undefined;
    this.#failsNext = undefined;
    this.#crashesIn = undefined;
  }

  /** What a new process would find now, as a backend of its own: somebody copied the file. */
  copy(): SimBackend {
    const other = new SimBackend(this.#random);
    other.#durable = other.#tables = this.#durable;
    return other;
  }

  /**
   * Flips one bit of a stored value, as a failing medium would. @returns whether there was a row
   */
  flipBit(bucket: Bucket, rowIndex: number, bitIndex: number): boolean {
    const row = this.#tables[bucket].rowAt(rowIndex);
    if (row === undefined || bitIndex >= row.value.length * 8) return false;
    const value = row.value.slice();
    value[bitIndex >>> 3] = (value[bitIndex >>> 3] as number) ^ (1 << (bitIndex & 7));
    const rows = this.#tables[bucket].withRowAt(rowIndex, ({ key }) => ({ key, value }));
    this.#tables = this.#durable = { ...this.#tables, [bucket]: rows };
    return true;
  }

  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    this.#mustWork();
    return this.#tables[bucket].find(key)?.value.slice();
  }

  *range(
    bucket: Bucket,
    from: Uint8Array,
    to: Uint8Array | undefined,
    limit: number,
  ): Iterable<BackendRow> {
    this.#mustWork();
    yield* this.#tables[bucket].range(from, to, limit);
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
    return this.#tables[bucket].count;
  }

  async commit(writes: readonly BackendWrite[]): Promise<void> {
    this.#begin('commit');
    const after = applyWrites(this.#tables, writes);
    if (this.#random.below(2) === 1) this.#tables = after;
    await this.#settle(after, this.#life);
  }

  view(): BackendView {
    this.#mustWork();
    const tables = this.#durable;
    const life = this.#life;
    const replacements = this.#replacements;
    let isReleased = false;
    const mustLive = (): void => {
      const isOld = life !== this.#life || replacements !== this.#replacements;
      if (isReleased || isOld || this.#isClosed) {
        throw new Error('this view of the backend has ended');
      }
    };
    return {
      *range(bucket, from, to, limit) {
        mustLive();
        for (const row of tables[bucket].range(from, to, limit)) {
          mustLive();
          yield row;
        }
      },
      count: (bucket) => {
        mustLive();
        return tables[bucket].count;
      },
      release: () => {
        isReleased = true;
      },
    };
  }

  async replace(rows: AsyncIterable<readonly BackendWrite[]>, shown?: () => void): Promise<void> {
    this.#begin('replace');
    const life = this.#life;
    let after = NO_TABLES;
    try {
      for await (const writes of rows) {
        if (life !== this.#life) return await never();
        after = applyWrites(after, writes);
      }
    } catch (error) {
      if (life === this.#life) this.#writing = undefined;
      throw error;
    }
    if (life !== this.#life) return await never();
    await this.#settle(after, life);
    this.#replacements++;
    shown?.();
  }

  async defragment(): Promise<void> {
    this.#begin('defragment');
    await this.#settle(this.#tables, this.#life);
  }

  #begin(attempt: Attempt): void {
    this.#mustWork();
    if (this.#writing !== undefined) throw new Error(`a ${attempt} during a ${this.#writing}`);
    this.#writing = attempt;
    this.#callCount++;
  }

  /** Makes a state durable, after some microtasks, or as whoever plans failures wants it. */
  async #settle(after: Tables, life: number): Promise<void> {
    this.#underWay = after;
    for (let turns = this.#random.below(4); turns >= 0; turns--) await Promise.resolve();
    // The process that waits for this commit is gone.
    if (life !== this.#life) return await never();
    if (this.#crashesIn !== undefined && --this.#crashesIn.rest === 0) {
      this.#crashesIn.end();
      return await never();
    }
    this.#underWay = undefined;
    this.#writing = undefined;
    if (this.#failsNext !== undefined) {
      this.#failure = this.#failsNext;
      throw this.#failure;
    }
    this.#durable = this.#tables = after;
  }

  size(): { readonly allocatedBytes: number; readonly usedBytes: number } {
    this.#mustWork();
    let usedBytes = 0;
    for (const bucket of BUCKETS) usedBytes += this.#tables[bucket].byteCount;
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

function never(): Promise<never> {
  return new Promise<never>(() => {});
}

function applyWrites(tables: Tables, writes: readonly BackendWrite[]): Tables {
  if (writes.length === 0) return tables;
  const changed: Record<Bucket, SortedRows> = { ...tables };
  for (const bucket of BUCKETS) {
    const own = writes.filter((write) => write.bucket === bucket);
    if (own.length > 0) changed[bucket] = tables[bucket].with(own);
  }
  return changed;
}
