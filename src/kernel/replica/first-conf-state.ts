import type { MemberRecord } from '../codec/command.js';
import { type ConfState, EMPTY_CONF_STATE } from '../raft/types.js';
import type { Origin } from './identity.js';

/** The configuration that a new member begins with. One that joins knows nobody and has no vote. */
export function firstConfState(origin: Origin): ConfState {
  if (origin.joins) return EMPTY_CONF_STATE;
  const ids = (of: readonly MemberRecord[]): readonly bigint[] =>
    of.map(({ id }) => id).toSorted((a, b) => (a < b ? -1 : 1));
  return {
    ...EMPTY_CONF_STATE,
    voters: ids(origin.members.filter(({ isLearner }) => !isLearner)),
    learners: ids(origin.members.filter(({ isLearner }) => isLearner)),
  };
}
