/**
 * The words that every room shares. Revisions, versions, terms and indexes are plain numbers: at a
 * million writes a second a revision passes 2^53 after 285 years. Lease, member and cluster ids use
 * all 63 or 64 bits and are bigint.
 */

/** A key or value as a caller may write it: bytes, or text that stands for its UTF-8 bytes. */
export type BytesInput = string | Uint8Array;

/** Who answered, and how far the store was. */
export interface ResponseHeader {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** The store's revision when the answer was made; 1 for a store that was never written to. */
  readonly revision: number;
  readonly raftTerm: number;
}

/** A key with its value and its history in numbers, as of some revision. */
export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Revision at which the key last came into being. */
  readonly createRevision: number;
  /** Revision of the last change. */
  readonly modRevision: number;
  /** Changes since creation; 1 when just created. */
  readonly version: number;
  /** The lease that the key is attached to; 0n for none. */
  readonly lease: bigint;
}

/**
 * One change of one key. The `kv` of a delete carries only `key` and `modRevision`; its other
 * fields are empty or zero.
 */
export interface StoreEvent {
  readonly type: 'put' | 'delete';
  readonly kv: KeyValue;
  /**
   * The pair before this change: only when asked for, and absent when there was none or it is
   * compacted.
   */
  readonly prevKv?: KeyValue;
}

/**
 * All changes of one revision, in the order in which they were made; never split. A watch that
 * asked for progress also gets batches without events: everything up to `revision` has been
 * delivered.
 */
export interface RevisionBatch {
  readonly revision: number;
  readonly events: readonly StoreEvent[];
}

/** What a member is in its cluster at the moment. */
export type Role = 'leader' | 'follower' | 'candidate' | 'learner' | 'stopped' | 'unknown';

/** Whether a store can serve requests, and if not, why. */
export interface Health {
  readonly healthy: boolean;
  /** Empty when healthy; otherwise one line for a person. */
  readonly reason: string;
}
