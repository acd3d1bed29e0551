/**
 * How the configuration changes. A leader takes one change at a time into its log, and none before
 * it has committed in its own term: two changes under way at once could make two majorities that do
 * not meet. A change takes effect on each member when that member applies it.
 */
import { changeConf, confChangeProblem, isJoint, isMember } from './conf-change.js';
import type { Core } from './core.js';
import { becomeFollower } from './election.js';
import { isVoter, membersOf } from './quorum.js';
import { answerReads } from './read-answers.js';
import type { ProposeRefusal, ProposeResult } from './ready.js';
import { advanceCommit, broadcastAppend, sendAppend } from './replication.js';
import { abortTransfer } from './transfer.js';
import { type ConfChange, type ConfState, type Entry, NOBODY } from './types.js';

const NO_DATA = new Uint8Array(0);

/** Takes `change`, carried by `data`, into a leader's log; or says why not. */
export function proposeConfChange(core: Core, change: ConfChange, data: Uint8Array): ProposeResult {
  const reason = confChangeRefusal(core, change, data);
  if (reason !== undefined) return { accepted: false, reason };
  appendConfig(core, data);
  return { accepted: true, firstIndex: core.log.lastIndex };
}

function confChangeRefusal(
  core: Core,
  change: ConfChange,
  data: Uint8Array,
): ProposeRefusal | undefined {
  if (core.role !== 'leader') return core.leader === NOBODY ? 'no-leader' : 'not-leader';
  if (core.transferee !== NOBODY) return 'transferring';
  if (!core.hasCommittedInTerm) return 'not-ready';
  if (core.log.applied < core.pendingConfIndex) return 'conf-change-pending';
  // Empty data are how members recognise the change that leaves a joint configuration.
  if (change.steps.length > 0 && data.length === 0) return 'bad-conf-change';
  if (confChangeProblem(core.confState, change) !== undefined) return 'bad-conf-change';
  return core.exceedsUncommitted(data.length) ? 'uncommitted-limit' : undefined;
}

function appendConfig(core: Core, data: Uint8Array): void {
  const { log, term } = core;
  const entry: Entry = { term, index: log.lastIndex + 1, kind: 'config', data };
  log.append(entry);
  core.uncommittedBytes += data.length;
  core.pendingConfIndex = entry.index;
  broadcastAppend(core);
}

/** The leader of a joint configuration that leaves by itself proposes that as soon as it may. */
export function leaveJointIfDue(core: Core): void {
  if (core.role !== 'leader' || !core.confState.autoLeave || !isJoint(core.confState)) return;
  if (core.transferee !== NOBODY || !core.hasCommittedInTerm) return;
  if (core.log.applied >= core.pendingConfIndex) appendConfig(core, NO_DATA);
}

/** @throws Error if the change is impossible here: leaders propose none such */
export function applyConfChange(core: Core, change: ConfChange): ConfState {
  const result = changeConf(core.confState, change);
  if (!result.possible) throw new Error(`an impossible change was committed: ${result.problem}`);
  setConfState(core, result.confState);
  return result.confState;
}

/** From now on `conf` decides. */
export function setConfState(core: Core, conf: ConfState): void {
  for (const id of membersOf(core.confState)) if (!isMember(conf, id)) core.removed.add(id);
  for (const id of membersOf(conf)) core.removed.delete(id);
  core.confState = conf;
  if (core.role === 'leader') adaptLeader(core);
  else if (core.role !== 'follower' && !core.promotable) becomeFollower(core, core.term, NOBODY);
}

function adaptLeader(core: Core): void {
  const { confState } = core;
  if (!isVoter(confState, core.id)) {
    // Everyone was told of the commit when it happened; the rest is for those who remain.
    becomeFollower(core, core.term, NOBODY);
    return;
  }
  if (!isVoter(confState, core.transferee)) abortTransfer(core);
  for (const peer of core.progress.keys()) {
    if (!isMember(confState, peer)) core.progress.delete(peer);
  }
  const added = core.peers.filter((peer) => !core.progress.has(peer));
  for (const peer of added) {
    // It cannot have been heard yet, and that must not count against the leader.
    core.track(peer).markActive();
  }
  // A smaller quorum may have been reached already.
  if (advanceCommit(core)) broadcastAppend(core);
  else for (const peer of added) sendFirst(core, peer);
  answerReads(core);
}

function sendFirst(core: Core, peer: bigint): void {
  const progress = core.progress.get(peer);
  if (progress !== undefined) sendAppend(core, peer, progress, true);
}
