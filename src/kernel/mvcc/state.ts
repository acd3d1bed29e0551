import type { Backend } from '../../ports/backend.js';
import { EMPTY_BYTES, type KeyValue, type StoreEvent, StoreError } from '../../store/index.js';
import { lookupRowKey, RowCorruptError, RowEncoder, RowReader } from '../codec/row.js';
import type { IndexLeaf } from './index-leaf.js';
import { OrderedIndex } from './ordered-index.js';
import type { WriteBuffer } from './write-buffer.js';

/** The changes of a write that has not committed. The index knows them already. */
export interface PendingWrite {
  readonly revision: number;
  readonly events: readonly StoreEvent[];
}

/**
 * What the parts of the multiversion store share: the index, where rows are, and how far things
 * are. Finds the revision of a key that a reader may see, and the row that belongs to it.
 */
export class MvccState {
  readonly backend: Backend;
  readonly buffer: WriteBuffer;
  index = new OrderedIndex();
  readonly encoder = new RowEncoder();
  readonly reader = new RowReader();
  revision = 1;
  /** -1 as long as nothing was compacted, as in etcd. */
  compactRevision = -1;
  rollingHash = 0;
  /** Rows in the bucket `key`, those still in the buffer included. */
  rowCount = 0;
  pending: PendingWrite | undefined;
  /** What the last {@link sees} found. */
  seenMain = 0;
  seenPlace = 0;

  constructor(backend: Backend, buffer: WriteBuffer) {
    this.backend = backend;
    this.buffer = buffer;
  }

  /** Forgets everything that was read from the rows. */
  clear(): void {
    this.index = new OrderedIndex();
    this.revision = 1;
    this.compactRevision = -1;
    this.rollingHash = 0;
    this.rowCount = 0;
    this.pending = undefined;
  }

  /** The newest revision that the index holds: one ahead while a write makes changes. */
  get indexRevision(): number {
    const { pending } = this;
    return pending !== undefined && pending.events.length > 0 ? pending.revision : this.revision;
  }

  /**
   * The revision to read at, for a reader that may see up to `newest`.
   * @throws StoreError `FutureRevision`, `Compacted`
   */
  readRevision(asked: number, newest: number): number {
    if (asked > newest) throw new StoreError('FutureRevision');
    const revision = asked <= 0 ? newest : asked;
    if (revision < this.compactRevision) throw this.compacted();
    return revision;
  }

  compacted(): StoreError {
    return new StoreError('Compacted', undefined, { compactRevision: this.compactRevision });
  }

  /**
   * Whether the key existed at `revision`; then `seenMain` and `seenPlace` say which row it had.
   */
  sees(leaf: IndexLeaf, slot: number, revision: number): boolean {
    const main = leaf.main(slot);
    if (main <= revision) {
      this.seenMain = main;
      this.seenPlace = leaf.place(slot);
    } else {
      const history = leaf.history(slot);
      const at = history === undefined ? -1 : history.find(revision);
      if (history === undefined || at < 0) return false;
      this.seenMain = history.main(at);
      this.seenPlace = history.place(at);
    }
    return this.seenPlace % 2 === 0;
  }

  /**
   * The pair in the row of a put.
   * @throws RowCorruptError when the row is missing or damaged
   */
  readRow(main: number, place: number, withValue: boolean): KeyValue {
    const sub = place / 2;
    if (this.pending?.revision === main) {
      const event = this.pending.events[sub];
      if (event === undefined) throw new Error(`the write under way has no change ${sub}`);
      return withValue ? event.kv : { ...event.kv, value: EMPTY_BYTES };
    }
    // A copy: what a caller does to the pair must not reach the row that is still to be stored.
    const row =
      this.buffer.rowOf(main, sub)?.slice() ?? this.backend.get('key', lookupRowKey(main, sub));
    if (row === undefined) throw new RowCorruptError(`row ${sub} of revision ${main} is missing`);
    this.reader.open(main, sub, false, row);
    return this.reader.keyValue(withValue);
  }

  /** The pair as the index knows it: everything but the value. */
  readKeyOnly(leaf: IndexLeaf, slot: number): KeyValue {
    return {
      key: leaf.key(slot),
      value: EMPTY_BYTES,
      createRevision: leaf.create(slot),
      modRevision: leaf.main(slot),
      version: leaf.version(slot),
      lease: leaf.lease(slot),
    };
  }
}
