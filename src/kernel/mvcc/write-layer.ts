import { BUCKETS, type BackendWrite, type Bucket } from '../../ports/backend.js';
import { keyOfText, keyText } from '../codec/key-text.js';
import { encodeRowKey, isTombstoneRow } from '../codec/row.js';

/**
 * The stored rows of one revision, in the order of its changes; the row itself when there is one.
 * Thousands of revisions wait at a time, so each is kept as little more than its bytes: what makes
 * no objects makes no work for the garbage collector.
 */
type RevisionRows = Uint8Array | readonly Uint8Array[];

/** A changed row; `value` undefined: it is removed. */
export interface OverlayRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

type BucketChanges = Map<string, Uint8Array | undefined>;

/**
 * What one flush will write. Rows of revisions are found by the number of the revision; rows
 * that compaction removes come after them, and changes of other rows, which are found by key, at
 * the end.
 */
export class WriteLayer {
  /** Rows by revision, without gaps, the first of them those of `#firstRevision`. */
  readonly #revisions: RevisionRows[] = [];
  #firstRevision = 0;
  readonly #changes: Readonly<Record<Bucket, BucketChanges>> = {
    key: new Map(),
    meta: new Map(),
    lease: new Map(),
    alarm: new Map(),
    members: new Map(),
  };
  readonly #removedRows: Uint8Array[] = [];
  #revisionRows = 0;
  #revisionBytes = 0;

  /** Bytes of the values of revisions; other rows are small. */
  get byteCount(): number {
    return this.#revisionBytes;
  }

  get rowCount(): number {
    let count = this.#revisionRows + this.#removedRows.length;
    for (const bucket of BUCKETS) count += this.#changes[bucket].size;
    return count;
  }

  addRevision(main: number, rows: readonly Uint8Array[]): void {
    const [first] = rows;
    if (first === undefined) throw new Error(`revision ${main} changes nothing`);
    if (this.#revisions.length === 0) this.#firstRevision = main;
    if (main !== this.#firstRevision + this.#revisions.length) {
      throw new Error(`revision ${main} does not follow the one before it`);
    }
    this.#revisions.push(rows.length === 1 ? first : rows);
    this.#revisionRows += rows.length;
    for (const row of rows) this.#revisionBytes += row.length;
  }

  /** Removes a row of a revision, of this layer or of one before it. */
  removeRow(rowKey: Uint8Array): void {
    this.#removedRows.push(rowKey);
  }

  /** The rows of a revision; they belong to the layer. Undefined when it is not here. */
  rowsOf(main: number): readonly Uint8Array[] | undefined {
    const rows = this.#revisions[main - this.#firstRevision];
    return rows instanceof Uint8Array ? [rows] : rows;
  }

  /** One row of a revision; it belongs to the layer. */
  rowOf(main: number, sub: number): Uint8Array | undefined {
    const rows = this.#revisions[main - this.#firstRevision];
    if (rows instanceof Uint8Array) return sub === 0 ? rows : undefined;
    return rows?.[sub];
  }

  set(bucket: Bucket, key: string, value: Uint8Array | undefined): void {
    this.#changes[bucket].set(key, value);
  }

  /**
   * The change of a row, or undefined when this layer leaves it alone. Not for rows of revisions.
   */
  find(bucket: Bucket, key: string): OverlayRow | undefined {
    const changes = this.#changes[bucket];
    const value = changes.get(key);
    if (value === undefined && !changes.has(key)) return undefined;
    return { key: keyOfText(key), value };
  }

  /** Puts every change of the bucket into `rows`, over what is there. */
  overlay(bucket: Bucket, rows: Map<string, OverlayRow>): void {
    if (bucket === 'key') {
      for (const [at, revision] of this.#revisions.entries()) {
        const main = this.#firstRevision + at;
        const all = revision instanceof Uint8Array ? [revision] : revision;
        for (const [sub, row] of all.entries()) {
          const { key, value } = writeOf(main, sub, row);
          rows.set(keyText(key), { key, value });
        }
      }
      for (const key of this.#removedRows) rows.set(keyText(key), { key, value: undefined });
    }
    for (const [text, value] of this.#changes[bucket]) {
      rows.set(text, { key: keyOfText(text), value });
    }
  }

  /** Everything as writes. Plain loops: this runs for each of the rows at every flush. */
  writes(): BackendWrite[] {
    const writes: BackendWrite[] = [];
    const revisions = this.#revisions;
    for (let at = 0; at < revisions.length; at++) {
      const main = this.#firstRevision + at;
      const rows = revisions[at] as RevisionRows;
      if (rows instanceof Uint8Array) writes.push(writeOf(main, 0, rows));
      else for (const [sub, row] of rows.entries()) writes.push(writeOf(main, sub, row));
    }
    for (const key of this.#removedRows) writes.push({ bucket: 'key', key, value: undefined });
    for (const bucket of BUCKETS) {
      for (const [text, value] of this.#changes[bucket]) {
        writes.push({ bucket, key: keyOfText(text), value });
      }
    }
    return writes;
  }
}

function writeOf(main: number, sub: number, value: Uint8Array): BackendWrite {
  return { bucket: 'key', key: encodeRowKey(main, sub, isTombstoneRow(value)), value };
}
