import {
  type Compare,
  LIMITS,
  StoreError,
  type TxnData,
  type TxnOperation,
  type TxnOperationResult,
  type TxnRequest,
  type TxnResult,
} from '../store/index.js';
import { readCompare, writeCompare } from './compare.js';
import { EMPTY_HEADER, readHeader, writeHeader, writeRevisionHeader } from './header.js';
import {
  readDeleteRequest,
  readDeleteResponse,
  readPutRequest,
  readPutResponse,
  writeDeleteBody,
  writeDeleteData,
  writePutBody,
} from './kv.js';
import { writeKeyValue } from './key-value.js';
import { readRangeRequest, readRangeResponse, writeRangeBody, writeRangeData } from './range.js';
import { type TxnFaults, throwFirstFault } from './txn-fault.js';
import { WireReader } from './wire-reader.js';
import { WireWriter } from './wire-writer.js';

/**
 * Transactions between protobuf and store types, nested ones included. What the wire can say and
 * the store's types cannot is collected as faults while reading and reported once the whole request
 * is known, because etcd has an order in which faults count.
 */
const writer = new WireWriter();

/** Faults of the request being decoded: decoding never yields, so one place is enough. */
let faults: TxnFaults | undefined;

function setFault(part: Compare | TxnOperation, fault: StoreError): void {
  faults ??= new Map();
  faults.set(part, fault);
}

function writeTxnBody(out: WireWriter, request: TxnRequest): void {
  writeOperations(out, 3, request.failure ?? []);
  writeOperations(out, 2, request.success ?? []);
  const compare = request.compare ?? [];
  for (let i = compare.length - 1; i >= 0; i--) writeCompare(out, 1, compare[i] as Compare);
}

function writeOperations(out: WireWriter, field: number, operations: readonly TxnOperation[]) {
  for (let i = operations.length - 1; i >= 0; i--) {
    const mark = out.length;
    writeOperation(out, operations[i] as TxnOperation);
    out.wrap(field, mark);
  }
}

function writeOperation(out: WireWriter, operation: TxnOperation): void {
  const mark = out.length;
  switch (operation.kind) {
    case 'range':
      writeRangeBody(out, operation);
      out.wrap(1, mark);
      return;
    case 'put':
      writePutBody(out, operation);
      out.wrap(2, mark);
      return;
    case 'delete':
      writeDeleteBody(out, operation);
      out.wrap(3, mark);
      return;
    case 'txn':
      writeTxnBody(out, operation);
      out.wrap(4, mark);
      return;
  }
}

function readTxnRequest(reader: WireReader): Required<TxnRequest> {
  // A txn and the operation around it are two messages.
  if (reader.depth > 2 * LIMITS.txnDepth) throw new StoreError('TooManyOps');
  const compare: Compare[] = [];
  const success: TxnOperation[] = [];
  const failure: TxnOperation[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) reader.collect(readOneCompare, compare);
    else if (field === 2) reader.collect(readOperation, success);
    else if (field === 3) reader.collect(readOperation, failure);
    else reader.skip();
  }
  return { compare, success, failure };
}

function readOneCompare(reader: WireReader): Compare {
  const { compare, fault } = readCompare(reader);
  if (fault !== undefined) setFault(compare, new StoreError('InvalidArgument', fault));
  return compare;
}

function readOperation(reader: WireReader): TxnOperation {
  let operation: TxnOperation | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) operation = reader.message(readRangeOperation, operation);
    else if (field === 2) operation = reader.message(readPutOperation, operation);
    else if (field === 3) operation = reader.message(readDeleteOperation, operation);
    else if (field === 4) operation = reader.message(readTxnOperation, operation);
    else reader.skip();
  }
  if (operation !== undefined) return operation;
  const empty: TxnOperation = { kind: 'txn' };
  setFault(empty, new StoreError('KeyNotFound'));
  return empty;
}

function readRangeOperation(reader: WireReader): TxnOperation | undefined {
  const { request, sortValid } = readRangeRequest(reader);
  const operation = { kind: 'range', ...request } as const;
  if (!sortValid) setFault(operation, new StoreError('InvalidSortOption'));
  return operation;
}

function readPutOperation(reader: WireReader): TxnOperation | undefined {
  const { key, value, lease, prevKv, ignoreValue, ignoreLease } = readPutRequest(reader);
  return { kind: 'put', key, value, lease, prevKv, ignoreValue, ignoreLease };
}

function readDeleteOperation(reader: WireReader): TxnOperation | undefined {
  const { key, rangeEnd, prevKv } = readDeleteRequest(reader);
  return { kind: 'delete', key, rangeEnd, prevKv };
}

function readTxnOperation(reader: WireReader): TxnOperation | undefined {
  const { compare, success, failure } = readTxnRequest(reader);
  return { kind: 'txn', compare, success, failure };
}

export function encodeTxnRequest(request: TxnRequest): Buffer {
  writer.reset();
  writeTxnBody(writer, request);
  return writer.finish();
}

/**
 * @throws WireError, and StoreError when an operation or comparison is none that exists: then the
 * first fault in etcd's order, whichever it is
 */
export function decodeTxnRequest(bytes: Uint8Array): TxnRequest {
  faults = undefined;
  const request = readTxnRequest(new WireReader(bytes));
  if (faults !== undefined) throwFirstFault(request, faults, LIMITS.txnOperations);
  return request;
}

function writeTxnData(out: WireWriter, data: TxnData): void {
  for (let i = data.responses.length - 1; i >= 0; i--) {
    const mark = out.length;
    writeOperationResult(out, data.responses[i] as TxnOperationResult);
    out.wrap(3, mark);
  }
  out.bool(2, data.succeeded);
}

function writeOperationResult(out: WireWriter, result: TxnOperationResult): void {
  const mark = out.length;
  switch (result.kind) {
    case 'range':
      writeRangeData(out, result);
      break;
    case 'put':
      if (result.prevKv !== undefined) writeKeyValue(out, 2, result.prevKv);
      break;
    case 'delete':
      writeDeleteData(out, result);
      break;
    case 'txn':
      writeTxnData(out, result);
      break;
  }
  writeRevisionHeader(out, 1, result.revision);
  out.wrap(RESULT_FIELD[result.kind], mark);
}

const RESULT_FIELD = { range: 1, put: 2, delete: 3, txn: 4 } as const;

export function encodeTxnResponse(result: TxnResult): Buffer {
  writer.reset();
  writeTxnData(writer, result);
  writeHeader(writer, 1, result.header);
  return writer.finish();
}

function readTxnResponse(reader: WireReader): TxnResult {
  let header = EMPTY_HEADER;
  let succeeded = false;
  const responses: TxnOperationResult[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) header = reader.message(readHeader, header);
    else if (field === 2) succeeded = reader.bool(succeeded);
    else if (field === 3) reader.collect(readOperationResult, responses);
    else reader.skip();
  }
  return { header, succeeded, responses };
}

function readOperationResult(reader: WireReader): TxnOperationResult {
  let result: TxnOperationResult | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) result = reader.message(readRangeResult, result);
    else if (field === 2) result = reader.message(readPutResult, result);
    else if (field === 3) result = reader.message(readDeleteResult, result);
    else if (field === 4) result = reader.message(readTxnResult, result);
    else reader.skip();
  }
  if (result === undefined) throw new StoreError('Unknown', 'a txn answered without a result');
  return result;
}

function readRangeResult(reader: WireReader): TxnOperationResult | undefined {
  const { header, kvs, more, count } = readRangeResponse(reader);
  return { kind: 'range', revision: header.revision, kvs, more, count };
}

function readPutResult(reader: WireReader): TxnOperationResult | undefined {
  const { header, prevKv } = readPutResponse(reader);
  const result = { kind: 'put', revision: header.revision } as const;
  return prevKv === undefined ? result : { ...result, prevKv };
}

function readDeleteResult(reader: WireReader): TxnOperationResult | undefined {
  const { header, deleted, prevKvs } = readDeleteResponse(reader);
  return { kind: 'delete', revision: header.revision, deleted, prevKvs };
}

function readTxnResult(reader: WireReader): TxnOperationResult | undefined {
  const { header, succeeded, responses } = readTxnResponse(reader);
  return { kind: 'txn', revision: header.revision, succeeded, responses };
}

/** @throws WireError */
export function decodeTxnResponse(bytes: Uint8Array): TxnResult {
  return readTxnResponse(new WireReader(bytes));
}
