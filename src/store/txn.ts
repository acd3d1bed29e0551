import type { KeyRange, RangeData, RangeRequest } from './range.js';
import type { BytesInput, KeyValue, ResponseHeader } from './types.js';
import type { DeleteRequest, PutRequest } from './write.js';

/** How what is found must stand to the operand. */
export type CompareOperator = '=' | '!=' | '>' | '<';

/**
 * A condition on one key, or on every key of a range. A key that does not exist compares as zero in
 * every number, and fails every `value` comparison whatever its operator. So does a range without
 * keys.
 */
export type Compare = KeyRange & { readonly operator: CompareOperator } & (
    | { readonly target: 'version' | 'create' | 'mod'; readonly operand: number }
    | { readonly target: 'lease'; readonly operand: bigint }
    | { readonly target: 'value'; readonly operand: BytesInput }
  );

/** One step of a transaction; the fields are those of the request of the same kind. */
export type TxnOperation =
  | ({ readonly kind: 'range' } & RangeRequest)
  | ({ readonly kind: 'put' } & PutRequest)
  | ({ readonly kind: 'delete' } & DeleteRequest)
  | ({ readonly kind: 'txn' } & TxnRequest);

/**
 * If every comparison holds do `success`, else `failure`, in one revision. Every comparison, those
 * of nested transactions included, is judged on the state before the transaction; the operations
 * then run in order and see each other's effects. No key may be put twice.
 */
export interface TxnRequest {
  readonly compare?: readonly Compare[];
  readonly success?: readonly TxnOperation[];
  readonly failure?: readonly TxnOperation[];
}

/**
 * The answer to one operation. `revision` is the store's, as the transaction saw it at that step.
 */
export type TxnOperationResult =
  | ({ readonly kind: 'range'; readonly revision: number } & RangeData)
  | { readonly kind: 'put'; readonly revision: number; readonly prevKv?: KeyValue }
  | {
      readonly kind: 'delete';
      readonly revision: number;
      readonly deleted: number;
      readonly prevKvs: readonly KeyValue[];
    }
  | ({ readonly kind: 'txn'; readonly revision: number } & TxnData);

/** What came of a transaction, or of one inside another. */
export interface TxnData {
  /** Whether the comparisons held. */
  readonly succeeded: boolean;
  /** One for each operation of the branch that ran, in its order. */
  readonly responses: readonly TxnOperationResult[];
}

/** The answer to a transaction. */
export interface TxnResult extends TxnData {
  readonly header: ResponseHeader;
}
