import type { Interval, KeyValue, RangeData, RevisionBatch } from '../../store/index.js';
import { RowCorruptError } from '../codec/row.js';
import { IndexCheckpoint } from './checkpoint.js';
import { Compactor } from './compactor.js';
import { KvHasher } from './hash-kv.js';
import { readHistory } from './history.js';
import type { IndexBuilder } from './index-builder.js';
import { loadRows, takeIndex, tellLeasedKeys } from './loader.js';
import { writeStateRow } from './meta-rows.js';
import { getAt, rangeAt } from './range-read.js';
import { MvccState } from './state.js';
import type { HashKv, MvccOptions, MvccWrite, RangeQuery } from './types.js';
import { WriteSession } from './write-session.js';

export type { HashKv, MvccOptions, MvccWrite, RangePick, RangeQuery } from './types.js';

/**
 * The multiversion store: keys with all their revisions, from an index in memory and rows in the
 * write buffer and the backend. One writer at a time, everything synchronous. It never flushes,
 * tells nobody of changes, and knows leases only as numbers. An error that is not a StoreError
 * means that the backend or the store is broken: the member must stop.
 */
export class Mvcc {
  readonly #state: MvccState;
  readonly #batchRows: number | undefined;
  #compactor: Compactor;
  #checkpoint: IndexCheckpoint;
  #savedRevision = -1;
  #savedRows = -1;

  private constructor(options: MvccOptions) {
    this.#state = new MvccState(options.backend, options.buffer);
    this.#batchRows = options.compactionBatchRows;
    this.#compactor = new Compactor(this.#state, this.#batchRows);
    this.#compactor.restore();
    this.#checkpoint = new IndexCheckpoint(this.#state);
    this.#load(options);
    options.buffer.onFlush(() => this.#saveState());
  }

  #load(options: MvccOptions): void {
    const { onCheckpointRefused, onLeasedKey, onProgress } = options;
    if (this.#checkpoint.load(onCheckpointRefused)) {
      onProgress?.(this.#state.rowCount, this.#state.rowCount);
    } else loadRows(this.#state, options);
    if (onLeasedKey !== undefined) tellLeasedKeys(this.#state, onLeasedKey);
  }

  /**
   * Reads the backend; `compacting` tells whether a compaction was cut off.
   * @throws RowCorruptError when the rows are not what was written
   */
  static async open(options: MvccOptions): Promise<Mvcc> {
    return new Mvcc(options);
  }

  /**
   * The rows of the backend are others now: takes the index that was built of them, in one step, so
   * that no reader sees the index of one state and the rows of another. The buffer must be empty.
   * @throws RowCorruptError when the rows are not what was written, or not those of the index
   */
  reload(built: IndexBuilder, onLeasedKey: (key: Uint8Array, lease: bigint) => void): void {
    const state = this.#state;
    const storedCount = state.backend.count('key');
    if (storedCount !== built.rowCount) {
      throw new RowCorruptError(`${storedCount} rows, and an index of ${built.rowCount}`);
    }
    state.clear();
    this.#compactor = new Compactor(state, this.#batchRows);
    this.#compactor.restore();
    this.#checkpoint = new IndexCheckpoint(state);
    this.#savedRevision = -1;
    this.#savedRows = -1;
    this.#checkpoint.disregard();
    takeIndex(state, built);
    tellLeasedKeys(state, onLeasedKey);
  }

  /** The last committed revision; 1 when nothing was ever written. */
  get revision(): number {
    return this.#state.revision;
  }

  /** Reads below this revision fail. -1 when nothing was compacted, as etcd tells it. */
  get compactRevision(): number {
    return this.#state.compactRevision;
  }

  /** Keys that exist now, those of a write under way included. */
  get keyCount(): number {
    return this.#state.index.liveCount;
  }

  /** A hash of every change up to `revision`; see {@link mixHash}. */
  get rollingHash(): number {
    return this.#state.rollingHash;
  }

  /**
   * Pairs in key order, and how many keys the interval holds.
   * @throws StoreError `Compacted`, `FutureRevision`
   */
  range(interval: Interval, query: RangeQuery): RangeData {
    const state = this.#state;
    return rangeAt(state, interval, query, state.readRevision(query.revision, state.revision));
  }

  /** @throws StoreError `Compacted`, `FutureRevision` */
  get(key: Uint8Array, revision = 0): KeyValue | undefined {
    const state = this.#state;
    return getAt(state, key, state.readRevision(revision, state.revision));
  }

  /**
   * Starts the changes of the next revision. The write before must have ended or changed nothing.
   */
  begin(): MvccWrite {
    const state = this.#state;
    if (state.indexRevision !== state.revision) throw new Error('a write has not been committed');
    const write = new WriteSession(state);
    state.pending = write;
    return write;
  }

  /**
   * Whole revisions above `after` and up to `upTo`, oldest first, at most `limit` of them; events
   * in the order of the changes, without `prevKv`. None follows the revision that makes their keys
   * and values `bytesMax` or more, so that large ones are not all in memory at once.
   * @throws StoreError `Compacted` when `after` + 1 is below the compaction revision: changes made
   * at that revision itself can still be read
   */
  history(
    after: number,
    upTo: number,
    limit: number,
    bytesMax = Number.POSITIVE_INFINITY,
  ): readonly RevisionBatch[] {
    return readHistory(this.#state, after, upTo, limit, bytesMax);
  }

  /**
   * The pair as it was just before `modRevision`; undefined when there was none or it is compacted.
   */
  previous(key: Uint8Array, modRevision: number): KeyValue | undefined {
    const revision = modRevision - 1;
    if (revision < Math.max(this.#state.compactRevision, 1)) return undefined;
    return getAt(this.#state, key, revision);
  }

  /**
   * Discards history below `revision`: reads there fail from now on, rows go with `compactStep`.
   * @throws StoreError `Compacted` when it is not above the last one, `FutureRevision`
   */
  compact(revision: number): void {
    this.#compactor.schedule(revision);
  }

  /** Removes some superseded rows, through the buffer. @returns whether more is left */
  compactStep(): boolean {
    return this.#compactor.step();
  }

  /** Whether superseded rows are still to be removed. */
  get compacting(): boolean {
    return this.#compactor.running;
  }

  /**
   * etcd's hash of all rows up to `revision` (0: now), at once. Reads every row.
   * @throws StoreError `Compacted`, `FutureRevision`
   */
  hashKv(revision: number): HashKv {
    const hash = this.hashing(revision).step(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    if (hash === undefined) throw new Error('a hash without bounds did not end');
    return hash;
  }

  /**
   * The same in parts, between which everything else may go on.
   * @throws StoreError `Compacted`, `FutureRevision`
   */
  hashing(revision: number): KvHasher {
    return new KvHasher(this.#state, revision);
  }

  /**
   * Writes the index to the backend so that the next open is quick: at a clean end, after the last
   * flush, when no write can follow. Leaves a checkpoint that still fits as it is, and makes none
   * of a store that is empty or that a compaction is under way in.
   * @returns whether the backend holds one now
   * @throws what the backend's commit rejects with; nothing is lost by it
   */
  saveCheckpoint(): Promise<boolean> {
    return this.#checkpoint.save(this.compacting);
  }

  /** Bytes of the backend that a checkpoint takes; the next change gives them back. */
  get checkpointBytes(): number {
    return this.#checkpoint.byteCount;
  }

  #saveState(): void {
    const { revision, rollingHash, rowCount, buffer, indexRevision } = this.#state;
    if (indexRevision !== revision) throw new Error('a flush began in the middle of a write');
    this.#checkpoint.dropIfStale();
    if (revision === this.#savedRevision && rowCount === this.#savedRows) return;
    writeStateRow(buffer, { revision, rollingHash, rowCount });
    this.#savedRevision = revision;
    this.#savedRows = rowCount;
  }
}
