import {
  type DeleteRequest,
  EMPTY_BYTES,
  type KeyValue,
  type PutRequest,
  type RangeRequest,
  StoreError,
  toBytes,
  toInterval,
  type TxnData,
  type TxnOperation,
  type TxnOperationResult,
  type TxnRequest,
} from '../../store/index.js';
import type { Lessor } from '../lease/lessor.js';
import type { Mvcc, MvccWrite } from '../mvcc/mvcc.js';
import { holds } from './holds.js';
import { type RangeSource, runRange } from './range-operation.js';

/**
 * Transactions. First every comparison, nested ones included, is judged on the state before the
 * transaction, which fixes the branches; then what these branches would do is checked; only then is
 * anything changed. So a transaction that fails has changed nothing, and there is nothing to undo.
 */

/** The branch that a transaction takes, and those of the transactions in it, in their order. */
interface Path {
  readonly succeeded: boolean;
  readonly operations: readonly TxnOperation[];
  readonly nested: readonly Path[];
}

function choosePath(source: RangeSource, request: TxnRequest): Path {
  const succeeded = (request.compare ?? []).every((compare) => holds(source, compare));
  const operations = (succeeded ? request.success : request.failure) ?? [];
  const nested: Path[] = [];
  for (const operation of operations) {
    if (operation.kind === 'txn') nested.push(choosePath(source, operation));
  }
  return { succeeded, operations, nested };
}

/**
 * @throws StoreError `KeyNotFound` when a put wants to keep what is not there, `LeaseNotFound`;
 * `EmptyKey`, which nobody proposes: were it in the log all the same, it must end no member
 */
export function checkPutAgainst(
  source: { get(key: Uint8Array): KeyValue | undefined },
  lessor: Lessor,
  request: PutRequest,
): void {
  if (request.key.length === 0) throw new StoreError('EmptyKey');
  if (request.ignoreValue === true || request.ignoreLease === true) {
    if (source.get(toBytes(request.key)) === undefined) throw new StoreError('KeyNotFound');
  }
  checkLeaseOf(lessor, request);
}

/** @throws StoreError `LeaseNotFound` */
export function checkLeaseOf(lessor: Lessor, request: PutRequest): void {
  const lease = request.lease ?? 0n;
  if (lease !== 0n && !lessor.has(lease)) throw new StoreError('LeaseNotFound');
}

function checkRangeAgainst(mvcc: Mvcc, request: RangeRequest): void {
  const revision = request.revision ?? 0;
  // Unlike a range by itself, a negative revision is one from before the first, as in etcd.
  if (revision === 0) return;
  if (revision > mvcc.revision) throw new StoreError('FutureRevision');
  if (revision < mvcc.compactRevision) {
    throw new StoreError('Compacted', undefined, { compactRevision: mvcc.compactRevision });
  }
}

function checkOperations(path: Path, check: (operation: TxnOperation) => void): void {
  let nestedAt = 0;
  for (const operation of path.operations) {
    if (operation.kind === 'txn') checkOperations(path.nested[nestedAt++] as Path, check);
    else check(operation);
  }
}

/** What a put does, given the store's state and the write that is under way. */
export function runPut(
  write: MvccWrite,
  lessor: Lessor,
  request: PutRequest,
): KeyValue | undefined {
  const key = toBytes(request.key);
  const keeps = request.ignoreValue === true || request.ignoreLease === true;
  const current = keeps ? write.get(key) : undefined;
  const value =
    request.ignoreValue === true ? (current?.value ?? EMPTY_BYTES) : toBytes(request.value);
  const lease = request.ignoreLease === true ? (current?.lease ?? 0n) : (request.lease ?? 0n);
  const { previous, previousLease } = write.put(key, value, lease, request.prevKv === true);
  if (previousLease !== lease) {
    if (previousLease !== 0n) lessor.detach(key, previousLease);
    if (lease !== 0n) lessor.attach(key, lease);
  }
  return previous;
}

/** What a delete does; keys leave their leases. */
export function runDelete(
  write: MvccWrite,
  lessor: Lessor,
  request: DeleteRequest,
): { readonly deleted: number; readonly prevKvs: readonly KeyValue[] } {
  const { deleted, previous, keys } = write.deleteRange(
    toInterval(request),
    request.prevKv === true,
  );
  for (const { key, lease } of keys) if (lease !== 0n) lessor.detach(key, lease);
  return { deleted, prevKvs: previous };
}

/**
 * Runs a transaction that may write.
 * @throws StoreError `LeaseNotFound`, `KeyNotFound`, `Compacted`, `FutureRevision`, before anything
 * was changed
 */
export function runTxn(
  mvcc: Mvcc,
  lessor: Lessor,
  request: TxnRequest,
  begin: () => MvccWrite,
): { readonly data: TxnData; readonly write: MvccWrite } {
  const path = choosePath(mvcc, request);
  checkOperations(path, (operation) => {
    if (operation.kind === 'put') checkPutAgainst(mvcc, lessor, operation);
  });
  checkOperations(path, (operation) => {
    if (operation.kind === 'range') checkRangeAgainst(mvcc, operation);
  });
  const write = begin();
  return { data: runPath(path, write, mvcc.revision, lessor), write };
}

function runPath(path: Path, write: MvccWrite, before: number, lessor: Lessor): TxnData {
  const responses: TxnOperationResult[] = [];
  let nestedAt = 0;
  for (const operation of path.operations) {
    switch (operation.kind) {
      case 'range': {
        const data = runRange(write, operation);
        responses.push({ kind: 'range', revision: revisionOf(write, before), ...data });
        break;
      }
      case 'put': {
        const prevKv = runPut(write, lessor, operation);
        const revision = write.revision;
        responses.push(
          prevKv === undefined ? { kind: 'put', revision } : { kind: 'put', revision, prevKv },
        );
        break;
      }
      case 'delete': {
        const outcome = runDelete(write, lessor, operation);
        responses.push({ kind: 'delete', revision: revisionOf(write, before), ...outcome });
        break;
      }
      case 'txn': {
        const inner = path.nested[nestedAt++] as Path;
        const data = runPath(inner, write, before, lessor);
        responses.push({ kind: 'txn', revision: 0, ...data });
        break;
      }
    }
  }
  return { succeeded: path.succeeded, responses };
}

/** The revision as this step of the transaction sees it. */
function revisionOf(write: MvccWrite, before: number): number {
  return write.changeCount > 0 ? write.revision : before;
}

/**
 * Answers a transaction that only reads, from the store as it is.
 * @throws StoreError `Compacted`, `FutureRevision`
 */
export function readTxn(mvcc: Mvcc, request: TxnRequest): TxnData {
  const path = choosePath(mvcc, request);
  checkOperations(path, (operation) => {
    if (operation.kind === 'range') checkRangeAgainst(mvcc, operation);
  });
  return readPath(mvcc, path);
}

function readPath(mvcc: Mvcc, path: Path): TxnData {
  const responses: TxnOperationResult[] = [];
  let nestedAt = 0;
  for (const operation of path.operations) {
    if (operation.kind === 'range') {
      responses.push({ kind: 'range', revision: mvcc.revision, ...runRange(mvcc, operation) });
    } else if (operation.kind === 'txn') {
      const data = readPath(mvcc, path.nested[nestedAt++] as Path);
      responses.push({ kind: 'txn', revision: 0, ...data });
    }
  }
  return { succeeded: path.succeeded, responses };
}
