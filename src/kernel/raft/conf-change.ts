/**
 * The arithmetic of configurations: what a change makes of a ConfState, and which changes a
 * ConfState admits. A change of at most one voter is taken at once, because any majority before it
 * and any majority after it share a member. Anything larger goes through a joint configuration,
 * which decides by both majorities until it is left. Pure; it knows no log and no leader.
 */
import { isVoter } from './quorum.js';
import type { ConfChange, ConfChangeStep, ConfState } from './types.js';

/** The configuration that a change leads to, or why the change is not possible. */
export type ConfChangeResult =
  | { readonly possible: true; readonly confState: ConfState }
  | { readonly possible: false; readonly problem: string };

/** The change that leaves a joint configuration. An entry without data carries it. */
export const LEAVE_JOINT: ConfChange = { steps: [], transition: 'simple' };

/** Ids that a ConfState is edited as. */
interface Draft {
  readonly voters: Set<bigint>;
  readonly learners: Set<bigint>;
  readonly learnersNext: Set<bigint>;
  /** The voters before the change; empty unless the change is joint. */
  readonly outgoing: ReadonlySet<bigint>;
}

export function isJoint(conf: ConfState): boolean {
  return conf.votersOutgoing.length > 0;
}

/** Whether `id` takes part at all, as a voter of either half or as a learner. */
export function isMember(conf: ConfState, id: bigint): boolean {
  return isVoter(conf, id) || conf.learners.includes(id);
}

/**
 * What `change` makes of `conf`. Adding who is there already and removing who is not changes
 * nothing, so that a change may be applied twice.
 */
export function changeConf(conf: ConfState, change: ConfChange): ConfChangeResult {
  const { steps, transition } = change;
  if (steps.length === 0) return leaveJoint(conf);
  if (isJoint(conf)) return impossible('the configuration is joint already');
  if (steps.some(({ id }) => id <= 0n)) return impossible('a member needs an id');
  const joint = transition !== 'simple' || steps.length > 1;
  const draft: Draft = {
    voters: new Set(conf.voters),
    learners: new Set(conf.learners),
    learnersNext: new Set(),
    outgoing: new Set(joint ? conf.voters : []),
  };
  for (const step of steps) takeStep(draft, step);
  if (draft.voters.size === 0) return impossible('no voter would be left');
  return {
    possible: true,
    confState: {
      voters: sorted(draft.voters),
      learners: sorted(draft.learners),
      votersOutgoing: sorted(draft.outgoing),
      learnersNext: sorted(draft.learnersNext),
      autoLeave: joint && transition !== 'joint-explicit',
    },
  };
}

/**
 * Why a leader must not propose `change` in `conf`; undefined if it may. Stricter than
 * {@link changeConf}: who is to be removed must be there.
 */
export function confChangeProblem(conf: ConfState, change: ConfChange): string | undefined {
  for (const { kind, id } of change.steps) {
    if (kind === 'remove' && !isMember(conf, id)) return `there is no member ${id}`;
  }
  const result = changeConf(conf, change);
  return result.possible ? undefined : result.problem;
}

function impossible(problem: string): ConfChangeResult {
  return { possible: false, problem };
}

function leaveJoint(conf: ConfState): ConfChangeResult {
  if (!isJoint(conf)) return impossible('the configuration is not joint');
  return {
    possible: true,
    confState: {
      voters: sorted(conf.voters),
      learners: sorted([...conf.learners, ...conf.learnersNext]),
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    },
  };
}

function takeStep(draft: Draft, { kind, id }: ConfChangeStep): void {
  const { voters, learners, learnersNext, outgoing } = draft;
  voters.delete(id);
  learners.delete(id);
  learnersNext.delete(id);
  if (kind === 'addVoter') voters.add(id);
  // Who still votes in the outgoing half becomes a learner only when that half is gone.
  if (kind === 'addLearner') (outgoing.has(id) ? learnersNext : learners).add(id);
}

function sorted(ids: Iterable<bigint>): readonly bigint[] {
  return [...new Set(ids)].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
}

/**
 * Whether a ConfState is one that changes lead to: nobody twice, nobody both voter and learner,
 * and only outgoing voters about to become learners. An empty one, of a member that has not begun,
 * is sound.
 */
export function isSoundConfState(conf: ConfState): boolean {
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = conf;
  for (const ids of [voters, learners, votersOutgoing, learnersNext]) {
    if (new Set(ids).size !== ids.length || ids.some((id) => id <= 0n)) return false;
  }
  if (learners.some((id) => isVoter(conf, id))) return false;
  if (learnersNext.some((id) => voters.includes(id) || !votersOutgoing.includes(id))) return false;
  if (voters.length === 0) return learners.length === 0 && votersOutgoing.length === 0;
  return isJoint(conf) || (learnersNext.length === 0 && !autoLeave);
}
