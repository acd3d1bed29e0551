import type { TxnOperation, TxnRequest } from '../../store/index.js';
import {
  decodeCompactRequest,
  decodeDeleteRequest,
  decodePutRequest,
  encodeDeleteResponse,
  encodePutResponse,
} from '../../wire/kv.js';
import { encodeHeaderOnly } from '../../wire/header-only.js';
import { KV_METHODS } from '../../wire/kv-methods.js';
import { decodeRangeRequest, encodeRangeResponse } from '../../wire/range.js';
import { decodeTxnRequest, encodeTxnResponse } from '../../wire/txn.js';
import type { UnaryWork } from './call-gate.js';
import { checkRequestSize } from './request-size.js';
import type { ServiceParts } from './service-parts.js';

/**
 * The KV service. Between the bytes and the store there is only decoding, the size limit and
 * counting: everything that could be decided here the store decides, so that a call in this process
 * is judged by the same rules. Reads and writes are not given a signal, since nothing about them
 * can be stopped half-way; compaction can.
 */
export function registerKv(parts: ServiceParts): void {
  const { gate, registrar, requestBytesMax, work } = parts;
  const { store } = parts.kernel;

  const range: UnaryWork = async (message) => {
    const request = decodeRangeRequest(message);
    // A learner's state is good enough for whoever takes an old one.
    if (request.serializable !== true) gate.refuseOnLearner();
    const result = await store.range(request);
    work.ranges += 1;
    return encodeRangeResponse(result);
  };
  registrar.unary(KV_METHODS.range, range, 'all');
  registrar.unary(KV_METHODS.put, async (message) => {
    const request = decodePutRequest(message);
    checkRequestSize(message, requestBytesMax);
    const result = await store.put(request);
    work.puts += 1;
    return encodePutResponse(result);
  });
  registrar.unary(KV_METHODS.deleteRange, async (message) => {
    const request = decodeDeleteRequest(message);
    checkRequestSize(message, requestBytesMax);
    const result = await store.delete(request);
    work.deletes += result.deleted;
    return encodeDeleteResponse(result);
  });
  registrar.unary(KV_METHODS.txn, async (message) => {
    const request = decodeTxnRequest(message);
    if (!onlyReads(request)) checkRequestSize(message, requestBytesMax);
    const result = await store.txn(request);
    work.countTxn(result.responses);
    return encodeTxnResponse(result);
  });
  registrar.patientUnary(KV_METHODS.compact, async (message, { signal }) => {
    const result = await store.compact(decodeCompactRequest(message), { signal });
    return encodeHeaderOnly(result);
  });
}

/** Such a txn makes no log entry, so its size is of no concern. */
function onlyReads({ success = [], failure = [] }: TxnRequest): boolean {
  const isRange = (operation: TxnOperation): boolean => operation.kind === 'range';
  return success.every(isRange) && failure.every(isRange);
}
