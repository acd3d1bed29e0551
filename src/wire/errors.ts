import { STORE_ERROR_TEXT, StoreError, type StoreErrorCode } from '../store/index.js';

/**
 * The one table between store errors and gRPC statuses, read in both directions. The texts stand in
 * `store/errors.ts`; here is which status each travels under, and which other texts of etcd mean
 * the same. Clients in the field match on both, so neither may change.
 */
export const GRPC_STATUS = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export interface ErrorRow {
  readonly code: StoreErrorCode;
  /** gRPC's number for the status that it travels under. */
  readonly status: number;
  readonly text: string;
  /** Whether the text on the wire is always `text`; otherwise it is the error's own message. */
  readonly exact: boolean;
}

function row(code: StoreErrorCode, status: number, exact = true): ErrorRow {
  return { code, status, text: STORE_ERROR_TEXT[code], exact };
}

const S = GRPC_STATUS;

/** Every code of the store, once. */
export const ERROR_TABLE: readonly ErrorRow[] = [
  row('EmptyKey', S.INVALID_ARGUMENT),
  row('KeyNotFound', S.INVALID_ARGUMENT),
  row('ValueProvided', S.INVALID_ARGUMENT),
  row('LeaseProvided', S.INVALID_ARGUMENT),
  row('TooManyOps', S.INVALID_ARGUMENT),
  row('DuplicateKey', S.INVALID_ARGUMENT),
  row('InvalidSortOption', S.INVALID_ARGUMENT),
  row('Compacted', S.OUT_OF_RANGE),
  row('FutureRevision', S.OUT_OF_RANGE),
  row('NoSpace', S.RESOURCE_EXHAUSTED),
  row('LeaseNotFound', S.NOT_FOUND),
  row('LeaseExists', S.FAILED_PRECONDITION),
  row('LeaseTtlTooLarge', S.OUT_OF_RANGE),
  row('RequestTooLarge', S.INVALID_ARGUMENT),
  // Declared RESOURCE_EXHAUSTED by etcd, but this is what its servers send.
  row('TooManyRequests', S.UNKNOWN),
  row('MemberNotFound', S.NOT_FOUND),
  row('MemberExists', S.FAILED_PRECONDITION),
  row('PeerUrlExists', S.FAILED_PRECONDITION),
  row('BadMemberUrls', S.INVALID_ARGUMENT),
  // Not in etcd's own table, so that its servers send it as an unknown error.
  row('NotEnoughStarted', S.UNKNOWN),
  row('NotLearner', S.FAILED_PRECONDITION),
  row('LearnerNotReady', S.FAILED_PRECONDITION),
  row('TooManyLearners', S.FAILED_PRECONDITION),
  row('UnhealthyCluster', S.UNAVAILABLE),
  row('BadLeaderTransferee', S.FAILED_PRECONDITION),
  row('LeaderChanged', S.UNAVAILABLE),
  row('NotForLearner', S.FAILED_PRECONDITION),
  row('NoLeader', S.UNAVAILABLE),
  row('NotLeader', S.FAILED_PRECONDITION),
  row('Stopped', S.UNAVAILABLE),
  row('Timeout', S.UNAVAILABLE),
  row('Corrupt', S.DATA_LOSS),
  row('WatchCanceled', S.CANCELLED),
  // Only ever the reason of a cancelled watch, never a status; as one it would be unmapped.
  row('WatchRangeEmpty', S.UNKNOWN),
  row('Canceled', S.CANCELLED),
  row('DeadlineExceeded', S.DEADLINE_EXCEEDED),
  row('Unavailable', S.UNAVAILABLE, false),
  row('Unauthenticated', S.UNAUTHENTICATED),
  row('PermissionDenied', S.PERMISSION_DENIED),
  row('Unimplemented', S.UNIMPLEMENTED, false),
  row('InvalidArgument', S.INVALID_ARGUMENT, false),
  row('Unknown', S.UNKNOWN, false),
];

/** Other texts that etcd servers send, and their code. The text is kept as message. */
export const TEXT_ALIASES: Readonly<Record<string, StoreErrorCode>> = {
  'etcdserver: request timed out, possibly due to previous leader failure': 'Timeout',
  'etcdserver: request timed out, possibly due to connection lost': 'Timeout',
  'etcdserver: request timed out, waiting for the applied index took too long': 'Timeout',
  'etcdserver: request timed out, leader transfer took too long': 'Timeout',
  'etcdserver: request canceled': 'Canceled',
  'etcdserver: context deadline exceeded': 'DeadlineExceeded',
  'etcdserver: authentication failed, invalid user ID or password': 'Unauthenticated',
  'etcdserver: revision of auth store is old': 'Unauthenticated',
  'etcdserver: user name is empty': 'Unauthenticated',
};

const rowByCode = new Map(ERROR_TABLE.map((entry) => [entry.code, entry]));
const codeByText = new Map<string, StoreErrorCode>([
  ...ERROR_TABLE.filter((entry) => entry.exact).map((entry) => [entry.text, entry.code] as const),
  ...(Object.entries(TEXT_ALIASES) as [string, StoreErrorCode][]),
]);

/** What a status alone says, when its text is not known. */
const CODE_BY_STATUS = new Map<number, StoreErrorCode>([
  [S.CANCELLED, 'Canceled'],
  [S.INVALID_ARGUMENT, 'InvalidArgument'],
  [S.DEADLINE_EXCEEDED, 'DeadlineExceeded'],
  [S.PERMISSION_DENIED, 'PermissionDenied'],
  [S.UNIMPLEMENTED, 'Unimplemented'],
  [S.UNAVAILABLE, 'Unavailable'],
  [S.UNAUTHENTICATED, 'Unauthenticated'],
]);

export interface WireStatus {
  readonly code: number;
  readonly details: string;
}

/** The gRPC status that `error` travels as. */
export function toStatus(error: StoreError): WireStatus {
  const entry = rowByCode.get(error.code);
  if (entry === undefined) throw new Error(`no status for the store error ${error.code}`);
  const keepsMessage = !entry.exact || TEXT_ALIASES[error.message] === error.code;
  return { code: entry.status, details: keepsMessage ? error.message : entry.text };
}

/** The error that a gRPC status stands for. What is not in the table keeps the server's text. */
export function fromStatus(status: number, details: string): StoreError {
  const known = codeByText.get(details);
  if (known !== undefined) return new StoreError(known, details);
  if (status === S.RESOURCE_EXHAUSTED && details.includes('larger than max')) {
    return new StoreError('RequestTooLarge', details);
  }
  return new StoreError(CODE_BY_STATUS.get(status) ?? 'Unknown', details);
}

const STATUS_IN_TEXT = /^rpc error: code = (\w+) desc = (.*)$/s;

/**
 * The error that a cancelled watch stands for: its reason may hold a status in words, and a reason
 * may be missing where history was compacted.
 */
export function fromCancelReason(reason: string, compactRevision: number): StoreError {
  if (compactRevision > 0) return new StoreError('Compacted', undefined, { compactRevision });
  const [, name = '', text = ''] = STATUS_IN_TEXT.exec(reason) ?? [];
  if (name !== '') return fromStatus(statusNumber(name), text);
  const known = codeByText.get(reason);
  if (known !== undefined) return new StoreError(known, reason);
  return new StoreError('WatchCanceled', reason === '' ? undefined : reason);
}

/** From the name that Go gives a status, such as `PermissionDenied`. */
function statusNumber(goName: string): number {
  const wanted = goName.toLowerCase().replace('canceled', 'cancelled');
  for (const [name, number] of Object.entries(GRPC_STATUS)) {
    if (name.replaceAll('_', '').toLowerCase() === wanted) return number;
  }
  return S.UNKNOWN;
}
