import { type Compare, StoreError, type TxnOperation, type TxnRequest } from '../store/index.js';

/** What is wrong with parts of a transaction, by the part. */
export type TxnFaults = Map<Compare | TxnOperation, StoreError>;

/**
 * Throws the fault of `request` that etcd would report first. For each transaction: too many
 * operations, then its comparisons, then the operations of both branches in order, nested ones in
 * their place. Only called when `faults` has one, so it always throws.
 */
export function throwFirstFault(
  request: TxnRequest,
  faults: TxnFaults,
  operationsMax: number,
): void {
  const { compare = [], success = [], failure = [] } = request;
  const largest = Math.max(compare.length, success.length, failure.length);
  if (largest > operationsMax) throw new StoreError('TooManyOps');
  for (const one of compare) if (one.key.length === 0) throw new StoreError('EmptyKey');
  for (const one of compare) throwIf(faults.get(one));
  for (const one of [...success, ...failure]) {
    throwIf(operationFault(one, faults));
    if (one.kind === 'txn') throwFirstFault(one, faults, operationsMax - largest);
  }
}

function operationFault(operation: TxnOperation, faults: TxnFaults): StoreError | undefined {
  if (operation.kind !== 'txn' && operation.key.length === 0) return new StoreError('EmptyKey');
  if (operation.kind === 'put') {
    const { value, ignoreValue, lease, ignoreLease } = operation;
    if (ignoreValue === true && value !== undefined && value.length > 0) {
      return new StoreError('ValueProvided');
    }
    if (ignoreLease === true && lease !== undefined && lease !== 0n) {
      return new StoreError('LeaseProvided');
    }
  }
  return faults.get(operation);
}

function throwIf(fault: StoreError | undefined): void {
  if (fault !== undefined) throw fault;
}
