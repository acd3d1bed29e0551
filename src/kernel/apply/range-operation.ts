import {
  compareBytes,
  type Interval,
  type KeyValue,
  type RangeData,
  type RangeRequest,
  type SortTarget,
  toInterval,
} from '../../store/index.js';
import type { RangePick, RangeQuery } from '../mvcc/mvcc.js';

/**
 * Whatever can answer a plain range: the store as it is, or a transaction that sees its own writes.
 */
export interface RangeSource {
  range(interval: Interval, query: RangeQuery): RangeData;
}

/**
 * A range with everything that etcd's request can ask for. Filters and sorting in an order that was
 * named look at the whole range before the limit cuts; `count` ignores both. Sorting by something
 * else than the key without naming an order is ascending, but looks only at the first pairs by key,
 * one more than the limit: etcd's habit, kept because answers show it.
 * @throws StoreError `Compacted`, `FutureRevision`
 */
export function runRange(source: RangeSource, request: RangeRequest): RangeData {
  const limit = Math.max(0, request.limit ?? 0);
  const descending = request.sortOrder === 'descend';
  const byKey = (request.sortTarget ?? 'key') === 'key';
  const filtered = hasFilter(request);
  const ordered = (request.sortOrder ?? 'none') !== 'none';
  const needsAll = filtered || (ordered && (descending || !byKey));
  const sorts = descending || !byKey;
  const keysOnly = request.keysOnly === true;
  const pick = needsAll ? pickOf(request, limit) : undefined;
  const found = source.range(toInterval(request), {
    revision: Math.max(0, request.revision ?? 0),
    limit: needsAll ? 0 : sorts && limit > 0 ? limit + 1 : limit,
    countOnly: request.countOnly === true,
    keysOnly: keysOnly && request.sortTarget !== 'value',
    pick,
  });
  if (!(needsAll || sorts) || request.countOnly === true) return found;
  let kvs = filtered ? found.kvs.filter((kv) => passes(kv, request)) : found.kvs;
  if (sorts) {
    const compare = COMPARE[request.sortTarget ?? 'key'];
    const sign = descending ? -1 : 1;
    kvs = kvs.toSorted((a, b) => sign * compare(a, b));
  }
  const more = limit > 0 && kvs.length > limit;
  if (more) kvs = kvs.slice(0, limit);
  if (keysOnly) kvs = kvs.map((kv) => ({ ...kv, value: NO_VALUE }));
  return { kvs, more, count: found.count };
}

const NO_VALUE = new Uint8Array(0);
/** Up to this many are picked from the index; more are sorted. */
const PICKED_PAIRS_MAX = 16;

/**
 * The few that a sorted request with a small limit wants, and one more, which says that there is.
 */
function pickOf(request: RangeRequest, limit: number): RangePick | undefined {
  const { sortTarget: by, sortOrder = 'none' } = request;
  if (limit === 0 || limit > PICKED_PAIRS_MAX || sortOrder === 'none') return undefined;
  if (by !== 'create' && by !== 'mod' && by !== 'version') return undefined;
  return {
    by,
    descending: sortOrder === 'descend',
    count: limit + 1,
    minCreateRevision: request.minCreateRevision ?? 0,
    maxCreateRevision: request.maxCreateRevision ?? 0,
    minModRevision: request.minModRevision ?? 0,
    maxModRevision: request.maxModRevision ?? 0,
  };
}

const COMPARE: Readonly<Record<SortTarget, (a: KeyValue, b: KeyValue) => number>> = {
  key: (a, b) => compareBytes(a.key, b.key),
  version: (a, b) => a.version - b.version,
  create: (a, b) => a.createRevision - b.createRevision,
  mod: (a, b) => a.modRevision - b.modRevision,
  value: (a, b) => compareBytes(a.value, b.value),
};

function hasFilter(request: RangeRequest): boolean {
  return (
    (request.minModRevision ?? 0) !== 0 ||
    (request.maxModRevision ?? 0) !== 0 ||
    (request.minCreateRevision ?? 0) !== 0 ||
    (request.maxCreateRevision ?? 0) !== 0
  );
}

function passes(kv: KeyValue, request: RangeRequest): boolean {
  const { minModRevision = 0, maxModRevision = 0 } = request;
  const { minCreateRevision = 0, maxCreateRevision = 0 } = request;
  return (
    (maxModRevision === 0 || kv.modRevision <= maxModRevision) &&
    (minModRevision === 0 || kv.modRevision >= minModRevision) &&
    (maxCreateRevision === 0 || kv.createRevision <= maxCreateRevision) &&
    (minCreateRevision === 0 || kv.createRevision >= minCreateRevision)
  );
}
