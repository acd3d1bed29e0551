import { isStoreError, StoreError, type StoreErrorCode } from '../store/index.js';

/** What helps after a change of the members was refused. */
const ADVICE: Partial<Record<StoreErrorCode, string>> = {
  MemberNotFound: '`tidelock member list` shows who there is',
  BadMemberUrls: 'an address is a scheme, a host and a port, as in http://10.0.0.4:2380',
  PeerUrlExists: 'a member has one of these addresses; `tidelock member list` shows which',
  TooManyLearners: 'promote or remove the one there is, or raise --max-learners on the servers',
  LearnerNotReady: 'let it catch up; `tidelock status --cluster` shows how far it is',
  NotLearner: 'it has a vote already',
  NotEnoughStarted: 'start the members that were added, then try again',
  UnhealthyCluster: 'a member is not heard; bring it back, or remove it first',
  BadLeaderTransferee: 'only another member with a vote can lead',
  Timeout: 'nobody knows what came of it; look at `tidelock member list` before another try',
};

/** The same failure with what to do next; everything else as it is. */
export function memberAdvice(error: unknown): unknown {
  if (!isStoreError(error)) return error;
  const advice = ADVICE[error.code];
  if (advice === undefined) return error;
  return new StoreError(error.code, `${error.message}; ${advice}`, { cause: error });
}
