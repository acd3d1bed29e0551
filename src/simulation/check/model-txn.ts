import {
  type Compare,
  compareBytes,
  type KeyValue,
  type RangeData,
  type RangeRequest,
  type StoreErrorCode,
  toBytes,
  type TxnData,
  type TxnOperation,
  type TxnOperationResult,
  type TxnRequest,
} from '../../store/index.js';
import { keyText } from './key-text.js';
import { type KvModel, NOTHING } from './model.js';
import { modelRange } from './model-range.js';

/** A transaction that the model could not answer, and why. */
export interface Refusal {
  readonly refusal: StoreErrorCode;
}

/**
 * What a transaction answers and changes. The changes stay in the model's `events` until they are
 * rolled back or a recorded revision takes their place.
 */
export function tryTxn(model: KvModel, request: TxnRequest): TxnData | Refusal {
  const path = choose(model, request);
  const refusal = refusalOf(model, path);
  return refusal === undefined ? run(model, path) : { refusal };
}

/** What a range by itself answers. */
export function tryRange(model: KvModel, request: RangeRequest): RangeData | Refusal {
  const revision = Math.max(0, request.revision ?? 0);
  if (revision > model.revision) return { refusal: 'FutureRevision' };
  return readRange(model, request);
}

function readRange(model: KvModel, request: RangeRequest): RangeData {
  const revision = request.revision ?? 0;
  const all = revision > 0 ? model.withinAt(request, revision) : model.within(request);
  return modelRange(all, request);
}

/** The branches that run: all of them are judged on the state before. */
interface Path {
  readonly succeeded: boolean;
  readonly operations: readonly TxnOperation[];
  readonly nested: readonly Path[];
}

function choose(model: KvModel, request: TxnRequest): Path {
  const succeeded = (request.compare ?? []).every((compare) => holds(model, compare));
  const operations = (succeeded ? request.success : request.failure) ?? [];
  const nested: Path[] = [];
  for (const operation of operations) {
    if (operation.kind === 'txn') nested.push(choose(model, operation));
  }
  return { succeeded, operations, nested };
}

function holds(model: KvModel, compare: Compare): boolean {
  const found = model.within(compare);
  if (found.length === 0) return compare.target !== 'value' && judge(NOTHING, compare);
  return found.every((kv) => judge(kv, compare));
}

function judge(kv: KeyValue, compare: Compare): boolean {
  const order = orderOf(kv, compare);
  switch (compare.operator) {
    case '=':
      return order === 0;
    case '!=':
      return order !== 0;
    case '>':
      return order > 0;
    case '<':
      return order < 0;
  }
}

function orderOf(kv: KeyValue, compare: Compare): number {
  switch (compare.target) {
    case 'version':
      return kv.version - compare.operand;
    case 'create':
      return kv.createRevision - compare.operand;
    case 'mod':
      return kv.modRevision - compare.operand;
    case 'lease':
      return kv.lease === compare.operand ? 0 : kv.lease < compare.operand ? -1 : 1;
    case 'value':
      return compareBytes(kv.value, toBytes(compare.operand));
  }
}

function refusalOf(model: KvModel, path: Path): StoreErrorCode | undefined {
  for (const operation of path.operations) {
    if (operation.kind === 'put') {
      const keeps = operation.ignoreValue === true || operation.ignoreLease === true;
      if (keeps && model.get(keyText(operation.key)) === undefined) return 'KeyNotFound';
    } else if (operation.kind === 'range' && (operation.revision ?? 0) > model.revision) {
      return 'FutureRevision';
    }
  }
  for (const inner of path.nested) {
    const refusal = refusalOf(model, inner);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function run(model: KvModel, path: Path): TxnData {
  const responses: TxnOperationResult[] = [];
  let nestedAt = 0;
  for (const operation of path.operations) {
    switch (operation.kind) {
      case 'range': {
        const data = readRange(model, operation);
        responses.push({ kind: 'range', revision: revisionOf(model), ...data });
        break;
      }
      case 'put': {
        const prevKv = model.put(operation);
        const revision = revisionOf(model);
        if (operation.prevKv !== true || prevKv === undefined) {
          responses.push({ kind: 'put', revision });
        } else responses.push({ kind: 'put', revision, prevKv });
        break;
      }
      case 'delete': {
        const gone = model.delete(operation);
        const prevKvs = operation.prevKv === true ? gone : [];
        const deleted = gone.length;
        responses.push({ kind: 'delete', revision: revisionOf(model), deleted, prevKvs });
        break;
      }
      case 'txn': {
        const data = run(model, path.nested[nestedAt++] as Path);
        responses.push({ kind: 'txn', revision: revisionOf(model), ...data });
        break;
      }
    }
  }
  return { succeeded: path.succeeded, responses };
}

/** The store's revision as this step of the transaction sees it. */
function revisionOf(model: KvModel): number {
  return model.events.length > 0 ? model.revision + 1 : model.revision;
}
