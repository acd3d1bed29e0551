/**
 * Ordered bytes with one writer and atomic commits, in LMDB's terms: the durable home of the
 * key-value rows. It is a cache of the write-ahead log that can be rebuilt, never the only copy.
 * Any failure is fatal to the member: the caller stops and does not try again.
 */
export interface Backend {
  /** The value under `key`, or undefined. The bytes belong to the caller. */
  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined;
  /**
   * Rows with `from` <= key < `to` in byte order, at most `limit` of them (0: all). Lazy: the rows
   * are of the state when iteration began, so finish it before the next commit.
   */
  range(
    bucket: Bucket,
    from: Uint8Array,
    to: Uint8Array | undefined,
    limit: number,
  ): Iterable<BackendRow>;
  /**
   * Visits every row of a bucket in byte order without copying it: `key` and the first
   * `valueLength` bytes of `value` are lent until `visit` returns. For reading everything once; a
   * backend without it is read by `range`.
   */
  scan?(
    bucket: Bucket,
    visit: (key: Uint8Array, value: Uint8Array, valueLength: number) => void,
  ): void;
  /** Rows in a bucket. */
  count(bucket: Bucket): number;
  /**
   * Applies all writes in order, atomically; resolves when they are durable. Until then `get` and
   * `range` may or may not show them. One commit at a time.
   */
  commit(writes: readonly BackendWrite[]): Promise<void>;
  /** The state of the last commit, kept as it is until released, whatever is committed after. */
  view(): BackendView;
  /**
   * Puts `rows` in the place of everything, as one step: after a crash there is all of the old or
   * all of the new. Rows come in any order, each key of a bucket once. Nothing else may be under
   * way; views that are open end. If `rows` fails, nothing has changed and it rejects with that
   * error.
   * @param shown is called in the step from which on reads show the new rows, which is before they
   * are durable: whoever keeps something that follows from the rows has to renew it there
   */
  replace(rows: AsyncIterable<readonly BackendWrite[]>, shown?: () => void): Promise<void>;
  /**
   * Gives free space back to the file system. Content stays, and so do views that are open; reads
   * go on, nothing else may be under way.
   */
  defragment(): Promise<void>;
  /** Size of the file on disk, and the part of it that holds data, in bytes. */
  size(): { readonly allocatedBytes: number; readonly usedBytes: number };
  close(): Promise<void>;
}

/** The tables of a backend, by etcd's names where etcd has one. */
export type Bucket = 'key' | 'meta' | 'lease' | 'alarm' | 'members';

export const BUCKETS: readonly Bucket[] = ['key', 'meta', 'lease', 'alarm', 'members'];

export interface BackendRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** One write of a commit; `value` undefined removes the row. */
export interface BackendWrite {
  readonly bucket: Bucket;
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** A state of a backend that does not change; must be released. */
export interface BackendView {
  /** As {@link Backend.range}, and valid until the view is released. */
  range(
    bucket: Bucket,
    from: Uint8Array,
    to: Uint8Array | undefined,
    limit: number,
  ): Iterable<BackendRow>;
  count(bucket: Bucket): number;
  /** Ends the view; releasing twice does nothing. */
  release(): void;
}
