/**
 * What a leader does with a message of its own term: it follows its peers' logs, moves the commit
 * index, and confirms reads. Messages of those who do not receive the log are ignored.
 */
import type { Core } from './core.js';
import type { AppendAccepted, AppendRejected, HeartbeatResponse, Message } from './messages.js';
import type { Progress } from './progress.js';
import { isSoleVoter } from './quorum.js';
import {
  advanceCommit,
  broadcastAppend,
  broadcastHeartbeat,
  sendAppend,
  sendAppends,
  sendSnapshot,
} from './replication.js';
import { answerReads, deliverRead } from './read-answers.js';
import type { ReadResult } from './ready.js';
import { handOverIfCaughtUp } from './transfer.js';

export function stepLeader(core: Core, message: Message): void {
  const progress = core.progress.get(message.from);
  if (progress === undefined) return;
  switch (message.kind) {
    case 'appendAccepted':
      progress.markActive();
      acceptMatch(core, message, progress);
      break;
    case 'appendRejected':
      progress.markActive();
      backOff(core, message, progress);
      break;
    case 'heartbeatResponse':
      progress.markActive();
      acceptHeartbeatResponse(core, message, progress);
      break;
    case 'readIndex':
      // A leader that cannot serve it says nothing; the follower asks again.
      leaderRead(core, message.from, message.context);
      break;
    case 'vote':
    case 'preVote':
    case 'voteResponse':
    case 'preVoteResponse':
    case 'append':
    case 'heartbeat':
    case 'readIndexResponse':
    case 'snapshot':
    case 'timeoutNow':
      // Late votes, and messages that only another leader of this term could send.
      break;
  }
}

function acceptMatch(core: Core, message: AppendAccepted, progress: Progress): void {
  if (message.matchIndex > core.log.lastIndex) return;
  const wasPaused = progress.paused;
  if (!progress.accepted(message.matchIndex)) return;
  if (advanceCommit(core)) broadcastAppend(core);
  else if (wasPaused) sendAppend(core, message.from, progress, true);
  sendAppends(core, message.from, progress);
  if (message.from === core.transferee) handOverIfCaughtUp(core);
}

function backOff(core: Core, message: AppendRejected, progress: Progress): void {
  if (message.rejectedIndex === 0) {
    // Every log agrees before its first entry. Who refuses there has nothing to begin from.
    if (progress.state === 'probe' && progress.next === 1) {
      sendSnapshot(core, message.from, progress);
    }
    return;
  }
  // Where the follower's term at its hint is older than ours there, whole terms can be skipped.
  const candidate =
    message.hintTerm > 0
      ? core.log.lastIndexWithin(message.hintIndex, message.hintTerm)
      : message.hintIndex;
  if (progress.rejected(message.rejectedIndex, candidate)) {
    sendAppend(core, message.from, progress, true);
  }
}

function acceptHeartbeatResponse(core: Core, message: HeartbeatResponse, progress: Progress): void {
  // Appends may have been lost; if so, the next one is refused and shows where to go on.
  progress.resume();
  if (progress.match < core.log.lastIndex || progress.state === 'probe') {
    sendAppend(core, message.from, progress, true);
  }
  if (message.readRound > core.reads.newest) return;
  progress.confirmReadRound(message.readRound);
  answerReads(core);
}

/** Takes up a read for `requester`, which may be this member. */
export function leaderRead(core: Core, requester: bigint, context: number): ReadResult {
  if (!core.hasCommittedInTerm) return { accepted: false, reason: 'not-ready' };
  const read = { requester, context, index: core.log.committed };
  if (isSoleVoter(core.confState, core.id)) {
    deliverRead(core, read);
    return { accepted: true };
  }
  const joined = core.reads.add(read);
  if (joined === 'full') return { accepted: false, reason: 'not-ready' };
  if (joined === 'opened') broadcastHeartbeat(core);
  // Alone in both halves of a joint configuration, nobody else will confirm the round.
  answerReads(core);
  return { accepted: true };
}
