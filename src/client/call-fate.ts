import { type ServiceError, status } from '@grpc/grpc-js';
import type { StoreError, StoreErrorCode } from '../store/index.js';

/**
 * What is known of a call that failed. Everything that the client tries again rests on this: a
 * write may be repeated only where nothing can have come of it.
 */
export type Fate =
  /** Nothing happened: no server looked at it, or one refused it before doing anything. */
  | 'nothing'
  /** It may have been carried out, or may be still. */
  | 'unknown'
  /** This is the answer; another try would be answered alike. */
  | 'answered';

/** How gRPC words its failures of calls of which the server has processed nothing. */
const UNSENT = [
  'No connection established',
  'Name resolution failed',
  'Channel closed before call started',
  // HTTP/2 allows a server to say this only of a request that it has not looked at.
  'Stream refused by server',
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

/** The fate of a call that ended with `error`, which stands for `failure`. */
export function fateOf(error: ServiceError, failure: StoreError): Fate {
  if (isUnsent(error) || REFUSED_AT_THE_DOOR.has(failure.code)) return 'nothing';
  return OPEN.has(failure.code) ? 'unknown' : 'answered';
}

/** Whether another member may do better. */
export function isOfTheMember(failure: StoreError): boolean {
  return OF_THE_MEMBER.has(failure.code);
}

function isUnsent(error: ServiceError): boolean {
  return error.code === status.UNAVAILABLE && UNSENT.some((text) => error.details.startsWith(text));
}
