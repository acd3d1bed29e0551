/**
 * What a follower does with a message of its own term, and what every role that yields to a leader
 * does with that leader's appends. It never sends of its own accord; it answers.
 */
import type { Core } from './core.js';
import type { AppendRequest, Heartbeat, Message } from './messages.js';
import { NOBODY } from './types.js';

export function stepFollower(core: Core, message: Message): void {
  switch (message.kind) {
    case 'append':
    case 'heartbeat':
      followLeader(core, message);
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
export function followLeader(core: Core, message: AppendRequest | Heartbeat): void {
  // A term has one leader: a second one is no honest message.
  if (core.leader !== NOBODY && core.leader !== message.from) return;
  core.leader = message.from;
  core.electionElapsed = 0;
  if (message.kind === 'append') acceptAppend(core, message);
  else acceptHeartbeat(core, message);
}

function acceptAppend(core: Core, message: AppendRequest): void {
  const { log } = core;
  const { prevIndex, prevTerm, entries } = message;
  if (prevIndex < log.committed) {
    // An old copy: what is committed is the leader's log already.
    accept(core, message.from, log.committed);
    return;
  }
  if (log.termAt(prevIndex) !== prevTerm) {
    const hintIndex = log.lastIndexWithin(prevIndex, prevTerm);
    core.send({
      kind: 'appendRejected',
      from: core.id,
      to: message.from,
      term: core.term,
      rejectedIndex: prevIndex,
      hintIndex,
      hintTerm: log.termAt(hintIndex) ?? 0,
    });
    return;
  }
  // A leader that contradicts a committed entry gets no answer: agreeing or parting would be wrong.
  if (!log.merge(entries)) return;
  const matchIndex = prevIndex + entries.length;
  // What lies behind the last of these entries may be another leader's.
  log.commitTo(Math.min(message.commit, matchIndex));
  accept(core, message.from, matchIndex);
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
