import { LIMITS, type TxnOperation } from '../../store/index.js';
import type { Command } from '../codec/command.js';
import { byteLengthOf } from '../codec/utf8.js';

/**
 * What a command may add to the backend at most, in bytes, by etcd's rule of thumb for its quota.
 */
export function storageCost(command: Command): number {
  switch (command.kind) {
    case 'put':
      return pairCost(command);
    case 'txn':
      return operationsCost(command);
    case 'leaseGrant':
      return LIMITS.quotaLeaseBytes;
    case 'delete':
    case 'compact':
    case 'leaseRevoke':
    case 'leaseExpire':
    case 'leaseCheckpoint':
    case 'alarm':
    case 'memberPublish':
    case 'memberUpdate':
      return 0;
  }
}

function pairCost(put: Extract<TxnOperation, { kind: 'put' }>): number {
  return LIMITS.quotaPairOverheadBytes + byteLengthOf(put.key) + byteLengthOf(put.value);
}

function operationsCost(txn: Extract<TxnOperation, { kind: 'txn' }>): number {
  const sum = (operations: readonly TxnOperation[] | undefined): number =>
    (operations ?? []).reduce((total, operation) => {
      if (operation.kind === 'put') return total + pairCost(operation);
      if (operation.kind === 'txn') return total + operationsCost(operation);
      return total;
    }, 0);
  return Math.max(sum(txn.success), sum(txn.failure));
}
