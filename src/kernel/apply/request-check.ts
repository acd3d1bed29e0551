import {
  type BytesInput,
  type CompactRequest,
  type Compare,
  type CompareOperator,
  type DeleteRequest,
  isEmptyInterval,
  type PutRequest,
  type RangeRequest,
  type SortOrder,
  type SortTarget,
  StoreError,
  type TxnOperation,
  type TxnRequest,
  LIMITS,
  toBytes,
  toInterval,
} from '../../store/index.js';
import { keyText } from '../codec/key-text.js';
import { IntervalCover } from './interval-cover.js';
import { mustBeBytes, mustBeId, mustBeList, mustBeObject, mustBeOneOf } from './shape-check.js';

const OPERATORS: readonly CompareOperator[] = ['=', '!=', '>', '<'];
const TARGETS: readonly Compare['target'][] = ['version', 'create', 'mod', 'value', 'lease'];
const KINDS: readonly TxnOperation['kind'][] = ['range', 'put', 'delete', 'txn'];
const SORT_TARGETS: readonly SortTarget[] = ['key', 'version', 'create', 'mod', 'value'];
const SORT_ORDERS: readonly SortOrder[] = ['none', 'ascend', 'descend'];

/**
 * What a request must satisfy before anything is done about it, in etcd's order so that a request
 * with two faults gets the error that etcd would give. Looks at the request alone, never at the
 * store. What is not of its type, which callers without types may pass, is an `InvalidArgument`
 * everywhere.
 */

/** @throws StoreError `EmptyKey`, `InvalidArgument` for numbers that are not whole */
export function checkRange(request: RangeRequest): void {
  mustBeObject('the range', request);
  checkKeys(request);
  const { sortTarget, sortOrder } = request;
  if (sortTarget !== undefined) mustBeOneOf('sortTarget', sortTarget, SORT_TARGETS);
  if (sortOrder !== undefined) mustBeOneOf('sortOrder', sortOrder, SORT_ORDERS);
  checkWhole('revision', request.revision);
  checkWhole('limit', request.limit);
  checkWhole('minModRevision', request.minModRevision);
  checkWhole('maxModRevision', request.maxModRevision);
  checkWhole('minCreateRevision', request.minCreateRevision);
  checkWhole('maxCreateRevision', request.maxCreateRevision);
}

function checkKeys({ key, rangeEnd }: { key: BytesInput; rangeEnd?: BytesInput }): void {
  mustBeBytes('key', key);
  if (rangeEnd !== undefined) mustBeBytes('rangeEnd', rangeEnd);
  if (key.length === 0) throw new StoreError('EmptyKey');
}

/**
 * Fractions, NaN and infinity have no place in a log, and a read must not answer what a write
 * would refuse.
 */
function checkWhole(name: string, value: number | undefined): void {
  if (value === undefined || Number.isInteger(value)) return;
  throw new StoreError('InvalidArgument', `${name} ${String(value)} is not a whole number`);
}

/** @throws StoreError `InvalidArgument` */
export function checkCompact(request: CompactRequest): void {
  mustBeObject('the compaction', request);
  checkWhole('revision', request.revision);
}

/** @throws StoreError `EmptyKey`, `ValueProvided`, `LeaseProvided` */
export function checkPut(request: PutRequest): void {
  mustBeObject('the put', request);
  const { key, value, lease } = request;
  mustBeBytes('key', key);
  if (value !== undefined) mustBeBytes('value', value);
  if (lease !== undefined) mustBeId('lease', lease);
  if (key.length === 0) throw new StoreError('EmptyKey');
  if (request.ignoreValue === true && (value?.length ?? 0) !== 0) {
    throw new StoreError('ValueProvided');
  }
  if (request.ignoreLease === true && (lease ?? 0n) !== 0n) {
    throw new StoreError('LeaseProvided');
  }
}

/** @throws StoreError `EmptyKey` */
export function checkDelete(request: DeleteRequest): void {
  mustBeObject('the delete', request);
  checkKeys(request);
}

/**
 * @param operationsMax allowed in each of the three lists; a nested txn gets what its parent's
 * longest list leaves
 * @throws StoreError `TooManyOps`, `DuplicateKey`, `InvalidArgument` when nested too deep, and what
 * the checks of its operations throw
 */
export function checkTxn(request: TxnRequest, operationsMax: number): void {
  checkOperations(request, operationsMax, 0);
  for (const branch of [request.success, request.failure]) {
    if (canClash(branch ?? [])) collectWrites(branch ?? []);
  }
}

function checkOperations(request: TxnRequest, operationsMax: number, depth: number): void {
  if (depth > LIMITS.txnDepth) {
    throw new StoreError(
      'InvalidArgument',
      `transactions are nested deeper than ${LIMITS.txnDepth}`,
    );
  }
  mustBeObject('the txn', request);
  const compare = request.compare ?? [];
  const success = request.success ?? [];
  const failure = request.failure ?? [];
  mustBeList('compare', compare);
  mustBeList('success', success);
  mustBeList('failure', failure);
  const longest = Math.max(compare.length, success.length, failure.length);
  if (longest > operationsMax) throw new StoreError('TooManyOps');
  for (const condition of compare) checkCondition(condition);
  for (const branch of [success, failure]) {
    for (const operation of branch) checkOperation(operation, operationsMax - longest, depth);
  }
}

function checkCondition(condition: Compare): void {
  mustBeObject('a comparison', condition);
  mustBeOneOf('operator', condition.operator, OPERATORS);
  mustBeOneOf('target', condition.target, TARGETS);
  checkKeys(condition);
  if (condition.target === 'value') mustBeBytes('operand', condition.operand);
  else if (condition.target === 'lease') mustBeId('operand', condition.operand);
  else checkWhole('operand', condition.operand);
}

function checkOperation(operation: TxnOperation, operationsMax: number, depth: number): void {
  mustBeObject('an operation', operation);
  mustBeOneOf('kind', operation.kind, KINDS);
  switch (operation.kind) {
    case 'range':
      return checkRange(operation);
    case 'put':
      return checkPut(operation);
    case 'delete':
      return checkDelete(operation);
    case 'txn':
      return checkOperations(operation, operationsMax, depth + 1);
  }
}

/** Whether more than one operation of a branch may write: one alone touches no key twice. */
function canClash(operations: readonly TxnOperation[]): boolean {
  let writes = 0;
  for (const { kind } of operations) {
    if (kind === 'txn') return true;
    if (kind !== 'range') writes += 1;
  }
  return writes > 1;
}

/** What a list of operations may write: keys that are put, ranges that are deleted. */
interface Writes {
  readonly puts: Map<string, Uint8Array>;
  readonly deletes: IntervalCover;
}

/**
 * Collects the writes of one branch and refuses those that would touch a key twice. The two
 * branches of a nested txn exclude each other and may overlap.
 * @throws StoreError `DuplicateKey`
 */
function collectWrites(operations: readonly TxnOperation[]): Writes {
  const writes: Writes = { puts: new Map(), deletes: new IntervalCover() };
  for (const operation of operations) {
    if (operation.kind !== 'delete') continue;
    const interval = toInterval(operation);
    // etcd takes the open end for a key here, which is before every start: nothing is covered.
    if (interval.end !== null && !isEmptyInterval(interval)) writes.deletes.add(interval);
  }
  for (const operation of operations) {
    if (operation.kind !== 'txn') continue;
    const success = collectWrites(operation.success ?? []);
    const failure = collectWrites(operation.failure ?? []);
    for (const [name, key] of success.puts) addPut(writes, name, key);
    for (const [name, key] of failure.puts) {
      if (!success.puts.has(name)) addPut(writes, name, key);
    }
    writes.deletes.addAll(success.deletes);
    writes.deletes.addAll(failure.deletes);
  }
  for (const operation of operations) {
    if (operation.kind !== 'put') continue;
    const key = toBytes(operation.key);
    addPut(writes, keyText(key), key);
  }
  return writes;
}

function addPut(writes: Writes, name: string, key: Uint8Array): void {
  if (writes.puts.has(name)) throw new StoreError('DuplicateKey');
  if (writes.deletes.covers(key)) throw new StoreError('DuplicateKey');
  writes.puts.set(name, key);
}

/** Whether a txn can change anything; one that cannot is a read and stays out of the log. */
export function isReadOnly(request: TxnRequest): boolean {
  const reads = (operation: TxnOperation): boolean =>
    operation.kind === 'range' || (operation.kind === 'txn' && isReadOnly(operation));
  return (request.success ?? []).every(reads) && (request.failure ?? []).every(reads);
}

/** Whether every range of a read-only txn may be answered from the member's own state. */
export function isSerializable(request: TxnRequest): boolean {
  const relaxed = (operation: TxnOperation): boolean =>
    operation.kind === 'range'
      ? operation.serializable === true
      : operation.kind === 'txn' && isSerializable(operation);
  return (request.success ?? []).every(relaxed) && (request.failure ?? []).every(relaxed);
}
