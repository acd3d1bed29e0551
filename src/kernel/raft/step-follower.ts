/**
 * What a follower does with a message of its own term, and what every role that yields to a leader
 * does with that leader's appends. It never sends of its own accord; it answers.
 */
import type { Core } from './core.js';
import { campaignForced } from './election.js';
import type { AppendRequest, Heartbeat, Message, SnapshotMessage } from './messages.js';
import { setConfState } from './membership.js';
import { NOBODY, type SnapshotMark } from './types.js';

export function stepFollower(core: Core, message: Message): void {
  switch (message.kind) {
    case 'append':
    case 'heartbeat':
    case 'snapshot':
      followLeader(core, message);
      break;
    case 'timeoutNow':
      if (message.from === core.leader) campaignForced(core);
      break;
    case 'readIndexResponse':
      if (message.from === core.leader) {
        core.answerRead({ context: message.context, index: message.index });
      }
      break;
    case 'vote':
    case 'preVote':
    case 'voteResponse':
    case 'preVoteResponse':
    case 'appendAccepted':
    case 'appendRejected':
    case 'heartbeatResponse':
    case 'readIndex':
      // Answers to a role that this member has left, and requests that only a leader serves.
      break;
  }
}

/** The core is a follower of `message.from`, or of nobody yet. */
export function followLeader(
  core: Core,
  message: AppendRequest | Heartbeat | SnapshotMessage,
): void {
  // A term has one leader: a second one is no honest message.
  if (core.leader !== NOBODY && core.leader !== message.from) return;
  core.leader = message.from;
  core.orphaned = false;
  core.unanswered = undefined;
  core.electionElapsed = 0;
  switch (message.kind) {
    case 'append':
      acceptAppend(core, message);
      break;
    case 'heartbeat':
      acceptHeartbeat(core, message);
      break;
    case 'snapshot':
      acceptSnapshot(core, message.mark);
      accept(core, message.from, core.log.committed);
      break;
  }
}

function acceptAppend(core: Core, message: AppendRequest): void {
  const { log } = core;
  const { prevIndex, prevTerm, entries } = message;
  if (prevIndex < log.committed) {
    // An old copy: what is committed is the leader's log already.
    accept(core, message.from, log.committed);
    return;
  }
  // A member that has no configuration begins with a snapshot: only that brings one.
  const blank = core.confState.voters.length === 0;
  if (blank || log.termAt(prevIndex) !== prevTerm) {
    reject(core, message, blank ? 0 : log.lastIndexWithin(prevIndex, prevTerm));
    return;
  }
  // A leader that contradicts a committed entry gets no answer: agreeing or parting would be wrong.
  if (!log.merge(entries)) return;
  const matchIndex = prevIndex + entries.length;
  // What lies behind the last of these entries may be another leader's.
  log.commitTo(Math.min(message.commit, matchIndex));
  accept(core, message.from, matchIndex);
}

function reject(core: Core, message: AppendRequest, hintIndex: number): void {
  core.send({
    kind: 'appendRejected',
    from: core.id,
    to: message.from,
    term: core.term,
    rejectedIndex: message.prevIndex,
    hintIndex,
    hintTerm: core.log.termAt(hintIndex) ?? 0,
  });
}

/** Takes a snapshot that says something new; one that does not changes nothing. */
export function acceptSnapshot(core: Core, mark: SnapshotMark): void {
  const { log } = core;
  if (mark.index <= log.committed) return;
  // Logs that agree on one entry agree on all before it: then nothing has to be replaced.
  if (log.termAt(mark.index) === mark.term) log.commitTo(mark.index);
  else takeOver(core, mark);
}

/** The state of this member becomes the snapshot's; the caller learns of it in the next Ready. */
function takeOver(core: Core, mark: SnapshotMark): void {
  core.log.restore(mark);
  core.snapshot = mark;
  core.installing = true;
  setConfState(core, mark.confState);
}

function accept(core: Core, to: bigint, matchIndex: number): void {
  core.send({ kind: 'appendAccepted', from: core.id, to, term: core.term, matchIndex });
}

function acceptHeartbeat(core: Core, message: Heartbeat): void {
  // An honest leader never names more than this member has acknowledged to it.
  if (message.commit <= core.log.lastIndex) core.log.commitTo(message.commit);
  core.send({
    kind: 'heartbeatResponse',
    from: core.id,
    to: message.from,
    term: core.term,
    readRound: message.readRound,
  });
}
