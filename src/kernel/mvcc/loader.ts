import { EMPTY_BYTES } from '../../store/index.js';
import { decodeRowKey, RowCorruptError, RowReader } from '../codec/row.js';
import { readStateRow } from './meta-rows.js';
import type { MvccState } from './state.js';
import type { MvccOptions } from './types.js';

const PROGRESS_ROWS = 100_000;

/**
 * Builds the index, which must be empty, from the rows and checks all that can be checked on the
 * way: every row's checksum, that revisions above the compaction have no gap, and that count and
 * last revision are those of the row that describes the store as a whole.
 * @throws RowCorruptError
 */
export function loadRows(state: MvccState, options: MvccOptions): void {
  const { backend, onProgress } = options;
  const total = backend.count('key');
  const loader = new RowLoader(state);
  let rows = 0;
  const visit = (key: Uint8Array, value: Uint8Array, valueLength: number): void => {
    loader.add(key, value, valueLength);
    rows++;
    if (rows % PROGRESS_ROWS === 0) onProgress?.(rows, total);
  };
  if (backend.scan !== undefined) backend.scan('key', visit);
  else {
    for (const row of backend.range('key', EMPTY_BYTES, undefined, 0)) {
      visit(row.key, row.value, row.value.length);
    }
  }
  onProgress?.(rows, total);
  state.rowCount = rows;
  takeStateRow(state, loader.lastMain);
}

class RowLoader {
  lastMain = 0;
  #lastSub = -1;
  readonly #state: MvccState;
  readonly #reader = new RowReader();

  constructor(state: MvccState) {
    this.#state = state;
  }

  add(rowKey: Uint8Array, bytes: Uint8Array, length: number): void {
    const { main, sub, tombstone } = decodeRowKey(rowKey);
    this.#checkOrder(main, sub);
    const reader = this.#reader;
    reader.open(main, sub, tombstone, bytes, length);
    const { index } = this.#state;
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
  }

  #checkOrder(main: number, sub: number): void {
    const isNext =
      main === this.lastMain
        ? sub === this.#lastSub + 1
        : sub === 0 && (main === this.lastMain + 1 || this.lastMain === 0);
    if (!isNext) {
      const isAbove = main > this.lastMain || (main === this.lastMain && sub > this.#lastSub);
      // Only compaction makes gaps. The first revision above it is the one that follows it.
      const { compactRevision } = this.#state;
      const isFirstAbove = main === compactRevision + 1 && sub === 0;
      if (!isAbove || (main > compactRevision && !isFirstAbove)) {
        throw new RowCorruptError(
          `row ${sub} of revision ${main} follows row ${this.#lastSub} of ${this.lastMain}`,
        );
      }
    } else if (this.lastMain === 0 && main !== 2 && main > this.#state.compactRevision + 1) {
      throw new RowCorruptError(`the first row is of revision ${main}`);
    }
    this.lastMain = main;
    this.#lastSub = sub;
  }
}

function takeStateRow(state: MvccState, lastMain: number): void {
  const row = readStateRow(state.buffer);
  if (row === undefined) {
    if (state.rowCount > 0) throw new RowCorruptError('rows, but no meta row that describes them');
    return;
  }
  if (row.rowCount !== state.rowCount) {
    throw new RowCorruptError(`${state.rowCount} rows, ${row.rowCount} expected`);
  }
  if (row.revision !== Math.max(lastMain, 1)) {
    throw new RowCorruptError(`the last row is of revision ${lastMain}, not ${row.revision}`);
  }
  state.revision = row.revision;
  state.rollingHash = row.rollingHash;
}

/** Tells of each key that is attached to a lease. */
export function tellLeasedKeys(
  state: MvccState,
  onLeasedKey: (key: Uint8Array, lease: bigint) => void,
): void {
  for (let leaf: typeof state.index.leaf | undefined = state.index.first; leaf; leaf = leaf.next) {
    if (!leaf.hasLeases) continue;
    for (let slot = 0; slot < leaf.count; slot++) {
      const lease = leaf.lease(slot);
      if (lease !== 0n) onLeasedKey(leaf.key(slot), lease);
    }
  }
}
