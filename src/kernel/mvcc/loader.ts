import { EMPTY_BYTES } from '../../store/index.js';
import { RowCorruptError } from '../codec/row.js';
import { IndexBuilder } from './index-builder.js';
import { readStateRow } from './meta-rows.js';
import type { MvccState } from './state.js';
import type { MvccOptions } from './types.js';

const PROGRESS_ROWS = 100_000;

/**
 * Builds the index from the rows of the backend, at once, and checks all that can be checked on the
 * way: see {@link takeIndex}.
 * @throws RowCorruptError
 */
export function loadRows(state: MvccState, options: MvccOptions): void {
  const { backend, onProgress } = options;
  const total = backend.count('key');
  const builder = new IndexBuilder();
  const visit = (key: Uint8Array, value: Uint8Array, valueLength: number): void => {
    builder.add(key, value, valueLength);
    if (builder.rowCount % PROGRESS_ROWS === 0) onProgress?.(builder.rowCount, total);
  };
  if (backend.scan !== undefined) backend.scan('key', visit);
  else {
    for (const row of backend.range('key', EMPTY_BYTES, undefined, 0)) {
      visit(row.key, row.value, row.value.length);
    }
  }
  onProgress?.(builder.rowCount, total);
  takeIndex(state, builder);
}

/**
 * Gives the state an index that was built from all its rows, when it fits what the state's own row
 * says: revisions above the compaction have no gap, and count and last revision are those.
 * @throws RowCorruptError, with nothing changed
 */
export function takeIndex(state: MvccState, built: IndexBuilder): void {
  const { rowCount, lastMain } = built;
  built.mustBeWhole(state.compactRevision);
  const row = readStateRow(state.buffer);
  if (row === undefined) {
    if (rowCount > 0) throw new RowCorruptError('rows, but no meta row that describes them');
    return;
  }
  if (row.rowCount !== rowCount) {
    throw new RowCorruptError(`${rowCount} rows, ${row.rowCount} expected`);
  }
  if (row.revision !== Math.max(lastMain, 1)) {
    throw new RowCorruptError(`the last row is of revision ${lastMain}, not ${row.revision}`);
  }
  state.index = built.index;
  state.rowCount = rowCount;
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
