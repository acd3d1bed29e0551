import { LIMITS, StoreError } from '../../store/index.js';
import { encodeRowKey } from '../codec/row.js';
import type { IndexLeaf } from './index-leaf.js';
import { readCompactRow, writeCompactRow } from './meta-rows.js';
import type { MvccState } from './state.js';

/** Keys that a step may look at for each row that it may remove: looking is cheap. */
const KEYS_PER_ROW = 16;

/**
 * Compaction. From the moment it is decided, reads below its revision fail; then one walk over the
 * index, in small steps, drops what newer revisions replaced, from the index and from the backend.
 * It reads no rows. Of each key the newest revision at or below the compaction revision stays,
 * unless it is a tombstone below it; a tombstone exactly there stays for watches that start there.
 *
 * A walk cut off by a crash starts again from the first key: rows that are gone already are not in
 * the index any more. A key's rows are removed oldest first, so no crash between two flushes can
 * bring a deleted key back.
 */
export class Compactor {
  readonly #state: MvccState;
  readonly #batchRows: number;
  #finished = -1;
  /** The key to look at next. */
  #cursor: Uint8Array | undefined;

  constructor(state: MvccState, batchRows: number = LIMITS.compactionBatchRows) {
    this.#state = state;
    this.#batchRows = batchRows;
  }

  get running(): boolean {
    return this.#finished < this.#state.compactRevision;
  }

  /** Takes up what the backend says. */
  restore(): void {
    const { buffer } = this.#state;
    this.#finished = readCompactRow(buffer, 'finished');
    this.#state.compactRevision = Math.max(this.#finished, readCompactRow(buffer, 'scheduled'));
  }

  /** @throws StoreError `Compacted`, `FutureRevision` */
  schedule(revision: number): void {
    const state = this.#state;
    if (revision <= state.compactRevision) throw state.compacted();
    if (revision > state.revision) throw new StoreError('FutureRevision');
    state.compactRevision = revision;
    this.#cursor = undefined;
    writeCompactRow(state.buffer, 'scheduled', revision);
  }

  /** @returns whether more is left */
  step(): boolean {
    if (!this.running) return false;
    const { index } = this.#state;
    let leaf: IndexLeaf | undefined = index.first;
    let slot = 0;
    if (this.#cursor !== undefined) {
      index.seek(this.#cursor);
      leaf = index.leaf;
      slot = index.slot;
    }
    const doomed: Uint8Array[] = [];
    let rowsLeft = this.#batchRows;
    let keysLeft = this.#batchRows * KEYS_PER_ROW;
    for (; leaf !== undefined; leaf = leaf.next, slot = 0) {
      for (; slot < leaf.count; slot++, keysLeft--) {
        if (rowsLeft === 0 || keysLeft === 0) {
          this.#cursor = leaf.key(slot);
          this.#removeKeys(doomed);
          return true;
        }
        const due = this.#dueRows(leaf, slot);
        const removed = Math.min(due, rowsLeft);
        this.#removeOldest(leaf, slot, removed);
        rowsLeft -= removed;
        if (removed < due) break;
        if (due > 0 && this.#isGone(leaf, slot)) doomed.push(leaf.key(slot));
      }
      if (slot < leaf.count) break;
    }
    // The index must not change while it is walked.
    const unfinished = leaf === undefined ? undefined : leaf.key(slot);
    this.#removeKeys(doomed);
    this.#cursor = unfinished;
    if (unfinished !== undefined) return true;
    this.#finished = this.#state.compactRevision;
    writeCompactRow(this.#state.buffer, 'finished', this.#finished);
    return false;
  }

  /** Whether the key's newest revision is a tombstone that compaction does not keep. */
  #isGone(leaf: IndexLeaf, slot: number): boolean {
    return !leaf.isLive(slot) && leaf.main(slot) < this.#state.compactRevision;
  }

  /** How many of the key's rows, from the oldest on, compaction takes. */
  #dueRows(leaf: IndexLeaf, slot: number): number {
    const { compactRevision } = this.#state;
    const history = leaf.history(slot);
    const older = history === undefined ? 0 : history.count;
    if (leaf.main(slot) <= compactRevision) return this.#isGone(leaf, slot) ? older + 1 : older;
    // All but the newest that is not above the compaction revision.
    const kept = history === undefined ? -1 : history.find(compactRevision);
    if (history === undefined || kept < 0) return 0;
    const isTombstone = history.place(kept) % 2 === 1;
    return isTombstone && history.main(kept) < compactRevision ? kept + 1 : kept;
  }

  /** Removes rows; a key whose newest one goes is left in the index for the caller to remove. */
  #removeOldest(leaf: IndexLeaf, slot: number, count: number): void {
    if (count === 0) return;
    const history = leaf.history(slot);
    const older = history === undefined ? 0 : Math.min(count, history.count);
    for (let at = 0; at < older; at++) {
      this.#removeRow(history?.main(at) ?? 0, history?.place(at) ?? 0);
    }
    if (older > 0) leaf.dropHistory(slot, older);
    if (count > older) this.#removeRow(leaf.main(slot), leaf.place(slot));
  }

  #removeRow(main: number, place: number): void {
    const sub = Math.floor(place / 2);
    this.#state.buffer.removeRow(encodeRowKey(main, sub, place % 2 === 1));
    this.#state.rowCount--;
  }

  #removeKeys(keys: readonly Uint8Array[]): void {
    for (const key of keys) this.#state.index.remove(key);
  }
}
