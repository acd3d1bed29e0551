import type {
  DeleteRequest,
  KeyRange,
  PutRequest,
  RangeRequest,
  TxnOperation,
  TxnRequest,
} from '../../store/index.js';
import { LIMITS, StoreError, toBytes, toInterval } from '../../store/index.js';
import { inRange, type KeyText, toKeyText } from './model-keys.js';

/**
 * What etcd refuses before it does anything: the static checks of requests, in the order in which
 * they are made, for the model of the store.
 */

const SORT_TARGETS = ['key', 'version', 'create', 'mod', 'value'];
const SORT_ORDERS = ['none', 'ascend', 'descend'];

export function checkRange(request: RangeRequest): void {
  requireKey(request.key);
  if (request.sortTarget !== undefined && !SORT_TARGETS.includes(request.sortTarget)) {
    throw new StoreError('InvalidSortOption');
  }
  if (request.sortOrder !== undefined && !SORT_ORDERS.includes(request.sortOrder)) {
    throw new StoreError('InvalidSortOption');
  }
}

export function checkPut(request: PutRequest): void {
  requireKey(request.key);
  if (request.ignoreValue === true && toBytes(request.value).length > 0) {
    throw new StoreError('ValueProvided');
  }
  if (request.ignoreLease === true && (request.lease ?? 0n) !== 0n) {
    throw new StoreError('LeaseProvided');
  }
}

export function checkDelete(request: DeleteRequest): void {
  requireKey(request.key);
}

/** The whole of a transaction, nested ones included. */
export function checkTxn(request: TxnRequest): void {
  checkOperationCounts(request, LIMITS.txnOperations);
  collectWrites(request.success ?? []);
  collectWrites(request.failure ?? []);
}

function checkOperationCounts(request: TxnRequest, operationsMax: number): void {
  const { compare = [], success = [], failure = [] } = request;
  const count = Math.max(compare.length, success.length, failure.length);
  if (count > operationsMax) throw new StoreError('TooManyOps');
  for (const comparison of compare) requireKey(comparison.key);
  for (const operation of [...success, ...failure]) {
    if (operation.kind === 'txn') checkOperationCounts(operation, operationsMax - count);
    else checkOperation(operation);
  }
}

function checkOperation(operation: Exclude<TxnOperation, { kind: 'txn' }>): void {
  switch (operation.kind) {
    case 'range':
      checkRange(operation);
      return;
    case 'put':
      checkPut(operation);
      return;
    case 'delete':
      checkDelete(operation);
      return;
  }
}

interface BranchWrites {
  readonly puts: Set<KeyText>;
  readonly deletes: KeyRange[];
}

/** The keys that a branch may write; throws when one could be written twice. */
function collectWrites(operations: readonly TxnOperation[]): BranchWrites {
  const puts = new Set<KeyText>();
  // etcd does not see what a delete without end covers.
  const deletes: KeyRange[] = operations
    .filter((operation) => operation.kind === 'delete')
    .filter((operation) => toInterval(operation).end !== null);
  const claim = (key: KeyText, twin?: ReadonlySet<KeyText>): void => {
    if (puts.has(key) && twin?.has(key) !== true) throw new StoreError('DuplicateKey');
    if (deletes.some((range) => inRange(key, range))) throw new StoreError('DuplicateKey');
    puts.add(key);
  };
  for (const operation of operations) {
    if (operation.kind !== 'txn') continue;
    const success = collectWrites(operation.success ?? []);
    const failure = collectWrites(operation.failure ?? []);
    for (const key of success.puts) claim(key);
    for (const key of failure.puts) claim(key, success.puts);
    deletes.push(...success.deletes, ...failure.deletes);
  }
  for (const operation of operations) {
    if (operation.kind === 'put') claim(toKeyText(operation.key));
  }
  return { puts, deletes };
}

function requireKey(key: string | Uint8Array): void {
  if (toBytes(key).length === 0) throw new StoreError('EmptyKey');
}
