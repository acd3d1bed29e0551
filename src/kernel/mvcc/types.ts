import type { Backend } from '../../ports/backend.js';
import type { Interval, KeyValue, RangeData, RevisionBatch } from '../../store/index.js';
import type { WriteBuffer } from './write-buffer.js';

/** The words of the multiversion store's interface: what it is opened with, asked, and answers. */
export interface MvccOptions {
  readonly backend: Backend;
  /** The buffer over this backend, empty when the store is opened. */
  readonly buffer: WriteBuffer;
  /** Rows that one step of a compaction visits. */
  readonly compactionBatchRows?: number | undefined;
  /** Called while opening, for each live key that is attached to a lease. */
  readonly onLeasedKey?: (key: Uint8Array, lease: bigint) => void;
  /**
   * Called while opening when the backend holds a checkpoint of the index that cannot be used, with
   * the reason; the index is built from the rows then.
   */
  readonly onCheckpointRefused?: (reason: string) => void;
  /** Called now and then while opening: rows read so far, and all there are. */
  readonly onProgress?: (rows: number, total: number) => void;
}

/** What a revision may be, both bounds included; 0: no bound. */
export interface RevisionBounds {
  readonly minCreateRevision: number;
  readonly maxCreateRevision: number;
  readonly minModRevision: number;
  readonly maxModRevision: number;
}

/** Which few of a range are wanted, by numbers that the index knows. */
export interface RangePick extends RevisionBounds {
  readonly by: 'create' | 'mod' | 'version';
  readonly descending: boolean;
  /** So many of the first ones. */
  readonly count: number;
}

export interface RangeQuery {
  /** Read the store as it was at this revision; 0: now. */
  readonly revision: number;
  /** At most this many pairs; 0: all. */
  readonly limit: number;
  readonly countOnly: boolean;
  readonly keysOnly: boolean;
  /**
   * A leave to skip what is not picked, for who would throw it away; where it is not made use of,
   * the answer is the whole range. `count` is of the whole range in either case.
   */
  readonly pick?: RangePick | undefined;
}

export interface PutOutcome {
  /** The pair that was replaced, when asked for and there was one. */
  readonly previous: KeyValue | undefined;
  /** The lease that the key was attached to, 0n for none; the caller detaches it. */
  readonly previousLease: bigint;
}

export interface DeleteOutcome {
  readonly deleted: number;
  /** The deleted pairs when asked for, else empty. */
  readonly previous: readonly KeyValue[];
  /** Every deleted key and the lease that it was attached to, 0n for none. */
  readonly keys: readonly { readonly key: Uint8Array; readonly lease: bigint }[];
}

/** What a member compares with others of its cluster. */
export interface HashKv {
  readonly hash: number;
  /** The revision up to which rows were hashed. */
  readonly hashRevision: number;
  readonly compactRevision: number;
}

/**
 * The changes of one revision while they are being made. Nothing outside sees them before `commit`.
 */
export interface MvccWrite {
  /** The revision that these changes get: current + 1. */
  readonly revision: number;
  /** Changes made so far in this write. */
  readonly changeCount: number;
  /**
   * As the range of the store, but with revision 0 it sees this write's own changes.
   * @throws StoreError `Compacted`, `FutureRevision`
   */
  range(interval: Interval, query: RangeQuery): RangeData;
  get(key: Uint8Array): KeyValue | undefined;
  /** Keeps hold of `key` and `value`, which must not be changed afterwards. */
  put(key: Uint8Array, value: Uint8Array, lease: bigint, wantPrevious: boolean): PutOutcome;
  deleteRange(interval: Interval, wantPrevious: boolean): DeleteOutcome;
  /** Makes the changes visible; undefined, and no new revision, when there were none. */
  commit(): RevisionBatch | undefined;
}
