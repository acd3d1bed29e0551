import type { Metadata } from './note.js';

/** Somebody who holds or waits, as far as their key tells. */
export interface Participant {
  readonly key: string;
  readonly identity: string;
  /** Wall-clock milliseconds at which they came, by their own clock; undefined if not known. */
  readonly sinceMs: number | undefined;
  readonly metadata: Metadata;
}

/**
 * The answer to "why am I waiting?": what stands between this handle and what it wants, at one
 * revision. Every recipe that can make somebody wait has a stream of it, named `plan$`.
 */
export interface WaitPlan<Rule extends string = string> {
  readonly revision: number;
  /** `free`: asking now would succeed at once; `waiting`: it would not, or does not; `held`. */
  readonly state: 'free' | 'waiting' | 'held';
  /** How many others are served before; 0 when it is this handle's turn, or when it holds. */
  readonly position: number;
  /** The rule that stands in the way; undefined when none does. */
  readonly rule: Rule | undefined;
  /** Who stands in the way: the holders, or who is ahead in line. */
  readonly blockers: readonly Participant[];
  /** The same in one sentence for people; names the holder and the rule. */
  readonly reason: string;
}
