import type {
  CompactRequest,
  CompactResult,
  DeleteRequest,
  DeleteResult,
  PutRequest,
  PutResult,
  RangeRequest,
  RangeResult,
  TxnRequest,
  TxnResult,
} from '../store/index.js';
import { KV } from './gen/etcdserverpb/kv_pb.js';
import { decodeHeaderOnly, encodeHeaderOnly } from './header-only.js';
import * as kv from './kv.js';
import { messageMethod } from './message-method.js';
import type { MethodDefinition } from './method.js';
import * as range from './range.js';
import * as txn from './txn.js';

const RANGE: MethodDefinition<RangeRequest, RangeResult> = {
  ...messageMethod(KV.method.range),
  requestSerialize: range.encodeRangeRequest,
  requestDeserialize: range.decodeRangeRequest,
  responseSerialize: range.encodeRangeResponse,
  responseDeserialize: range.decodeRangeResponse,
};

const PUT: MethodDefinition<PutRequest, PutResult> = {
  ...messageMethod(KV.method.put),
  requestSerialize: kv.encodePutRequest,
  requestDeserialize: kv.decodePutRequest,
  responseSerialize: kv.encodePutResponse,
  responseDeserialize: kv.decodePutResponse,
};

const DELETE_RANGE: MethodDefinition<DeleteRequest, DeleteResult> = {
  ...messageMethod(KV.method.deleteRange),
  requestSerialize: kv.encodeDeleteRequest,
  requestDeserialize: kv.decodeDeleteRequest,
  responseSerialize: kv.encodeDeleteResponse,
  responseDeserialize: kv.decodeDeleteResponse,
};

const TXN: MethodDefinition<TxnRequest, TxnResult> = {
  ...messageMethod(KV.method.txn),
  requestSerialize: txn.encodeTxnRequest,
  requestDeserialize: txn.decodeTxnRequest,
  responseSerialize: txn.encodeTxnResponse,
  responseDeserialize: txn.decodeTxnResponse,
};

const COMPACT: MethodDefinition<CompactRequest, CompactResult> = {
  ...messageMethod(KV.method.compact),
  requestSerialize: kv.encodeCompactRequest,
  requestDeserialize: kv.decodeCompactRequest,
  responseSerialize: encodeHeaderOnly,
  responseDeserialize: decodeHeaderOnly,
};

/** The rpcs of the KV service: store types in and out, but for the streamed range. */
export const KV_METHODS = {
  range: RANGE,
  rangeStream: messageMethod(KV.method.rangeStream),
  put: PUT,
  deleteRange: DELETE_RANGE,
  txn: TXN,
  compact: COMPACT,
} as const;
