import type { ConfState, Entry, HardState, SnapshotMark } from './types.js';

/**
 * What the step machine is told at birth. It has no defaults: whoever runs a member decides, and
 * the same numbers should hold on all members of a cluster.
 */
export interface RaftConfig {
  /** This member. Never 0n. */
  readonly id: bigint;
  /** Ticks without a leader before a follower campaigns; the real timeout is in [T, 2T). */
  readonly electionTicks: number;
  /** Ticks between two heartbeats of a leader; less than `electionTicks`. */
  readonly heartbeatTicks: number;
  /**
   * Ask whether an election could be won before starting it, so that nobody raises terms in vain.
   */
  readonly preVote: boolean;
  /**
   * A leader steps down unless a quorum was heard within `electionTicks`; voters guard a live
   * leader.
   */
  readonly checkQuorum: boolean;
  /**
   * Entry bytes in one append and in one Ready's committed entries; a larger entry travels alone.
   */
  readonly maxMessageBytes: number;
  /** Appends that may be under way to one follower. */
  readonly maxInflightMessages: number;
  /** Entry bytes that may be under way to one follower, overshot by one message at most. */
  readonly maxInflightBytes: number;
  /** Entry bytes proposed and not committed beyond which proposals are refused. */
  readonly maxUncommittedBytes: number;
  /** An integer in [0, bound), for the election timeout: the machine's only chance. */
  readonly electionJitter: (bound: number) => number;
}

/**
 * What a restart brings back; for a new member the mark carries the initial ConfState at index 0.
 */
export interface RestoredState {
  readonly hardState: HardState;
  readonly mark: SnapshotMark;
  /** The log behind the mark, without gaps. */
  readonly entries: readonly Entry[];
  /** Entries up to here are applied already. */
  readonly applied: number;
  /**
   * The configuration as of `applied`, which the caller keeps in one transaction with its applied
   * state; the entries behind are applied again and change it. The mark's if left out, which is an
   * error if a `config` entry lies between the mark and `applied`.
   */
  readonly confState?: ConfState;
}
