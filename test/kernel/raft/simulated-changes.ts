/**
 * Random changes of a configuration, as long as the cluster can come through them: between one and
 * seven voters, some learners, and whoever lost its disk goes before anyone else does.
 */
import { isJoint, LEAVE_JOINT } from '../../../src/kernel/raft/conf-change.js';
import type { ConfChange, ConfChangeStep, ConfState } from '../../../src/kernel/raft/types.js';
import type { SimRandom } from '../../../src/simulation/sim-random.js';

const VOTERS_MAX = 7;
const TRANSITIONS = ['simple', 'joint-auto', 'joint-explicit'] as const;

/**
 * @param lost - Members whose disks are gone
 * @param newId - Makes an id for a new member; called only if there is one
 */
export function randomChange(
  random: SimRandom,
  conf: ConfState,
  lost: readonly bigint[],
  newId: () => bigint,
): ConfChange {
  if (isJoint(conf)) return LEAVE_JOINT;
  const gone = lost.find((id) => conf.voters.includes(id) || conf.learners.includes(id));
  if (gone !== undefined) return { transition: 'simple', steps: [{ kind: 'remove', id: gone }] };
  const count = 1 + (random.below(3) === 0 ? random.below(3) : 0);
  const steps: ConfChangeStep[] = [];
  for (let number = 0; number < count; number++) steps.push(randomStep(random, conf, newId));
  return { steps, transition: TRANSITIONS[random.below(3)] ?? 'simple' };
}

function randomStep(random: SimRandom, conf: ConfState, newId: () => bigint): ConfChangeStep {
  const members = [...conf.voters, ...conf.learners];
  const id = members[random.below(members.length)] ?? 1n;
  const dice = random.below(100);
  if (dice < 20 && members.length < VOTERS_MAX) return { kind: 'addLearner', id: newId() };
  if (dice < 40 && members.length < VOTERS_MAX) return { kind: 'addVoter', id: newId() };
  if (dice < 65) return { kind: 'addVoter', id: conf.learners[0] ?? id };
  if (dice < 75) return { kind: 'addLearner', id };
  return { kind: 'remove', id };
}
