import { BUCKETS, type BackendRow, type BackendWrite, type Bucket } from '../../ports/backend.js';
import type { RevisionBatch } from '../../store/index.js';
import { keyOfText, keyText } from '../codec/key-text.js';
import { encodeRowKey } from '../codec/row.js';

/** One revision on its way to the backend: what readers are told of it, and its rows. */
export interface PendingRevision {
  readonly batch: RevisionBatch;
  /** The stored value of each event, in the same order. */
  readonly values: readonly Uint8Array[];
}

/** A changed row; `value` undefined: it is removed. */
export interface OverlayRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

type BucketChanges = Map<string, Uint8Array | undefined>;

/**
 * What one flush will write. Revisions are kept as they were committed and found by number; rows
 * that compaction removes come after them, and changes of other rows, which are found by key, at
 * the end.
 */
export class WriteLayer {
  readonly #revisions = new Map<number, PendingRevision>();
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

  addRevision(pending: PendingRevision): void {
    this.#revisions.set(pending.batch.revision, pending);
    this.#revisionRows += pending.values.length;
    for (const value of pending.values) this.#revisionBytes += value.length;
  }

  /** Removes a row of a revision, of this layer or of one before it. */
  removeRow(rowKey: Uint8Array): void {
    this.#removedRows.push(rowKey);
  }

  revision(main: number): PendingRevision | undefined {
    return this.#revisions.get(main);
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
      for (const row of this.#revisionRowsInOrder()) rows.set(keyText(row.key), row);
      for (const key of this.#removedRows) rows.set(keyText(key), { key, value: undefined });
    }
    for (const [text, value] of this.#changes[bucket]) {
      rows.set(text, { key: keyOfText(text), value });
    }
  }

  *#revisionRowsInOrder(): Iterable<BackendRow> {
    for (const { batch, values } of this.#revisions.values()) {
      for (let sub = 0; sub < values.length; sub++) {
        const tombstone = batch.events[sub]?.type === 'delete';
        yield {
          key: encodeRowKey(batch.revision, sub, tombstone),
          value: values[sub] as Uint8Array,
        };
      }
    }
  }

  writes(): BackendWrite[] {
    const writes: BackendWrite[] = [];
    for (const { batch, values } of this.#revisions.values()) {
      const { revision, events } = batch;
      for (let sub = 0; sub < values.length; sub++) {
        const key = encodeRowKey(revision, sub, events[sub]?.type === 'delete');
        writes.push({ bucket: 'key', key, value: values[sub] });
      }
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
