import { EMPTY_BYTES, type RevisionBatch, type StoreEvent } from '../../store/index.js';
import { decodeRowKey, encodeRowKey, RowCorruptError } from '../codec/row.js';
import type { MvccState } from './state.js';

/**
 * The past as whole revisions, for watchers that catch up. Revisions that wait for a flush come
 * from the buffer, as the very batches that were committed; older ones are put together from rows.
 */
export function readHistory(
  state: MvccState,
  after: number,
  upTo: number,
  limit: number,
): readonly RevisionBatch[] {
  // A watch may start at the compaction revision itself: its changes are still there, with the
  // tombstones among them.
  if (after + 1 < state.compactRevision) throw state.compacted();
  // Revision 1 is the empty store.
  const first = Math.max(after + 1, 2);
  const last = Math.min(upTo, state.revision, first + limit - 1);
  const batches: RevisionBatch[] = [];
  let next = first;
  while (next <= last && state.buffer.revision(next) === undefined) next++;
  if (next > first) readRows(state, first, next - 1, batches);
  for (; next <= last; next++) {
    const pending = state.buffer.revision(next);
    if (pending === undefined) throw new Error(`revision ${next} is missing in the write buffer`);
    batches.push(pending.batch);
  }
  return batches;
}

function readRows(state: MvccState, first: number, last: number, batches: RevisionBatch[]): void {
  const from = encodeRowKey(first, 0, false);
  const to = encodeRowKey(last + 1, 0, false);
  let revision = first - 1;
  let events: StoreEvent[] = [];
  for (const row of state.backend.range('key', from, to, 0)) {
    const { main, sub, tombstone } = decodeRowKey(row.key);
    if (main !== revision) {
      if (main !== revision + 1) throw missing(revision + 1);
      revision = main;
      events = [];
      batches.push({ revision, events });
    }
    // Compaction may have taken rows of the compaction revision itself, when it changed a key
    // twice.
    if (sub !== events.length && main > state.compactRevision) throw missing(main);
    state.reader.open(main, sub, tombstone, row.value);
    const kv = state.reader.keyValue(true);
    events.push(
      tombstone
        ? { type: 'delete', kv: { ...kv, value: EMPTY_BYTES, createRevision: 0, version: 0 } }
        : { type: 'put', kv },
    );
  }
  if (revision !== last) throw missing(revision + 1);
}

function missing(revision: number): RowCorruptError {
  return new RowCorruptError(`rows of revision ${revision} are missing`);
}
