import {
  compareBytes,
  EMPTY_BYTES,
  type KeyValue,
  type RangeData,
  type RangeRequest,
} from '../../store/index.js';

/**
 * What a range request answers, given the pairs of its range by key. Filters, and an order that was
 * named, look at the whole range; another sort target without an order sorts only the first pairs
 * by key, one more than the limit, as etcd does.
 */
export function modelRange(all: readonly KeyValue[], request: RangeRequest): RangeData {
  const count = all.length;
  if (request.countOnly === true) return { kvs: [], more: false, count };
  const isFiltered = FILTERS.some((name) => (request[name] ?? 0) !== 0);
  const kept = isFiltered ? all.filter((kv) => passes(kv, request)) : all;
  const limit = Math.max(0, request.limit ?? 0);
  const looksAtAll = isFiltered || (request.sortOrder ?? 'none') !== 'none' || limit === 0;
  const fetched = looksAtAll ? kept : kept.slice(0, limit + 1);
  const sorted = sort(fetched, request);
  const more = limit > 0 && sorted.length > limit;
  const cut = more ? sorted.slice(0, limit) : sorted;
  const kvs = request.keysOnly === true ? cut.map(withoutValue) : cut;
  return { kvs, more, count };
}

const FILTERS = [
  'minModRevision',
  'maxModRevision',
  'minCreateRevision',
  'maxCreateRevision',
] as const;

function withoutValue(kv: KeyValue): KeyValue {
  return { ...kv, value: EMPTY_BYTES };
}

function passes(kv: KeyValue, request: RangeRequest): boolean {
  return (
    within(kv.modRevision, request.minModRevision, request.maxModRevision) &&
    within(kv.createRevision, request.minCreateRevision, request.maxCreateRevision)
  );
}

function within(value: number, min = 0, max = 0): boolean {
  return value >= min && (max === 0 || value <= max);
}

function sort(kvs: readonly KeyValue[], request: RangeRequest): readonly KeyValue[] {
  const target = request.sortTarget ?? 'key';
  const sign = request.sortOrder === 'descend' ? -1 : 1;
  if (target === 'key' && sign === 1) return kvs;
  return kvs.toSorted((a, b) => {
    switch (target) {
      case 'key':
        return sign * compareBytes(a.key, b.key);
      case 'value':
        return sign * compareBytes(a.value, b.value);
      case 'version':
        return sign * (a.version - b.version);
      case 'create':
        return sign * (a.createRevision - b.createRevision);
      case 'mod':
        return sign * (a.modRevision - b.modRevision);
    }
  });
}
