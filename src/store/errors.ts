/**
 * The expected failures of a store: one closed list of codes and their texts. A text that etcd has
 * too is etcd's, to the letter, because clients match on it. A code exists only where a caller
 * could act on it. The wire room adds the gRPC status of each.
 *
 * @example
 * console.log(STORE_ERROR_TEXT.LeaseNotFound); // etcdserver: requested lease not found
 */
export const STORE_ERROR_TEXT = {
  EmptyKey: 'etcdserver: key is not provided',
  KeyNotFound: 'etcdserver: key not found',
  ValueProvided: 'etcdserver: value is provided',
  LeaseProvided: 'etcdserver: lease is provided',
  TooManyOps: 'etcdserver: too many operations in txn request',
  DuplicateKey: 'etcdserver: duplicate key given in txn request',
  InvalidSortOption: 'etcdserver: invalid sort option',
  Compacted: 'etcdserver: mvcc: required revision has been compacted',
  FutureRevision: 'etcdserver: mvcc: required revision is a future revision',
  NoSpace: 'etcdserver: mvcc: database space exceeded',
  LeaseNotFound: 'etcdserver: requested lease not found',
  LeaseExists: 'etcdserver: lease already exists',
  LeaseTtlTooLarge: 'etcdserver: too large lease TTL',
  RequestTooLarge: 'etcdserver: request is too large',
  TooManyRequests: 'etcdserver: too many requests',
  MemberNotFound: 'etcdserver: member not found',
  MemberExists: 'etcdserver: member ID already exist',
  PeerUrlExists: 'etcdserver: Peer URLs already exists',
  BadMemberUrls: 'etcdserver: given member URLs are invalid',
  NotEnoughStarted: 'etcdserver: re-configuration failed due to not enough started members',
  NotLearner: 'etcdserver: can only promote a learner member',
  LearnerNotReady: 'etcdserver: can only promote a learner member which is in sync with leader',
  TooManyLearners: 'etcdserver: too many learner members in cluster',
  UnhealthyCluster: 'etcdserver: unhealthy cluster',
  BadLeaderTransferee: 'etcdserver: bad leader transferee',
  LeaderChanged: 'etcdserver: leader changed',
  NotForLearner: 'etcdserver: rpc not supported for learner',
  NoLeader: 'etcdserver: no leader',
  NotLeader: 'etcdserver: not leader',
  Stopped: 'etcdserver: server stopped',
  Timeout: 'etcdserver: request timed out',
  Corrupt: 'etcdserver: corrupt cluster',
  WatchCanceled: 'etcdserver: watch canceled',
  /** A watch whose range holds no key at all. */
  WatchRangeEmpty: 'mvcc: watcher range is empty',
  /** The caller's signal was aborted. */
  Canceled: 'context canceled',
  DeadlineExceeded: 'context deadline exceeded',
  /** No server could be reached, or the connection broke: the outcome of a write is unknown. */
  Unavailable: 'store unavailable',
  Unauthenticated: 'etcdserver: invalid auth token',
  PermissionDenied: 'etcdserver: permission denied',
  /** The server does not know this call. */
  Unimplemented: 'not implemented by this server',
  /** The request makes no sense; the message says what would. */
  InvalidArgument: 'invalid argument',
  /** A failure outside this list; the message is the server's. */
  Unknown: 'unknown error',
} as const;

/** The names of the failures. */
export type StoreErrorCode = keyof typeof STORE_ERROR_TEXT;

/** Facts that go with an error. */
export interface StoreErrorDetails {
  /** With `Compacted`: history starts at this revision. */
  readonly compactRevision?: number;
  readonly cause?: unknown;
}

/**
 * A failure that a caller can expect; `code` says which.
 *
 * @example
 * try {
 *   await store.put({ key: 'jobs/7', lease: 404n });
 * } catch (error) {
 *   if (error instanceof StoreError) log.warn(error.code, error.message);
 *   else throw error;
 * }
 */
export class StoreError extends Error {
  readonly code: StoreErrorCode;
  readonly compactRevision: number | undefined;

  constructor(code: StoreErrorCode, message?: string, details: StoreErrorDetails = {}) {
    super(message ?? STORE_ERROR_TEXT[code], { cause: details.cause });
    this.name = 'StoreError';
    this.code = code;
    this.compactRevision = details.compactRevision;
  }
}

/**
 * Whether `error` is a StoreError, of that code if one is given.
 *
 * @example
 * try {
 *   await store.range({ key: 'jobs/7', revision: 1 });
 * } catch (error) {
 *   if (!isStoreError(error, 'Compacted')) throw error;
 *   log.warn('history begins at', error.compactRevision);
 * }
 */
export function isStoreError(error: unknown, code?: StoreErrorCode): error is StoreError {
  return error instanceof StoreError && (code === undefined || error.code === code);
}
