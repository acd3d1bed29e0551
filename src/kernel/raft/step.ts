/**
 * What every message passes before a role sees it: is it well formed, and how does its term
 * compare. Votes are decided here, because every role decides them alike. It never throws on what
 * a peer says; what no honest peer could mean is dropped.
 */
import type { Core } from './core.js';
import { becomeFollower, commitKnown, learnCommit } from './election.js';
import { isWellFormed, type Message, type VoteRequest } from './messages.js';
import { stepCandidate } from './step-candidate.js';
import { acceptSnapshot, stepFollower } from './step-follower.js';
import { stepLeader } from './step-leader.js';
import { NOBODY } from './types.js';

export function step(core: Core, message: Message): void {
  if (message.to !== core.id || message.from === core.id || !isWellFormed(message)) return;
  if (core.removed.has(message.from)) return;
  if (message.term > core.term) {
    if (!takeUpTerm(core, message)) return;
  } else if (message.term < core.term) {
    answerPast(core, message);
    return;
  }
  if (message.kind === 'vote' || message.kind === 'preVote') {
    decideVote(core, message);
    return;
  }
  switch (core.role) {
    case 'leader':
      stepLeader(core, message);
      break;
    case 'candidate':
    case 'pre-candidate':
      stepCandidate(core, message);
      break;
    case 'follower':
      stepFollower(core, message);
      break;
  }
}

/** @returns whether a message of a later term goes on to be handled */
function takeUpTerm(core: Core, message: Message): boolean {
  switch (message.kind) {
    case 'vote':
    case 'preVote':
      // Who has heard a leader lately does not help to depose it.
      if (!message.force && hearsLeader(core)) {
        if (message.kind === 'preVote') core.unanswered = message;
        return false;
      }
      if (message.kind === 'vote') becomeFollower(core, message.term, NOBODY);
      return true;
    case 'preVoteResponse':
      // A grant repeats the term that was asked for; nobody is in that term yet.
      if (!message.granted) becomeFollower(core, message.term, NOBODY);
      return true;
    case 'append':
    case 'heartbeat':
    case 'snapshot':
      becomeFollower(core, message.term, message.from);
      return true;
    case 'timeoutNow':
      // A leader hands over only to who has acknowledged its whole log, in its term.
      return false;
    case 'voteResponse':
    case 'appendAccepted':
    case 'appendRejected':
    case 'heartbeatResponse':
    case 'readIndex':
    case 'readIndexResponse':
      becomeFollower(core, message.term, NOBODY);
      return true;
  }
}

function hearsLeader(core: Core): boolean {
  const { checkQuorum, electionTicks } = core.config;
  return checkQuorum && core.leader !== NOBODY && core.electionElapsed < electionTicks;
}

/**
 * A message of an earlier term has no effect here, but for a snapshot. Its sender hears of the
 * present term where silence could last for ever: a leader that this member no longer listens to
 * while pre-vote, or having no vote, keeps it from campaigning, and a pre-vote that would be asked
 * again and again.
 */
function answerPast(core: Core, message: Message): void {
  const { checkQuorum, preVote } = core.config;
  const answer = { from: core.id, to: message.from, term: core.term };
  switch (message.kind) {
    case 'snapshot':
      // What it holds was committed, whoever leads by now; to send it once more would be a waste.
      if (core.role === 'follower') acceptSnapshot(core, message.mark);
      break;
    case 'append':
    case 'heartbeat':
      if (checkQuorum || preVote || !core.promotable)
        core.send({ kind: 'heartbeatResponse', ...answer, readRound: 0 });
      break;
    case 'preVote':
      core.send({ kind: 'preVoteResponse', ...answer, granted: false, ...commitKnown(core) });
      break;
    case 'timeoutNow':
    case 'vote':
    case 'voteResponse':
    case 'preVoteResponse':
    case 'appendAccepted':
    case 'appendRejected':
    case 'heartbeatResponse':
    case 'readIndex':
    case 'readIndexResponse':
      break;
  }
}

function decideVote(core: Core, message: VoteRequest): void {
  learnCommit(core, message.commit, message.commitTerm);
  const free =
    core.vote === message.from ||
    (core.vote === NOBODY && core.leader === NOBODY) ||
    (message.kind === 'preVote' && message.term > core.term);
  const granted = free && core.log.isUpToDate(message.lastIndex, message.lastTerm);
  if (granted) {
    // Whoever asked first goes first: two that campaign at once take each other's votes away.
    core.orphaned = false;
    if (message.kind === 'vote') {
      core.vote = message.from;
      core.electionElapsed = 0;
    }
  }
  core.send({
    kind: message.kind === 'vote' ? 'voteResponse' : 'preVoteResponse',
    from: core.id,
    to: message.from,
    term: granted ? message.term : core.term,
    granted,
    ...commitKnown(core),
  });
  if (granted && core.role === 'pre-candidate' && takesPrecedence(core, message)) {
    becomeFollower(core, core.term, NOBODY);
  }
}

/**
 * Whether this member, which asks for pre-votes itself, leaves it to one to whom it grants its own.
 * Two that grant each other's would both go on and take the votes from each other. Their messages
 * keep their order, so that who gives way hears the other's question before the other's grant.
 */
function takesPrecedence(core: Core, { from, lastIndex, lastTerm }: VoteRequest): boolean {
  const isLonger = lastTerm !== core.log.lastTerm || lastIndex !== core.log.lastIndex;
  return isLonger || from < core.id;
}
