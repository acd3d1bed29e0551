import type { BackendRow, BackendView, Bucket } from '../ports/backend.js';

/** Rows that one look into lmdb takes, at most, */
const SLICE_ROWS = 256;
/** and the bytes from which on it takes no further one. */
const SLICE_BYTES = 1_048_576;

/** The read transaction behind a view. */
export interface ViewSource {
  /** As the backend's `range`, of the state of this transaction. */
  range(
    bucket: Bucket,
    from: Uint8Array,
    to: Uint8Array | undefined,
    limit: number,
  ): Iterable<BackendRow>;
  readonly counts: Readonly<Record<Bucket, number>>;
  end(): void;
}

/**
 * A state of an LMDB environment that does not change, for readers that take their time. Rows are
 * taken in slices, so that no cursor is open while its reader waits: closing an environment under
 * an open cursor ends the process. It keeps lmdb from using freed pages again as long as it lives.
 */
export class LmdbView implements BackendView {
  #source: ViewSource | undefined;

  constructor(source: ViewSource) {
    this.#source = source;
  }

  *range(
    bucket: Bucket,
    from: Uint8Array,
    to: Uint8Array | undefined,
    limit: number,
  ): Iterable<BackendRow> {
    let start = from;
    let left = limit === 0 ? Number.POSITIVE_INFINITY : limit;
    for (;;) {
      const slice = this.#slice(bucket, start, to, left);
      yield* slice.rows;
      left -= slice.rows.length;
      const last = slice.rows.at(-1);
      if (slice.isLast || last === undefined || left <= 0) return;
      start = successor(last.key);
    }
  }

  #slice(
    bucket: Bucket,
    from: Uint8Array,
    to: Uint8Array | undefined,
    limit: number,
  ): { readonly rows: readonly BackendRow[]; readonly isLast: boolean } {
    const rows: BackendRow[] = [];
    let byteCount = 0;
    for (const row of this.#live().range(bucket, from, to, Math.min(limit, SLICE_ROWS))) {
      rows.push(row);
      byteCount += row.value.length;
      if (byteCount >= SLICE_BYTES) return { rows, isLast: false };
    }
    return { rows, isLast: rows.length < SLICE_ROWS };
  }

  count(bucket: Bucket): number {
    return this.#live().counts[bucket];
  }

  release(): void {
    this.#source?.end();
    this.#source = undefined;
  }

  #live(): ViewSource {
    if (this.#source === undefined) throw new Error('this view of the backend has ended');
    return this.#source;
  }
}

/** The smallest key above `key`. */
function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
