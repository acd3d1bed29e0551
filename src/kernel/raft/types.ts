/** The data of Raft, without behaviour. Ids of members are bigint; 0n stands for nobody. */

/** One slot of the replicated log. `config` entries carry an encoded membership change. */
export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly kind: 'normal' | 'config';
  readonly data: Uint8Array;
}

/** What a member must remember over a crash, besides the log. */
export interface HardState {
  readonly term: number;
  /** Whom this member voted for in `term`. */
  readonly vote: bigint;
  /** An index known to be committed; may lag after a crash. */
  readonly commit: number;
}

/**
 * Who takes part in decisions. In a joint configuration both `voters` and `votersOutgoing` must
 * agree.
 */
export interface ConfState {
  readonly voters: readonly bigint[];
  readonly learners: readonly bigint[];
  readonly votersOutgoing: readonly bigint[];
  readonly learnersNext: readonly bigint[];
  readonly autoLeave: boolean;
}

/**
 * The place in the log up to which a member's state is kept elsewhere, so that the log before it
 * may go.
 */
export interface SnapshotMark {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
}

export const EMPTY_HARD_STATE: HardState = { term: 0, vote: 0n, commit: 0 };

export const EMPTY_CONF_STATE: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/** What a member is at the moment. A learner is a follower that is not among the voters. */
export type RaftRole = 'leader' | 'candidate' | 'pre-candidate' | 'follower';

/** Nobody: no vote cast, no leader known. */
export const NOBODY = 0n;

/**
 * A change of who takes part. One step is taken at once; several, or `joint`, go through a joint
 * configuration: `auto` leaves it by itself as soon as it may, `explicit` waits to be told. No step
 * at all leaves a joint configuration.
 */
export interface ConfChange {
  readonly steps: readonly ConfChangeStep[];
  readonly transition: 'simple' | 'joint-auto' | 'joint-explicit';
}

export interface ConfChangeStep {
  readonly kind: 'addVoter' | 'addLearner' | 'remove';
  readonly id: bigint;
}
