import type { Backend, BackendRow, Bucket } from '../../ports/backend.js';
import { compareBytes } from '../../store/index.js';
import { keyText } from '../codec/key-text.js';
import type { RowEncoder } from '../codec/row.js';
import { type OverlayRow, WriteLayer } from './write-layer.js';

/**
 * Rows that are not in the backend yet. Readers see the buffer over the rows of a flush under way,
 * over the backend. A flush moves everything in one backend transaction. Never flushes by itself:
 * its owner decides when, and sees to it that a flush falls between two log entries.
 */
export class WriteBuffer {
  readonly #backend: Backend;
  readonly #prepare: (() => void)[] = [];
  #active = new WriteLayer();
  #flushing: WriteLayer | undefined;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Rows that wait for a flush, those of a flush under way not counted. */
  get rowCount(): number {
    return this.#active.rowCount;
  }

  /** Bytes of the values among them. */
  get byteCount(): number {
    return this.#active.byteCount;
  }

  put(bucket: Bucket, key: Uint8Array, value: Uint8Array): void {
    this.#active.set(bucket, keyText(key), value);
  }

  remove(bucket: Bucket, key: Uint8Array): void {
    this.#active.set(bucket, keyText(key), undefined);
  }

  /** Adds the row that the encoder made last, for the next revision. */
  addRow(encoder: RowEncoder): void {
    this.#active.addRow(encoder);
  }

  /** Adds a committed revision, to which the last `rowCount` rows belong. */
  addRevision(main: number, rowCount: number): void {
    this.#active.addRevision(main, rowCount);
  }

  /** Removes the row of one change, for compaction. */
  removeRow(rowKey: Uint8Array): void {
    this.#active.removeRow(rowKey);
  }

  /** Rows of a revision that may not be in the backend yet. They belong to the buffer. */
  rowsOf(main: number): readonly Uint8Array[] | undefined {
    return this.#active.rowsOf(main) ?? this.#flushing?.rowsOf(main);
  }

  /** One of these rows. */
  rowOf(main: number, sub: number): Uint8Array | undefined {
    return this.#active.rowOf(main, sub) ?? this.#flushing?.rowOf(main, sub);
  }

  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    if (bucket === 'key') {
      for (const row of this.range(bucket, key, Uint8Array.of(...key, 0), 1)) return row.value;
      return undefined;
    }
    const text = keyText(key);
    const change = this.#active.find(bucket, text) ?? this.#flushing?.find(bucket, text);
    return change === undefined ? this.#backend.get(bucket, key) : change.value;
  }

  /**
   * Rows with `from` <= key < `to` in byte order, at most `limit` (0: all), as they will be once
   * everything is flushed. Sorts what the buffer holds of the bucket: for small buckets and rare
   * calls. Finish the iteration before the next write or flush.
   */
  *range(
    bucket: Bucket,
    from: Uint8Array,
    to: Uint8Array | undefined,
    limit: number,
  ): Iterable<BackendRow> {
    let left = limit === 0 ? Number.POSITIVE_INFINITY : limit;
    const overlay = this.#overlay(bucket, from, to);
    let at = 0;
    for (const row of this.#backend.range(bucket, from, to, 0)) {
      let order = -1;
      for (; at < overlay.length; at++) {
        const change = overlay[at] as OverlayRow;
        order = compareBytes(row.key, change.key);
        if (order <= 0) break;
        if (change.value === undefined) continue;
        if (left-- <= 0) return;
        yield { key: change.key, value: change.value };
      }
      // A changed row comes from the overlay, in the next turn.
      if (at < overlay.length && order === 0) continue;
      if (left-- <= 0) return;
      yield row;
    }
    for (; at < overlay.length; at++) {
      const { key, value } = overlay[at] as OverlayRow;
      if (value === undefined) continue;
      if (left-- <= 0) return;
      yield { key, value };
    }
  }

  #overlay(bucket: Bucket, from: Uint8Array, to: Uint8Array | undefined): OverlayRow[] {
    const rows = new Map<string, OverlayRow>();
    this.#flushing?.overlay(bucket, rows);
    this.#active.overlay(bucket, rows);
    return [...rows.values()]
      .filter(
        ({ key }) =>
          compareBytes(key, from) >= 0 && (to === undefined || compareBytes(key, to) < 0),
      )
      .sort((a, b) => compareBytes(a.key, b.key));
  }

  /** Forgets what was not flushed: the backend holds another state now. No flush is under way. */
  clear(): void {
    if (this.#flushing !== undefined) throw new Error('a flush of the write buffer is under way');
    this.#active = new WriteLayer();
  }

  /**
   * Has `prepare` called at the start of every flush, to put rows that describe the state as a
   * whole.
   */
  onFlush(prepare: () => void): void {
    this.#prepare.push(prepare);
  }

  /**
   * Swaps the buffer and commits it in one backend transaction; resolves when it is durable. One
   * flush at a time, and only between entries, so that the rows agree with the meta rows among
   * them. Rejects as the backend does; the member must stop then, and readers still see the rows.
   */
  async flush(): Promise<void> {
    if (this.#flushing !== undefined) throw new Error('a flush of the write buffer is under way');
    for (const prepare of this.#prepare) prepare();
    if (this.#active.rowCount === 0) return;
    this.#flushing = this.#active;
    this.#active = new WriteLayer();
    await this.#backend.commit(this.#flushing.writes());
    this.#flushing = undefined;
  }
}
