import { decodeRowKey, RowCorruptError, RowReader } from '../codec/row.js';
import { OrderedIndex } from './ordered-index.js';

/** Rows from which something is missing, and the compaction that would explain it. */
interface Gap {
  /** The least compaction revision that does. */
  readonly compactRevision: number;
  readonly found: string;
}

/**
 * An index in the making: it is given every row of a state in the order of their keys, checks all
 * that rows can tell, and belongs to nobody before its end. So a store goes on with the index that
 * it has while another one grows.
 */
export class IndexBuilder {
  readonly index = new OrderedIndex();
  /** Rows so far, and the revision of the last one; 0 before the first. */
  rowCount = 0;
  lastMain = 0;
  #lastSub = -1;
  #gap: Gap | undefined;
  readonly #reader = new RowReader();

  /**
   * Takes the next row. Keeps no hold of the bytes.
   * @param length how much of `bytes` is the row
   * @throws RowCorruptError for a damaged row, and for one that does not follow the one before
   */
  add(rowKey: Uint8Array, bytes: Uint8Array, length = bytes.length): void {
    const { main, sub, tombstone } = decodeRowKey(rowKey);
    this.#checkOrder(main, sub);
    const { index } = this;
    const reader = this.#reader;
    reader.open(main, sub, tombstone, bytes, length);
    const key = reader.key;
    const record = {
      main,
      create: reader.createRevision,
      version: reader.version,
      place: sub * 2 + (tombstone ? 1 : 0),
      lease: reader.lease,
    };
    if (index.seek(key)) index.supersede(record);
    else index.insert(key, record);
    this.rowCount++;
  }

  /** Only compaction makes gaps. The first revision above it is the one that follows it. */
  #checkOrder(main: number, sub: number): void {
    const isNext =
      main === this.lastMain
        ? sub === this.#lastSub + 1
        : sub === 0 && main === Math.max(this.lastMain, 1) + 1;
    if (!isNext) {
      const found = `row ${sub} of revision ${main} follows row ${this.#lastSub} of ${this.lastMain}`;
      const isAbove = main > this.lastMain || (main === this.lastMain && sub > this.#lastSub);
      if (!isAbove) throw new RowCorruptError(found);
      const compactRevision = sub === 0 ? main - 1 : main;
      if (compactRevision > (this.#gap?.compactRevision ?? -1)) {
        this.#gap = { compactRevision, found };
      }
    }
    this.lastMain = main;
    this.#lastSub = sub;
  }

  /** @throws RowCorruptError when rows are missing that no compaction up to there has removed */
  mustBeWhole(compactRevision: number): void {
    const gap = this.#gap;
    if (gap !== undefined && gap.compactRevision > compactRevision) {
      throw new RowCorruptError(gap.found);
    }
  }
}
