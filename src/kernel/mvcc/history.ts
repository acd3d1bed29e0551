import { EMPTY_BYTES, type RevisionBatch, type StoreEvent } from '../../store/index.js';
import { decodeRowKey, encodeRowKey, isTombstoneRow, RowCorruptError } from '../codec/row.js';
import type { MvccState } from './state.js';

/**
 * The past as whole revisions, for watchers that catch up: put together from rows, which wait in
 * the buffer or are in the backend.
 */
export function readHistory(
  state: MvccState,
  after: number,
  upTo: number,
  limit: number,
  bytesMax: number,
): readonly RevisionBatch[] {
  // A watch may start at the compaction revision itself: its changes are still there, with the
  // tombstones among them.
  if (after + 1 < state.compactRevision) throw state.compacted();
  // Revision 1 is the empty store.
  const first = Math.max(after + 1, 2);
  const last = Math.min(upTo, state.revision, first + limit - 1);
  const batches: RevisionBatch[] = [];
  let next = first;
  while (next <= last && state.buffer.rowOf(next, 0) === undefined) next++;
  let bytes = next > first ? readRows(state, first, next - 1, bytesMax, batches) : 0;
  for (; next <= last && bytes < bytesMax; next++) {
    const rows = state.buffer.rowsOf(next);
    if (rows === undefined) throw new Error(`revision ${next} is missing in the write buffer`);
    const events = rows.map((row, sub) =>
      readEvent(state, next, sub, isTombstoneRow(row), row.slice()),
    );
    batches.push({ revision: next, events });
    for (const event of events) bytes += sizeOf(event);
  }
  return batches;
}

function readEvent(
  state: MvccState,
  main: number,
  sub: number,
  tombstone: boolean,
  row: Uint8Array,
): StoreEvent {
  state.reader.open(main, sub, tombstone, row);
  const kv = state.reader.keyValue(true);
  return tombstone
    ? { type: 'delete', kv: { ...kv, value: EMPTY_BYTES, createRevision: 0, version: 0 } }
    : { type: 'put', kv };
}

/**
 * Returns the bytes of keys and values that were read: when they are `bytesMax` or more, revisions
 * up to `last` may be left unread.
 */
function readRows(
  state: MvccState,
  first: number,
  last: number,
  bytesMax: number,
  batches: RevisionBatch[],
): number {
  const from = encodeRowKey(first, 0, false);
  const to = encodeRowKey(last + 1, 0, false);
  let revision = first - 1;
  let events: StoreEvent[] = [];
  let bytes = 0;
  for (const row of state.backend.range('key', from, to, 0)) {
    const { main, sub, tombstone } = decodeRowKey(row.key);
    if (main !== revision) {
      if (main !== revision + 1) throw missing(revision + 1);
      if (bytes >= bytesMax) return bytes;
      revision = main;
      events = [];
      batches.push({ revision, events });
    }
    // Compaction may have taken rows of the compaction revision itself, when it changed a key
    // twice.
    if (sub !== events.length && main > state.compactRevision) throw missing(main);
    const event = readEvent(state, main, sub, tombstone, row.value);
    events.push(event);
    bytes += sizeOf(event);
  }
  if (revision !== last) throw missing(revision + 1);
  return bytes;
}

function sizeOf({ kv }: StoreEvent): number {
  return kv.key.length + kv.value.length;
}

function missing(revision: number): RowCorruptError {
  return new RowCorruptError(`rows of revision ${revision} are missing`);
}
