/**
 * The arithmetic of majorities. A configuration decides by a majority of its voters; while it is
 * joint, by a majority of the incoming and a majority of the outgoing voters, each on its own.
 * Learners never count. This file knows nobody's state: it is given a function that tells it.
 */
import type { ConfState } from './types.js';

export type VoteResult = 'won' | 'lost' | 'pending';

/** How many of `voterCount` voters decide. */
export function majority(voterCount: number): number {
  return Math.floor(voterCount / 2) + 1;
}

/** Whether `id` takes part in decisions. */
export function isVoter(conf: ConfState, id: bigint): boolean {
  return conf.voters.includes(id) || conf.votersOutgoing.includes(id);
}

/** Whether `id` decides everything alone. */
export function isSoleVoter(conf: ConfState, id: bigint): boolean {
  return conf.voters.length === 1 && conf.voters[0] === id && conf.votersOutgoing.length === 0;
}

/** Everyone who receives the log, each once. (`learnersNext` are outgoing voters still.) */
export function membersOf(conf: ConfState): readonly bigint[] {
  return [...new Set([...conf.voters, ...conf.votersOutgoing, ...conf.learners])];
}

/**
 * The highest number that a quorum has reached, by what `reachedBy` says of each voter. Serves log
 * indexes and rounds of reads alike. 0 in a configuration without voters.
 */
export function quorumReached(conf: ConfState, reachedBy: (id: bigint) => number): number {
  if (conf.voters.length === 0) return 0;
  const incoming = majorityReached(conf.voters, reachedBy);
  if (conf.votersOutgoing.length === 0) return incoming;
  return Math.min(incoming, majorityReached(conf.votersOutgoing, reachedBy));
}

function majorityReached(voters: readonly bigint[], reachedBy: (id: bigint) => number): number {
  const first = voters[0];
  if (first !== undefined && voters.length === 1) return reachedBy(first);
  const reached = voters.map(reachedBy).sort((left, right) => right - left);
  return reached[majority(voters.length) - 1] ?? 0;
}

/** Where an election stands; `voteOf` is undefined for a voter that has not answered. */
export function voteResult(
  conf: ConfState,
  voteOf: (id: bigint) => boolean | undefined,
): VoteResult {
  if (conf.voters.length === 0) return 'lost';
  const incoming = majorityVote(conf.voters, voteOf);
  if (conf.votersOutgoing.length === 0) return incoming;
  const outgoing = majorityVote(conf.votersOutgoing, voteOf);
  if (incoming === outgoing) return incoming;
  return incoming === 'lost' || outgoing === 'lost' ? 'lost' : 'pending';
}

function majorityVote(
  voters: readonly bigint[],
  voteOf: (id: bigint) => boolean | undefined,
): VoteResult {
  let granted = 0;
  let refused = 0;
  for (const id of voters) {
    const vote = voteOf(id);
    if (vote === true) granted++;
    if (vote === false) refused++;
  }
  const needed = majority(voters.length);
  if (granted >= needed) return 'won';
  return voters.length - refused < needed ? 'lost' : 'pending';
}
