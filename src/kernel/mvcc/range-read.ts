import {
  compareBytes,
  type Interval,
  isEmptyInterval,
  type KeyValue,
  type RangeData,
} from '../../store/index.js';
import { type IndexPlace, pickNow } from './range-pick.js';
import type { MvccState } from './state.js';
import type { RangeQuery } from './types.js';

/**
 * Reads of keys and ranges. At the newest revision the counts in the index answer how many keys
 * there are, and only as many rows are read as are returned; in the past every key of the range is
 * looked at.
 */

/** A new one each time: what one caller does to its answer must not reach that of another. */
function nothing(): RangeData {
  return { kvs: [], more: false, count: 0 };
}

/**
 * The pair of `key` at `revision`, which must not be compacted. Without its value no row has to be
 * read for what is current, as for most conditions of transactions.
 */
export function getAt(
  state: MvccState,
  key: Uint8Array,
  revision: number,
  withValue = true,
): KeyValue | undefined {
  const { index } = state;
  if (!index.seek(key)) return undefined;
  const { leaf, slot } = index;
  if (!withValue && leaf.main(slot) <= revision) {
    return leaf.isLive(slot) ? state.readKeyOnly(leaf, slot) : undefined;
  }
  if (!state.sees(leaf, slot, revision)) return undefined;
  return state.readRow(state.seenMain, state.seenPlace, withValue);
}

/** @param revision a readable one; see {@link MvccState.readRevision} */
export function rangeAt(
  state: MvccState,
  interval: Interval,
  query: RangeQuery,
  revision: number,
): RangeData {
  if (interval.end === undefined) {
    const kv = getAt(state, interval.start, revision, !query.keysOnly && !query.countOnly);
    if (kv === undefined) return nothing();
    return { kvs: query.countOnly ? [] : [kv], more: false, count: 1 };
  }
  if (isEmptyInterval(interval)) return nothing();
  return revision >= state.indexRevision
    ? rangeNow(state, interval.start, interval.end, query)
    : rangePast(state, interval.start, interval.end, query, revision);
}

function rangeNow(
  state: MvccState,
  start: Uint8Array,
  end: Uint8Array | null,
  query: RangeQuery,
): RangeData {
  const { index } = state;
  const before = index.rank(start);
  const first = { leaf: index.leaf, slot: index.slot };
  if (end !== null && isBeyond(first, end)) return nothing();
  const count = (end === null ? index.liveCount : index.rank(end)) - before;
  if (query.countOnly) return { kvs: [], more: false, count };
  if (query.pick !== undefined) {
    const kvs = pickNow(state, first, count, query.pick, query.keysOnly);
    return { kvs, more: false, count };
  }
  const wanted = query.limit > 0 && query.limit < count ? query.limit : count;
  const kvs: KeyValue[] = [];
  let { leaf, slot } = first;
  while (kvs.length < wanted) {
    if (slot >= leaf.count) {
      if (leaf.next === undefined) throw new Error('the index counts more keys than it holds');
      leaf = leaf.next;
      slot = 0;
    } else {
      if (leaf.isLive(slot)) {
        kvs.push(
          query.keysOnly
            ? state.readKeyOnly(leaf, slot)
            : state.readRow(leaf.main(slot), leaf.place(slot), true),
        );
      }
      slot++;
    }
  }
  return { kvs, more: wanted < count, count };
}

/** Whether the key at a place is `end` or after it; not known of a place behind a leaf's last. */
function isBeyond({ leaf, slot }: IndexPlace, end: Uint8Array): boolean {
  return slot < leaf.count && compareBytes(leaf.key(slot), end) >= 0;
}

function rangePast(
  state: MvccState,
  start: Uint8Array,
  end: Uint8Array | null,
  query: RangeQuery,
  revision: number,
): RangeData {
  const { index } = state;
  if (end !== null) index.seek(end);
  const endLeaf = end === null ? undefined : index.leaf;
  const endSlot = index.slot;
  index.seek(start);
  const kvs: KeyValue[] = [];
  let count = 0;
  let slot = index.slot;
  for (let leaf: typeof endLeaf = index.leaf; leaf !== undefined; leaf = leaf.next) {
    const stop = leaf === endLeaf ? endSlot : leaf.count;
    for (; slot < stop; slot++) {
      if (!state.sees(leaf, slot, revision)) continue;
      count++;
      if (query.countOnly || (query.limit > 0 && kvs.length >= query.limit)) continue;
      kvs.push(state.readRow(state.seenMain, state.seenPlace, !query.keysOnly));
    }
    if (leaf === endLeaf) break;
    slot = 0;
  }
  return { kvs, more: !query.countOnly && kvs.length < count, count };
}
