import {
  type CompactRequest,
  type DeleteRequest,
  type DeleteResult,
  EMPTY_BYTES,
  type KeyValue,
  type PutRequest,
  type PutResult,
} from '../store/index.js';
import { EMPTY_HEADER, readHeader, writeHeader } from './header.js';
import { readKeyValue, writeKeyValue } from './key-value.js';
import { WireReader } from './wire-reader.js';
import { WireWriter } from './wire-writer.js';

/**
 * Put, DeleteRange and Compact between protobuf and store types. The `write…Body` and `read…`
 * functions serve these and transactions alike; range.ts and txn.ts hold the other two. Nothing
 * here judges a request: that is the store's work.
 */
const writer = new WireWriter();

export function writePutBody(out: WireWriter, request: PutRequest): void {
  out.bool(6, request.ignoreLease);
  out.bool(5, request.ignoreValue);
  out.bool(4, request.prevKv);
  out.bigint64(3, request.lease ?? 0n);
  out.bytes(2, request.value);
  out.bytes(1, request.key);
}

export function readPutRequest(reader: WireReader): Required<PutRequest> {
  let key: Uint8Array = EMPTY_BYTES;
  let value: Uint8Array = EMPTY_BYTES;
  let lease = 0n;
  let prevKv = false;
  let ignoreValue = false;
  let ignoreLease = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    // The store's index keeps the key for as long as there is history of it.
    if (field === 1) key = reader.ownBytes(key);
    else if (field === 2) value = reader.bytes(value);
    else if (field === 3) lease = reader.bigint64(lease);
    else if (field === 4) prevKv = reader.bool(prevKv);
    else if (field === 5) ignoreValue = reader.bool(ignoreValue);
    else if (field === 6) ignoreLease = reader.bool(ignoreLease);
    else reader.skip();
  }
  return { key, value, lease, prevKv, ignoreValue, ignoreLease };
}

export function encodePutRequest(request: PutRequest): Buffer {
  writer.reset();
  writePutBody(writer, request);
  return writer.finish();
}

/** @throws WireError */
export function decodePutRequest(bytes: Uint8Array): PutRequest {
  return readPutRequest(new WireReader(bytes));
}

export function encodePutResponse(result: PutResult): Buffer {
  writer.reset();
  if (result.prevKv !== undefined) writeKeyValue(writer, 2, result.prevKv);
  writeHeader(writer, 1, result.header);
  return writer.finish();
}

export function readPutResponse(reader: WireReader): PutResult {
  let header = EMPTY_HEADER;
  let prevKv: KeyValue | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) header = reader.message(readHeader, header);
    else if (field === 2) prevKv = reader.message<KeyValue | undefined>(readKeyValue, prevKv);
    else reader.skip();
  }
  return prevKv === undefined ? { header } : { header, prevKv };
}

/** @throws WireError */
export function decodePutResponse(bytes: Uint8Array): PutResult {
  return readPutResponse(new WireReader(bytes));
}

export function writeDeleteBody(out: WireWriter, request: DeleteRequest): void {
  out.bool(3, request.prevKv);
  out.bytes(2, request.rangeEnd);
  out.bytes(1, request.key);
}

export function readDeleteRequest(reader: WireReader): Required<DeleteRequest> {
  let key: Uint8Array = EMPTY_BYTES;
  let rangeEnd: Uint8Array = EMPTY_BYTES;
  let prevKv = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.bytes(key);
    else if (field === 2) rangeEnd = reader.bytes(rangeEnd);
    else if (field === 3) prevKv = reader.bool(prevKv);
    else reader.skip();
  }
  return { key, rangeEnd, prevKv };
}

export function encodeDeleteRequest(request: DeleteRequest): Buffer {
  writer.reset();
  writeDeleteBody(writer, request);
  return writer.finish();
}

/** @throws WireError */
export function decodeDeleteRequest(bytes: Uint8Array): DeleteRequest {
  return readDeleteRequest(new WireReader(bytes));
}

/** Everything of a DeleteRange answer but its header. */
export function writeDeleteData(out: WireWriter, data: Omit<DeleteResult, 'header'>): void {
  for (let i = data.prevKvs.length - 1; i >= 0; i--) {
    writeKeyValue(out, 3, data.prevKvs[i] as KeyValue);
  }
  out.int64(2, data.deleted);
}

export function encodeDeleteResponse(result: DeleteResult): Buffer {
  writer.reset();
  writeDeleteData(writer, result);
  writeHeader(writer, 1, result.header);
  return writer.finish();
}

export function readDeleteResponse(reader: WireReader): DeleteResult {
  let header = EMPTY_HEADER;
  let deleted = 0;
  const prevKvs: KeyValue[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) header = reader.message(readHeader, header);
    else if (field === 2) deleted = reader.int64(deleted);
    else if (field === 3) reader.collect(readKeyValue, prevKvs);
    else reader.skip();
  }
  return { header, deleted, prevKvs };
}

/** @throws WireError */
export function decodeDeleteResponse(bytes: Uint8Array): DeleteResult {
  return readDeleteResponse(new WireReader(bytes));
}

export function encodeCompactRequest(request: CompactRequest): Buffer {
  writer.reset();
  writer.bool(2, request.physical);
  writer.int64(1, request.revision);
  return writer.finish();
}

/** @throws WireError */
export function decodeCompactRequest(bytes: Uint8Array): CompactRequest {
  const reader = new WireReader(bytes);
  let revision = 0;
  let physical = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) revision = reader.int64(revision);
    else if (field === 2) physical = reader.bool(physical);
    else reader.skip();
  }
  return { revision, physical };
}
