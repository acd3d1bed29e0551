import { status } from '@grpc/grpc-js';
import { StoreError, type StoreErrorCode } from '../store/index.js';
import { fromStatus } from '../wire/errors.js';

/**
 * What is known of a call that failed, and whose failure it was. Everything that the client tries
 * again rests on this: a write may be repeated only where nothing can have come of it.
 */
export type Fate =
  /** Nothing happened: no server looked at it, or one refused it before doing anything. */
  | 'nothing'
  /** It may have been carried out, or may be still. */
  | 'unknown'
  /** This is the answer; another try would be answered alike. */
  | 'answered';

/** How a call ended, in gRPC's terms. */
export interface CallStatus {
  readonly code: number;
  readonly details: string;
}

/** How gRPC words its failures of calls of which the server has processed nothing. */
const UNSENT = [
  'No connection established',
  'Name resolution failed',
  'Channel closed before call started',
  // HTTP/2 allows a server to say this only of a request that it has not looked at.
  'Stream refused by server',
  // The connection went just before, and nothing was written to it.
  'Failed to start HTTP/2 stream',
];

/**
 * How gRPC words it when a call's stream, or its connection, ended without the status that every
 * server owes: under codes of its own choice, which stand for other things when a server sends
 * them. A connection that is reset after its server announced the end is one of these.
 */
const CUT_OFF = [
  'Received RST_STREAM with code',
  'Failed to start HTTP/2 stream',
  'Write error:',
  'Bandwidth exhausted or memory limit exceeded',
];

/**
 * What servers say instead of doing anything: who insists on a leader is refused at the door, a
 * learner passes nothing on, and too many requests are turned away before they reach the log.
 * "Leader changed" is not among them: etcd says so of reads alone, where it makes no difference,
 * and promises nothing of writes.
 */
const REFUSED_AT_THE_DOOR: ReadonlySet<StoreErrorCode> = new Set<StoreErrorCode>([
  'NoLeader',
  'NotLeader',
  'NotForLearner',
  'TooManyRequests',
]);

/** Failures that pass, and leave open whether a write takes effect. */
const OPEN: ReadonlySet<StoreErrorCode> = new Set<StoreErrorCode>([
  'Unavailable',
  'Timeout',
  'LeaderChanged',
]);

/** Failures that another member may not have. */
const OF_THE_MEMBER: ReadonlySet<StoreErrorCode> = new Set<StoreErrorCode>([
  'Unavailable',
  'NoLeader',
  'NotForLearner',
  'Timeout',
]);

/**
 * What `error` stands for, when neither this client nor the caller ended the call. "Stopped" is for
 * this store's own end and "Canceled" for the caller's signal; from a member both are ways of not
 * being available, as it is to end a call without a status.
 */
export function failureOf(error: CallStatus): StoreError {
  if (isCutOff(error)) return new StoreError('Unavailable', error.details);
  const failure = fromStatus(error.code, error.details);
  if (failure.code !== 'Stopped' && failure.code !== 'Canceled') return failure;
  return new StoreError('Unavailable', failure.message);
}

/** Whether the call got no status from its server. */
export function isCutOff(error: CallStatus): boolean {
  return CUT_OFF.some((text) => error.details.startsWith(text));
}

/** The fate of a call that ended with `error`, which stands for `failure`. */
export function fateOf(error: CallStatus, failure: StoreError): Fate {
  if (isUnsent(error) || REFUSED_AT_THE_DOOR.has(failure.code)) return 'nothing';
  return OPEN.has(failure.code) ? 'unknown' : 'answered';
}

/** Whether another member may do better. */
export function isOfTheMember(failure: StoreError): boolean {
  return OF_THE_MEMBER.has(failure.code);
}

function isUnsent(error: CallStatus): boolean {
  const mayBe = error.code === status.UNAVAILABLE || isCutOff(error);
  return mayBe && UNSENT.some((text) => error.details.startsWith(text));
}
