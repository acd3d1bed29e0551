import type {
  LeaseGrantRequest,
  LeaseGrantResult,
  LeaseKeepAliveResult,
  LeaseListResult,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResult,
} from '../store/index.js';
import { EMPTY_HEADER, readHeader, writeHeader } from './header.js';
import { WireReader } from './wire-reader.js';
import { WireWriter } from './wire-writer.js';

/**
 * Leases between protobuf and store types. A keep-alive answer with a TTL of zero means that there
 * is no such lease; making that an error is the client's business, not the wire's.
 */
const writer = new WireWriter();

function encodeId(id: bigint): Buffer {
  writer.reset();
  writer.bigint64(1, id);
  return writer.finish();
}

function decodeId(bytes: Uint8Array): bigint {
  const reader = new WireReader(bytes);
  let id = 0n;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) id = reader.bigint64(id);
    else reader.skip();
  }
  return id;
}

export function encodeLeaseKeepAliveRequest(id: bigint): Buffer {
  return encodeId(id);
}

/** @throws WireError */
export function decodeLeaseKeepAliveRequest(bytes: Uint8Array): bigint {
  return decodeId(bytes);
}

/** Grant and keep-alive answer in the same shape. */
export function encodeLeaseKeepAliveResponse(result: LeaseKeepAliveResult): Buffer {
  writer.reset();
  writer.int64(3, result.ttlSeconds);
  writer.bigint64(2, result.id);
  writeHeader(writer, 1, result.header);
  return writer.finish();
}

/** @throws WireError */
export function decodeLeaseKeepAliveResponse(bytes: Uint8Array): LeaseKeepAliveResult {
  const reader = new WireReader(bytes);
  let header = EMPTY_HEADER;
  let id = 0n;
  let ttlSeconds = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) header = reader.message(readHeader, header);
    else if (field === 2) id = reader.bigint64(id);
    else if (field === 3) ttlSeconds = reader.int64(ttlSeconds);
    else reader.skip();
  }
  return { header, id, ttlSeconds };
}

/** The TTL is rounded up to whole seconds: a lease is never shorter than was asked. */
export function encodeLeaseGrantRequest(request: LeaseGrantRequest): Buffer {
  writer.reset();
  writer.bigint64(2, request.id ?? 0n);
  writer.int64(1, Math.ceil(request.ttlSeconds));
  return writer.finish();
}

/** @throws WireError */
export function decodeLeaseGrantRequest(bytes: Uint8Array): Required<LeaseGrantRequest> {
  const reader = new WireReader(bytes);
  let ttlSeconds = 0;
  let id = 0n;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) ttlSeconds = reader.int64(ttlSeconds);
    else if (field === 2) id = reader.bigint64(id);
    else reader.skip();
  }
  return { ttlSeconds, id };
}

export function encodeLeaseGrantResponse(result: LeaseGrantResult): Buffer {
  return encodeLeaseKeepAliveResponse(result);
}

/** @throws WireError */
export function decodeLeaseGrantResponse(bytes: Uint8Array): LeaseGrantResult {
  return decodeLeaseKeepAliveResponse(bytes);
}

export function encodeLeaseRevokeRequest(id: bigint): Buffer {
  return encodeId(id);
}

/** @throws WireError */
export function decodeLeaseRevokeRequest(bytes: Uint8Array): bigint {
  return decodeId(bytes);
}

export function encodeLeaseTimeToLiveRequest(request: LeaseTimeToLiveRequest): Buffer {
  writer.reset();
  writer.bool(2, request.keys);
  writer.bigint64(1, request.id);
  return writer.finish();
}

/** @throws WireError */
export function decodeLeaseTimeToLiveRequest(bytes: Uint8Array): Required<LeaseTimeToLiveRequest> {
  const reader = new WireReader(bytes);
  let id = 0n;
  let keys = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) id = reader.bigint64(id);
    else if (field === 2) keys = reader.bool(keys);
    else reader.skip();
  }
  return { id, keys };
}

export function encodeLeaseTimeToLiveResponse(result: LeaseTimeToLiveResult): Buffer {
  writer.reset();
  for (let i = result.keys.length - 1; i >= 0; i--) {
    writer.bytesAlways(5, result.keys[i] as Uint8Array);
  }
  writer.int64(4, result.grantedTtlSeconds);
  writer.int64(3, result.remainingTtlSeconds);
  writer.bigint64(2, result.id);
  writeHeader(writer, 1, result.header);
  return writer.finish();
}

/** @throws WireError */
export function decodeLeaseTimeToLiveResponse(bytes: Uint8Array): LeaseTimeToLiveResult {
  const reader = new WireReader(bytes);
  let header = EMPTY_HEADER;
  let id = 0n;
  let remainingTtlSeconds = 0;
  let grantedTtlSeconds = 0;
  const keys: Uint8Array[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) header = reader.message(readHeader, header);
    else if (field === 2) id = reader.bigint64(id);
    else if (field === 3) remainingTtlSeconds = reader.int64(remainingTtlSeconds);
    else if (field === 4) grantedTtlSeconds = reader.int64(grantedTtlSeconds);
    else if (field === 5) reader.collectBytes(keys);
    else reader.skip();
  }
  return { header, id, remainingTtlSeconds, grantedTtlSeconds, keys };
}

export function encodeLeaseListResponse(result: LeaseListResult): Buffer {
  writer.reset();
  for (let i = result.ids.length - 1; i >= 0; i--) {
    const mark = writer.length;
    writer.bigint64(1, result.ids[i] as bigint);
    writer.wrap(2, mark);
  }
  writeHeader(writer, 1, result.header);
  return writer.finish();
}

function readLeaseStatus(reader: WireReader): bigint {
  let id = 0n;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) id = reader.bigint64(id);
    else reader.skip();
  }
  return id;
}

/** @throws WireError */
export function decodeLeaseListResponse(bytes: Uint8Array): LeaseListResult {
  const reader = new WireReader(bytes);
  let header = EMPTY_HEADER;
  const ids: bigint[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) header = reader.message(readHeader, header);
    else if (field === 2) reader.collect(readLeaseStatus, ids);
    else reader.skip();
  }
  return { header, ids };
}

/** The request that lists leases has no field. */
export function encodeLeaseListRequest(): Buffer {
  return Buffer.alloc(0);
}
