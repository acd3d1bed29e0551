import type { KeyValue, StoreError, TxnData } from '../../store/index.js';
import type { Alarm } from './alarms.js';

/**
 * What became of one command, on every member alike. Results carry the revision that the answer's
 * header shall name; the member that took the request adds the rest of the header.
 */
export type ApplyResult =
  | { readonly kind: 'put'; readonly revision: number; readonly prevKv?: KeyValue }
  | {
      readonly kind: 'delete';
      readonly revision: number;
      readonly deleted: number;
      readonly prevKvs: readonly KeyValue[];
    }
  | ({ readonly kind: 'txn'; readonly revision: number } & TxnData)
  | { readonly kind: 'compact'; readonly revision: number }
  | {
      readonly kind: 'leaseGrant';
      readonly revision: number;
      readonly id: bigint;
      readonly ttlSeconds: number;
    }
  | { readonly kind: 'leaseRevoke'; readonly revision: number }
  | { readonly kind: 'leaseExpire'; readonly revision: number; readonly expired: number }
  | {
      readonly kind: 'leaseCheckpoint';
      readonly revision: number;
      /** Whether the term that the checkpoint was made in lasted until it was in the log. */
      readonly isCurrent: boolean;
    }
  | { readonly kind: 'alarm'; readonly revision: number; readonly alarms: readonly Alarm[] }
  | { readonly kind: 'memberPublish' | 'memberUpdate'; readonly revision: number };

export type ApplyOutcome = ApplyResult | { readonly kind: 'error'; readonly error: StoreError };
