/**
 * The public door `tidelock/store`: the contract, its words, its errors, and helpers to build
 * ranges.
 */
export { compareBytes, EMPTY_BYTES, equalBytes, toBytes, toText } from './bytes.js';
export {
  isStoreError,
  STORE_ERROR_TEXT,
  StoreError,
  type StoreErrorCode,
  type StoreErrorDetails,
} from './errors.js';
export {
  allKeys,
  fromKey,
  type Interval,
  isEmptyInterval,
  OPEN_END,
  prefix,
  prefixEnd,
  toInterval,
} from './key-range.js';
export type {
  CallOptions,
  LeaseGrantRequest,
  LeaseGrantResult,
  LeaseKeepAliveResult,
  LeaseListResult,
  LeaseRevokeResult,
  Leases,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResult,
} from './lease.js';
export { LIMITS } from './limits.js';
export type {
  KeyRange,
  RangeData,
  RangeRequest,
  RangeResult,
  SortOrder,
  SortTarget,
} from './range.js';
export type { Store } from './store.js';
export type {
  Compare,
  CompareOperator,
  TxnData,
  TxnOperation,
  TxnOperationResult,
  TxnRequest,
  TxnResult,
} from './txn.js';
export type {
  BytesInput,
  Health,
  KeyValue,
  ResponseHeader,
  RevisionBatch,
  Role,
  StoreEvent,
} from './types.js';
export { WaitingList } from './waiting-list.js';
export type { WatchRequest } from './watch.js';
export type {
  CompactRequest,
  CompactResult,
  DeleteRequest,
  DeleteResult,
  PutRequest,
  PutResult,
} from './write.js';
