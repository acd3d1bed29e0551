import type { BackendWrite } from '../../ports/backend.js';
import { compareBytes } from '../../store/index.js';
import { decodeRowKey, encodeRowKey, RowEncoder, RowReader } from '../codec/row.js';
import { type StateRow, writeCompactRow, writeStateRow } from '../mvcc/meta-rows.js';
import type { WriteBuffer } from '../mvcc/write-buffer.js';

/** Deleted at the new revision. Nobody has it; a state that does have it is refused. */
const MARKER_KEY = new TextEncoder().encode('\0tidelock/restored');

/**
 * Lets a restored state go on from a much later revision than it had, with all before it compacted.
 * A revision is real only when a row has it, so one row is added: the deletion of a key that never
 * was, which the next compaction takes.
 */
export class RevisionBump {
  readonly #amount: number;
  readonly #reader = new RowReader();

  constructor(amount: number) {
    if (!Number.isSafeInteger(amount) || amount < 0) throw new Error(`a bump of ${amount}`);
    this.#amount = amount;
  }

  /**
   * Looks at a row of the state.
   * @throws RowCorruptError; an Error for a row of the key that marks the bump
   */
  pass({ key, value }: { readonly key: Uint8Array; readonly value: Uint8Array }): void {
    const { main, sub, tombstone } = decodeRowKey(key);
    this.#reader.open(main, sub, tombstone, value);
    if (compareBytes(this.#reader.key, MARKER_KEY) === 0 && !tombstone) {
      throw new Error('the state has the key that marks a bump of the revision');
    }
  }

  /** Puts the rows that speak of the store as a whole. @returns the row of the new revision */
  writeTo(buffer: WriteBuffer, state: StateRow): BackendWrite {
    const revision = state.revision + this.#amount;
    writeStateRow(buffer, { ...state, revision, rowCount: state.rowCount + 1 });
    writeCompactRow(buffer, 'scheduled', revision);
    const encoder = new RowEncoder();
    encoder.tombstone(MARKER_KEY, revision, 0);
    const value = encoder.chunk.slice(encoder.start, encoder.end);
    return { bucket: 'key', key: encodeRowKey(revision, 0, true), value };
  }
}
