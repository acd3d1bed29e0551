import { isStoreError, type StoreError, type StoreErrorCode } from '../store/index.js';

/**
 * The expected failures of recipes: one class, told apart by `code`.
 *
 * - `Aborted`: the caller's signal was aborted, or the coordination object was closed.
 * - `Timeout`: the time that the caller gave ran out.
 * - `SessionLost`: the session ended while a recipe depended on it; `loss` says why.
 * - `LockLost`: a lock or a leadership was lost before it was given back; `loss` says why.
 * - `NotOwner`: what was asked needs an ownership that was given back already.
 * - `WouldDeadlock`: a lock handle that holds its lock was asked for it again, without an owner
 *   token; or work under a scoped lock asked for that lock, where an `asyncContext` tells.
 * - `Compacted`: history that was needed is gone.
 * - `Unavailable`: no server answered; the outcome of a write is unknown.
 * - `NoValue`: a configuration has had no valid value yet and no default.
 * - `Conflict`: others were in the way each time: a member id that is taken, a transaction that
 *   lost too often.
 * - `InvalidArgument`: a name, number or option makes no sense; the message quotes it.
 * - `StoreRefused`: the store refused, and will refuse again as long as nobody changes anything: no
 *   permission, no space, a request that is too large; `storeCode` says which, and `cause` is its
 *   error.
 */
export type CoordinationErrorCode =
  | 'Aborted'
  | 'Timeout'
  | 'SessionLost'
  | 'LockLost'
  | 'NotOwner'
  | 'WouldDeadlock'
  | 'Compacted'
  | 'Unavailable'
  | 'NoValue'
  | 'Conflict'
  | 'InvalidArgument'
  | 'StoreRefused';

/** Why a session, a lock or a leadership ended against the will of its owner. */
export type LossCause =
  /** No keep-alive was acknowledged in time. */
  | { readonly kind: 'expired' }
  /** The time ran out while nothing could run: a blocked event loop, a stopped process. */
  | { readonly kind: 'stalled'; readonly stallMs: number }
  /**
   * The wall clock ran ahead of the monotonic one by `jumpMs`, as after a suspend, and when the
   * server was asked it had ended the lease meanwhile.
   */
  | { readonly kind: 'clock-jump'; readonly jumpMs: number }
  /** The server ended the lease before its time was up by our clock: somebody revoked it. */
  | { readonly kind: 'revoked' }
  /** Somebody deleted the key; its lease still lives, as far as could be learned. */
  | { readonly kind: 'deleted'; readonly key: string }
  /** An administrator broke the lock: who says to have done it, and why. */
  | {
      readonly kind: 'broken';
      readonly key: string;
      readonly by: string;
      readonly reason: string;
    }
  /** Somebody else's write took the place of the key. */
  | { readonly kind: 'replaced'; readonly key: string }
  /** The leadership was handed over to the candidate `to`, and not by the leader itself. */
  | { readonly kind: 'transferred'; readonly to: string }
  /** The session was closed by this process. */
  | { readonly kind: 'closed' };

/** The codes whose errors always carry a {@link LossCause}. */
export type LossErrorCode = 'SessionLost' | 'LockLost';

/** Facts that go with an error. */
export interface CoordinationErrorDetails {
  /** With `SessionLost` and `LockLost`, and only with them. */
  readonly loss?: LossCause;
  readonly cause?: unknown;
}

/** The runtime class of every CoordinationError; its type is the union below. */
class CoordinationFailure extends Error {
  readonly code: CoordinationErrorCode;
  readonly loss: LossCause | undefined;

  constructor(
    code: CoordinationErrorCode,
    message: string,
    details: CoordinationErrorDetails = {},
  ) {
    super(message, { cause: details.cause });
    this.name = 'CoordinationError';
    this.code = code;
    this.loss = details.loss;
  }

  /** The store's own code, when the failure came from there: that of `cause`. */
  get storeCode(): StoreErrorCode | undefined {
    return isStoreError(this.cause) ? this.cause.code : undefined;
  }
}

/** A CoordinationError of one code, which says what is certain to be there besides. */
export type CoordinationErrorOf<Code extends CoordinationErrorCode> = Code extends unknown
  ? CoordinationFailure & {
      readonly code: Code;
      readonly loss: Code extends LossErrorCode ? LossCause : undefined;
      readonly storeCode: Code extends 'StoreRefused' ? StoreErrorCode : StoreErrorCode | undefined;
      readonly cause: Code extends 'StoreRefused' ? StoreError : unknown;
    }
  : never;

/**
 * A failure of a recipe that a caller can expect: a union tagged by `code`, so that a look at the
 * code tells the compiler whether there is a `loss`. What the store itself reports is among them:
 * in `storeCode`, and as the `cause`.
 *
 * @example
 * try {
 *   await coord.lock('jobs').acquire({ timeoutMs: 5000 });
 * } catch (error) {
 *   if (isCoordinationError(error, 'Timeout')) return;
 *   if (isCoordinationError(error, 'LockLost')) log.warn(describeLoss(error.loss));
 *   if (isCoordinationError(error, 'StoreRefused')) log.warn(error.storeCode, error.message);
 *   throw error;
 * }
 */
export type CoordinationError = CoordinationErrorOf<CoordinationErrorCode>;

interface CoordinationErrorClass {
  readonly prototype: CoordinationError;
  new <Code extends LossErrorCode>(
    code: Code,
    message: string,
    details: CoordinationErrorDetails & { readonly loss: LossCause },
  ): CoordinationErrorOf<Code>;
  new (
    code: 'StoreRefused',
    message: string,
    details: { readonly cause: StoreError },
  ): CoordinationErrorOf<'StoreRefused'>;
  new <Code extends Exclude<CoordinationErrorCode, LossErrorCode | 'StoreRefused'>>(
    code: Code,
    message: string,
    details?: Omit<CoordinationErrorDetails, 'loss'>,
  ): CoordinationErrorOf<Code>;
}

// One class at run time; only the types tell the codes apart.
export const CoordinationError = CoordinationFailure as unknown as CoordinationErrorClass;

/**
 * Whether `error` is a CoordinationError, of that code if one is given.
 *
 * @example
 * try {
 *   await coord.lock('jobs').acquire({ timeoutMs: 5000 });
 * } catch (error) {
 *   if (!isCoordinationError(error, 'Timeout')) throw error;
 * }
 */
export function isCoordinationError<Code extends CoordinationErrorCode = CoordinationErrorCode>(
  error: unknown,
  code?: Code,
): error is CoordinationErrorOf<Code> {
  return error instanceof CoordinationFailure && (code === undefined || error.code === code);
}

/**
 * A cause of loss in words.
 *
 * @example
 * held.lost$.subscribe((loss) => log.warn(describeLoss(loss)));
 */
export function describeLoss(loss: LossCause): string {
  switch (loss.kind) {
    case 'expired':
      return 'no keep-alive was acknowledged in time';
    case 'stalled':
      return `nothing could run for ${Math.round(loss.stallMs)} ms`;
    case 'clock-jump':
      return `the clock jumped ahead by ${Math.round(loss.jumpMs)} ms, and the lease had ended`;
    case 'revoked':
      return 'the server does not know the lease any more';
    case 'deleted':
      return `${loss.key} was deleted`;
    case 'broken':
      return `broken by ${loss.by}: ${loss.reason}`;
    case 'replaced':
      return `${loss.key} was replaced`;
    case 'transferred':
      return `handed over to candidate ${loss.to}`;
    case 'closed':
      return 'the session was closed';
  }
}

/** What can pass by itself, so that trying again makes sense. */
const TRANSIENT: ReadonlySet<StoreErrorCode> = new Set([
  'Unavailable',
  'NoLeader',
  'NotLeader',
  // etcd says so of a read that was under way when the leader went.
  'LeaderChanged',
  // Another member can do it, and this one once it is promoted.
  'NotForLearner',
  'Timeout',
  'DeadlineExceeded',
  'TooManyRequests',
  'Stopped',
  'Canceled',
  'Unknown',
]);

export function isTransient(error: unknown): boolean {
  if (isCoordinationError(error, 'Unavailable')) return isTransient(error.cause);
  return isStoreError(error) && TRANSIENT.has(error.code);
}

/** The recipe's word for a failure of the store; what is not a StoreError passes unchanged. */
export function toCoordinationError(error: unknown): unknown {
  if (!isStoreError(error)) return error;
  const details = { cause: error };
  if (error.code === 'LeaseNotFound') {
    const message = `session lost: ${error.message}`;
    return new CoordinationError('SessionLost', message, { ...details, loss: { kind: 'revoked' } });
  }
  if (error.code === 'Compacted') return new CoordinationError('Compacted', error.message, details);
  if (isTransient(error)) return new CoordinationError('Unavailable', error.message, details);
  const message = `the store refused (${error.code}): ${error.message}`;
  return new CoordinationError('StoreRefused', message, details);
}
