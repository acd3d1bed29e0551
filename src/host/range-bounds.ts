/** What of a table lmdb is asked for; `limit` 0 means all, which lmdb says by leaving it out. */
export interface RangeBounds {
  readonly start: Uint8Array;
  readonly end?: Uint8Array;
  readonly limit?: number;
}

/** Rows with `from` <= key < `to`, in lmdb's words. */
export function boundsOf(from: Uint8Array, to: Uint8Array | undefined, limit: number): RangeBounds {
  const bounds = to === undefined ? { start: from } : { start: from, end: to };
  return limit === 0 ? bounds : { ...bounds, limit };
}
