import type { PutRequest, TxnData, TxnOperationResult, TxnRequest } from '../../store/index.js';
import type { Operation } from './history.js';
import type { KvModel } from './model.js';
import { type Refusal, tryRange, tryTxn } from './model-txn.js';
import { sameKv, sameKvs, sameRange, sameTxn } from './same.js';

/** What the model says to a call; undefined when it has nothing to say. */
export type ModelAnswer = ReturnType<typeof tryRange> | TxnData | Refusal | undefined;

/** Tries a call on the model; its changes are in the model's `events`. */
export function tryCall(model: KvModel, { call }: Operation): ModelAnswer {
  switch (call.kind) {
    case 'range':
      return tryRange(model, call.request);
    case 'put':
      return tryPut(model, call.request);
    case 'delete':
      return tryTxn(model, single({ kind: 'delete', ...call.request }));
    case 'txn':
      return tryTxn(model, call.request);
    case 'leaseRevoke':
      model.deleteAttached(call.id);
      return undefined;
    default:
      return undefined;
  }
}

/** Most writes are puts: the short way to what a transaction of one put would say. */
function tryPut(model: KvModel, request: PutRequest): TxnData | Refusal {
  if (request.ignoreValue === true || request.ignoreLease === true) {
    return tryTxn(model, single({ kind: 'put', ...request }));
  }
  const before = model.put(request);
  const revision = model.revision + 1;
  const shown = request.prevKv === true ? before : undefined;
  const response: TxnOperationResult =
    shown === undefined ? { kind: 'put', revision } : { kind: 'put', revision, prevKv: shown };
  return { succeeded: true, responses: [response] };
}

function single(operation: NonNullable<TxnRequest['success']>[number]): TxnRequest {
  return { success: [operation] };
}

/** Whether a call was answered as the model would have answered it. */
export function isAnswer({ outcome }: Operation, expected: ModelAnswer): boolean {
  if (outcome.kind !== 'answered' || expected === undefined) return true;
  const { answer } = outcome;
  if ('kvs' in expected) return answer.kind === 'range' && sameRange(answer.result, expected);
  if (!('responses' in expected)) return false;
  if (answer.kind === 'txn') return sameTxn(expected, answer.result);
  const [only] = expected.responses;
  if (answer.kind === 'put') {
    return only?.kind === 'put' && sameKv(only.prevKv, answer.result.prevKv);
  }
  if (answer.kind !== 'delete' || only?.kind !== 'delete') return false;
  return only.deleted === answer.result.deleted && sameKvs(only.prevKvs, answer.result.prevKvs);
}
