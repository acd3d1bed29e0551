import { BUCKETS, type BackendWrite, type Bucket } from '../../ports/backend.js';
import { keyOfText, keyText } from '../codec/key-text.js';
import { isTombstoneRow, ROW_KEY_BYTES_MAX, type RowEncoder, writeRowKey } from '../codec/row.js';

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
  /**
   * Rows of revisions, oldest first: the chunk that each lies in, where it begins and where it
   * ends. Thousands wait at a time; as numbers they make no work for the garbage collector.
   */
  readonly #chunks: Uint8Array[] = [];
  readonly #rowChunks: number[] = [];
  readonly #rowStarts: number[] = [];
  readonly #rowEnds: number[] = [];
  /** The first row of each revision, without gaps, from `#firstRevision` on. */
  readonly #firstRows: number[] = [];
  #firstRevision = 0;
  /** Rows of these revisions; those after them belong to a write that has not committed. */
  #revisionRows = 0;
  readonly #changes: Readonly<Record<Bucket, BucketChanges>> = {
    key: new Map(),
    meta: new Map(),
    lease: new Map(),
    alarm: new Map(),
    members: new Map(),
  };
  readonly #removedRows: Uint8Array[] = [];
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

  /** Adds the row that the encoder made last. It counts once its revision is added. */
  addRow({ chunk, start, end }: RowEncoder): void {
    if (this.#chunks.at(-1) !== chunk) this.#chunks.push(chunk);
    this.#rowChunks.push(this.#chunks.length - 1);
    this.#rowStarts.push(start);
    this.#rowEnds.push(end);
    this.#revisionBytes += end - start;
  }

  /** Adds a revision with the last `rowCount` rows. */
  addRevision(main: number, rowCount: number): void {
    if (rowCount === 0) throw new Error(`revision ${main} changes nothing`);
    if (this.#firstRows.length === 0) this.#firstRevision = main;
    if (main !== this.#firstRevision + this.#firstRows.length) {
      throw new Error(`revision ${main} does not follow the one before it`);
    }
    this.#firstRows.push(this.#rowEnds.length - rowCount);
    this.#revisionRows = this.#rowEnds.length;
  }

  /** Removes a row of a revision, of this layer or of one before it. */
  removeRow(rowKey: Uint8Array): void {
    this.#removedRows.push(rowKey);
  }

  /** The rows of a revision; they belong to the layer. Undefined when it is not here. */
  rowsOf(main: number): readonly Uint8Array[] | undefined {
    const first = this.#firstRows[main - this.#firstRevision];
    if (first === undefined) return undefined;
    const rows: Uint8Array[] = [];
    const next = this.#nextRows(main);
    for (let at = first; at < next; at++) rows.push(this.#row(at));
    return rows;
  }

  rowOf(main: number, sub: number): Uint8Array | undefined {
    const first = this.#firstRows[main - this.#firstRevision];
    return first === undefined || first + sub >= this.#nextRows(main)
      ? undefined
      : this.#row(first + sub);
  }

  /** Where the rows of `main` end and those of the next revision begin. */
  #nextRows(main: number): number {
    return this.#firstRows[main + 1 - this.#firstRevision] ?? this.#revisionRows;
  }

  #row(at: number): Uint8Array {
    const chunk = this.#chunks[this.#rowChunks[at] as number] as Uint8Array;
    return chunk.subarray(this.#rowStarts[at], this.#rowEnds[at]);
  }

  /** Puts the writes of the rows of all revisions into `writes`. */
  #addRowWrites(writes: BackendWrite[]): void {
    // Views of one array: an array of its own for each key would be most of what a flush allocates.
    const keys = new Uint8Array(this.#revisionRows * ROW_KEY_BYTES_MAX);
    let keyStart = 0;
    const revisionCount = this.#firstRows.length;
    for (let revision = 0; revision < revisionCount; revision++) {
      const main = this.#firstRevision + revision;
      const first = this.#firstRows[revision] as number;
      const next = this.#nextRows(main);
      for (let at = first; at < next; at++) {
        const value = this.#row(at);
        const keyEnd = writeRowKey(keys, keyStart, main, at - first, isTombstoneRow(value));
        writes.push({ bucket: 'key', key: keys.subarray(keyStart, keyEnd), value });
        keyStart = keyEnd;
      }
    }
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
      const writes: BackendWrite[] = [];
      this.#addRowWrites(writes);
      for (const { key, value } of writes) rows.set(keyText(key), { key, value });
      for (const key of this.#removedRows) rows.set(keyText(key), { key, value: undefined });
    }
    for (const [text, value] of this.#changes[bucket]) {
      rows.set(text, { key: keyOfText(text), value });
    }
  }

  /** Everything as writes. */
  writes(): BackendWrite[] {
    const writes: BackendWrite[] = [];
    this.#addRowWrites(writes);
    for (const key of this.#removedRows) writes.push({ bucket: 'key', key, value: undefined });
    for (const bucket of BUCKETS) {
      for (const [text, value] of this.#changes[bucket]) {
        writes.push({ bucket, key: keyOfText(text), value });
      }
    }
    return writes;
  }
}
