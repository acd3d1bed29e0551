import type { KeyRange } from './range.js';
import type { BytesInput, KeyValue, ResponseHeader } from './types.js';

/** Sets one key. */
export interface PutRequest {
  readonly key: BytesInput;
  /** Absent means empty. */
  readonly value?: BytesInput;
  /** Attach the key to this lease; 0n or absent detaches it from any. */
  readonly lease?: bigint;
  /** Answer with the pair as it was before. */
  readonly prevKv?: boolean;
  /** Keep the value that the key has; the key must exist and `value` must be empty. */
  readonly ignoreValue?: boolean;
  /** Keep the lease that the key has; the key must exist and `lease` must be zero. */
  readonly ignoreLease?: boolean;
}

/** The answer to a put. */
export interface PutResult {
  readonly header: ResponseHeader;
  readonly prevKv?: KeyValue;
}

/** Deletes one key or a range of keys in one revision; deleting nothing makes no revision. */
export interface DeleteRequest extends KeyRange {
  /** Answer with the deleted pairs. */
  readonly prevKv?: boolean;
}

/** The answer to a delete. */
export interface DeleteResult {
  readonly header: ResponseHeader;
  /** How many keys were deleted. */
  readonly deleted: number;
  /** The deleted pairs when `prevKv` was asked for, else empty. */
  readonly prevKvs: readonly KeyValue[];
}

/**
 * Discards history below `revision`: older reads and watches fail with `Compacted` from then on.
 */
export interface CompactRequest {
  readonly revision: number;
  /** Resolve only when the rows are gone from the backend too. */
  readonly physical?: boolean;
}

/** That history up to the revision is gone, or is going. */
export interface CompactResult {
  readonly header: ResponseHeader;
}
