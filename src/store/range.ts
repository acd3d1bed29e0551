import type { BytesInput, KeyValue, ResponseHeader } from './types.js';

/**
 * Which keys: the single `key` when `rangeEnd` is absent or empty, otherwise key <= k < rangeEnd.
 * A `rangeEnd` of one zero byte means every key from `key` on. The helpers `prefix`, `fromKey` and
 * `allKeys` of `key-range.ts` build the usual ones.
 */
export interface KeyRange {
  readonly key: BytesInput;
  readonly rangeEnd?: BytesInput;
}

/** What the pairs of an answer are sorted by. */
export type SortTarget = 'key' | 'version' | 'create' | 'mod' | 'value';
/** Which way they are sorted; what `none` means, a request's `sortOrder` says. */
export type SortOrder = 'none' | 'ascend' | 'descend';

/** A read of one key or of a range of keys, at one revision. */
export interface RangeRequest extends KeyRange {
  /** At most this many pairs; 0 or absent: all. `count` is not affected. */
  readonly limit?: number;
  /** Read the store as it was at this revision; 0 or absent: now. */
  readonly revision?: number;
  readonly sortTarget?: SortTarget;
  /**
   * `none` with another target than `key` sorts ascending, but with a limit only among the first
   * pairs by key: name the order where the first of all is meant.
   */
  readonly sortOrder?: SortOrder;
  /**
   * Answer from the member's own state, which may lag, instead of a state that includes every
   * acknowledged write.
   */
  readonly serializable?: boolean;
  /** Leave the values out. */
  readonly keysOnly?: boolean;
  /** Leave the pairs out; only `count`. */
  readonly countOnly?: boolean;
  readonly minModRevision?: number;
  readonly maxModRevision?: number;
  readonly minCreateRevision?: number;
  readonly maxCreateRevision?: number;
}

/** The pairs found. */
export interface RangeData {
  readonly kvs: readonly KeyValue[];
  /** True when `limit` cut the answer. */
  readonly more: boolean;
  /** All keys in the range at that revision, whatever the limit and the revision filters. */
  readonly count: number;
}

/** The answer to a range. */
export interface RangeResult extends RangeData {
  readonly header: ResponseHeader;
}
