/**
 * The passing of time, one tick at a call: heartbeats and the check of the quorum, or a campaign.
 */
import type { Core } from './core.js';
import { becomeFollower, campaign } from './election.js';
import { voteResult } from './quorum.js';
import { leaveJointIfDue } from './membership.js';
import { broadcastHeartbeat } from './replication.js';
import { tickTransfer } from './transfer.js';
import { NOBODY } from './types.js';

export function tick(core: Core): void {
  core.electionElapsed++;
  if (core.role === 'leader') tickLeader(core);
  else if (core.promotable && core.electionElapsed >= core.electionTimeout) {
    core.electionElapsed = 0;
    campaign(core);
  }
}

function tickLeader(core: Core): void {
  const { electionTicks, heartbeatTicks, checkQuorum } = core.config;
  if (core.electionElapsed >= electionTicks) {
    core.electionElapsed = 0;
    if (checkQuorum && !quorumIsActive(core)) {
      becomeFollower(core, core.term, NOBODY);
      return;
    }
  }
  tickTransfer(core);
  leaveJointIfDue(core);
  core.heartbeatElapsed++;
  if (core.heartbeatElapsed >= heartbeatTicks) {
    core.heartbeatElapsed = 0;
    broadcastHeartbeat(core);
  }
}

/** Whether a quorum was heard since the last call. */
function quorumIsActive(core: Core): boolean {
  const result = voteResult(
    core.confState,
    (id) => id === core.id || (core.progress.get(id)?.recentlyActive ?? false),
  );
  for (const progress of core.progress.values()) progress.clearActive();
  return result === 'won';
}
