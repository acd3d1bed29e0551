import {
  EMPTY_BYTES,
  type KeyValue,
  type RangeData,
  type RangeRequest,
  type RangeResult,
  type SortOrder,
  type SortTarget,
  StoreError,
} from '../store/index.js';
import { EMPTY_HEADER, readHeader, writeHeader } from './header.js';
import { readKeyValue, writeKeyValue } from './key-value.js';
import { WireReader } from './wire-reader.js';
import { WireWriter } from './wire-writer.js';

/**
 * Range between protobuf and store types. The wire can say what the store's types cannot: a sort
 * order or target that does not exist. {@link DecodedRange} carries that beside the request, so
 * that a transaction can still report the first of its faults in etcd's order.
 */
const SORT_ORDERS: readonly SortOrder[] = ['none', 'ascend', 'descend'];
const SORT_TARGETS: readonly SortTarget[] = ['key', 'version', 'create', 'mod', 'value'];

const writer = new WireWriter();

/** A decoded range; `sortValid` false when its order or target is not a defined one. */
export interface DecodedRange {
  readonly request: RangeRequest;
  readonly sortValid: boolean;
}

export function writeRangeBody(out: WireWriter, request: RangeRequest): void {
  out.int64(13, request.maxCreateRevision ?? 0);
  out.int64(12, request.minCreateRevision ?? 0);
  out.int64(11, request.maxModRevision ?? 0);
  out.int64(10, request.minModRevision ?? 0);
  out.bool(9, request.countOnly);
  out.bool(8, request.keysOnly);
  out.bool(7, request.serializable);
  out.int64(6, sortNumber(SORT_TARGETS, request.sortTarget));
  out.int64(5, sortNumber(SORT_ORDERS, request.sortOrder));
  out.int64(4, request.revision ?? 0);
  out.int64(3, request.limit ?? 0);
  out.bytes(2, request.rangeEnd);
  out.bytes(1, request.key);
}

function sortNumber<T>(values: readonly T[], value: T | undefined): number {
  if (value === undefined) return 0;
  const index = values.indexOf(value);
  if (index < 0) throw new StoreError('InvalidSortOption');
  return index;
}

interface RevisionFilters {
  minModRevision?: number;
  maxModRevision?: number;
  minCreateRevision?: number;
  maxCreateRevision?: number;
}

export function readRangeRequest(reader: WireReader): DecodedRange {
  let key: Uint8Array = EMPTY_BYTES;
  let rangeEnd: Uint8Array = EMPTY_BYTES;
  let limit = 0;
  let revision = 0;
  let order = 0;
  let target = 0;
  let serializable = false;
  let keysOnly = false;
  let countOnly = false;
  let filters: RevisionFilters | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.bytes(key);
    else if (field === 2) rangeEnd = reader.bytes(rangeEnd);
    else if (field === 3) limit = reader.int64(limit);
    else if (field === 4) revision = reader.int64(revision);
    else if (field === 5) order = reader.int64(order);
    else if (field === 6) target = reader.int64(target);
    else if (field === 7) serializable = reader.bool(serializable);
    else if (field === 8) keysOnly = reader.bool(keysOnly);
    else if (field === 9) countOnly = reader.bool(countOnly);
    else if (field <= 13) filters = readFilter(reader, field, filters);
    else reader.skip();
  }
  const sortOrder = SORT_ORDERS[order];
  const sortTarget = SORT_TARGETS[target];
  const request = {
    key,
    rangeEnd,
    limit: limit > 0 ? limit : 0,
    revision,
    sortOrder: sortOrder ?? 'none',
    sortTarget: sortTarget ?? 'key',
    serializable,
    keysOnly,
    countOnly,
  };
  return {
    request: filters === undefined ? request : { ...request, ...filters },
    sortValid: sortOrder !== undefined && sortTarget !== undefined,
  };
}

function readFilter(
  reader: WireReader,
  field: number,
  before: RevisionFilters | undefined,
): RevisionFilters | undefined {
  const value = reader.int64(0);
  if (value === 0) return before;
  const filters = before ?? {};
  if (field === 10) filters.minModRevision = value;
  else if (field === 11) filters.maxModRevision = value;
  else if (field === 12) filters.minCreateRevision = value;
  else filters.maxCreateRevision = value;
  return filters;
}

export function encodeRangeRequest(request: RangeRequest): Buffer {
  writer.reset();
  writeRangeBody(writer, request);
  return writer.finish();
}

/** @throws WireError, StoreError `EmptyKey` or `InvalidSortOption` when the sort is undefined */
export function decodeRangeRequest(bytes: Uint8Array): RangeRequest {
  const { request, sortValid } = readRangeRequest(new WireReader(bytes));
  if (!sortValid) throw new StoreError(request.key.length === 0 ? 'EmptyKey' : 'InvalidSortOption');
  return request;
}

/** Everything of a Range answer but its header. */
export function writeRangeData(out: WireWriter, data: RangeData): void {
  out.int64(4, data.count);
  out.bool(3, data.more);
  for (let i = data.kvs.length - 1; i >= 0; i--) writeKeyValue(out, 2, data.kvs[i] as KeyValue);
}

export function encodeRangeResponse(result: RangeResult): Buffer {
  writer.reset();
  writeRangeData(writer, result);
  writeHeader(writer, 1, result.header);
  return writer.finish();
}

export function readRangeResponse(reader: WireReader): RangeResult {
  let header = EMPTY_HEADER;
  const kvs: KeyValue[] = [];
  let more = false;
  let count = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) header = reader.message(readHeader, header);
    else if (field === 2) reader.collect(readKeyValue, kvs);
    else if (field === 3) more = reader.bool(more);
    else if (field === 4) count = reader.int64(count);
    else reader.skip();
  }
  return { header, kvs, more, count };
}

/** @throws WireError */
export function decodeRangeResponse(bytes: Uint8Array): RangeResult {
  return readRangeResponse(new WireReader(bytes));
}
