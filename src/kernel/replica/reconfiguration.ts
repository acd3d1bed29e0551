/**
 * What a leader asks before it proposes a change of the members: etcd's rules and their order. They
 * protect an operator from himself and lean on what the leader happens to know (who was heard, how
 * far a learner is), so they are no part of applying.
 */
import { StoreError } from '../../store/index.js';
import type { Members } from '../apply/members.js';
import type { MemberChange } from '../codec/conf-change-codec.js';
import type { Raft } from '../raft/raft.js';
import { majority } from '../raft/quorum.js';

export interface ReconfigurationRules {
  /** etcd's --strict-reconfig-check. */
  readonly isStrict: boolean;
  readonly learnersMax: number;
}

export interface ReconfigurationView {
  readonly raft: Raft;
  readonly members: Members;
  readonly isConnected: (id: bigint) => boolean;
}

/** How much of the leader's log a learner must have to become a voter. */
const LEARNER_READY = 0.9;

/**
 * @throws StoreError `NotEnoughStarted`, `UnhealthyCluster`, `LearnerNotReady`, `TooManyLearners`,
 * and what the table of members refuses the change with
 */
export function checkReconfiguration(
  view: ReconfigurationView,
  rules: ReconfigurationRules,
  change: MemberChange,
): void {
  switch (change.kind) {
    case 'add':
      view.members.check(change);
      if (rules.isStrict) checkAdd(view, change.member.isLearner);
      if (change.member.isLearner) checkLearners(view, rules);
      break;
    case 'remove':
      view.members.check(change);
      if (rules.isStrict) checkRemove(view, change.id);
      break;
    case 'promote':
      view.members.check(change);
      checkReady(view, change.id);
      if (rules.isStrict) checkStarted(view, 1, 1, undefined);
      break;
    case 'keepOnly':
      throw new Error('nobody is left to ask when only one member is kept');
  }
}

function voters(view: ReconfigurationView): readonly { readonly id: bigint; started: boolean }[] {
  return view.members
    .list()
    .filter(({ isLearner }) => !isLearner)
    .map(({ id, name }) => ({ id, started: name !== '' }));
}

/**
 * Whether enough voters have ever started once `added` are there, `startedAdded` of them started,
 * and `removed` is not.
 */
function checkStarted(
  view: ReconfigurationView,
  added: number,
  startedAdded: number,
  removed: bigint | undefined,
): void {
  const left = voters(view).filter(({ id }) => id !== removed);
  const total = left.length + added;
  const started = left.filter((voter) => voter.started).length + startedAdded;
  // One member that starts a second one cannot have a majority of two before it does.
  if (started === 1 && total === 2 && added === 1) return;
  if (started < majority(total)) throw new StoreError('NotEnoughStarted');
}

function connectedVoters(view: ReconfigurationView, but: bigint | undefined): number {
  const isThere = (id: bigint): boolean => id === view.raft.id || view.isConnected(id);
  return voters(view).filter(({ id }) => id !== but && isThere(id)).length;
}

/**
 * One more voter makes the quorum larger, and may never start: with another one missing already the
 * cluster could stand still for good. A learner is in nobody's way.
 */
function checkAdd(view: ReconfigurationView, isLearner: boolean): void {
  if (!isLearner) checkStarted(view, 1, 0, undefined);
  const count = voters(view).length;
  const needed = isLearner ? majority(count) : count;
  if (connectedVoters(view, undefined) < needed) throw new StoreError('UnhealthyCluster');
}

function checkLearners(view: ReconfigurationView, rules: ReconfigurationRules): void {
  const learners = view.members.list().filter(({ isLearner }) => isLearner).length;
  if (learners >= rules.learnersMax) throw new StoreError('TooManyLearners');
}

function checkRemove(view: ReconfigurationView, id: bigint): void {
  if (view.members.get(id)?.isLearner === true) return;
  checkStarted(view, 0, 0, id);
  // Those who are left must be able to decide. etcd asks that only before it lets go of a member
  // that it hears; but who is not heard for a moment may be the one whose voice is needed.
  if (connectedVoters(view, id) < majority(voters(view).length - 1)) {
    throw new StoreError('UnhealthyCluster');
  }
}

function checkReady(view: ReconfigurationView, id: bigint): void {
  const { raft } = view;
  const match = raft.progressOf(id)?.match ?? 0;
  if (match < raft.lastIndex * LEARNER_READY) throw new StoreError('LearnerNotReady');
}
