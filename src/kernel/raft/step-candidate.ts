/**
 * What a candidate, or one that asks for pre-votes, does with a message of its own term: it counts
 * votes, and yields at once to whoever won the term already.
 */
import type { Core } from './core.js';
import { becomeFollower, learnCommit, recordVote } from './election.js';
import type { Message } from './messages.js';
import { followLeader } from './step-follower.js';

export function stepCandidate(core: Core, message: Message): void {
  switch (message.kind) {
    case 'append':
    case 'heartbeat':
    case 'snapshot':
      becomeFollower(core, message.term, message.from);
      followLeader(core, message);
      break;
    case 'voteResponse':
      learnCommit(core, message.commit, message.commitTerm);
      if (core.role === 'candidate') recordVote(core, message.from, message.granted);
      break;
    case 'preVoteResponse':
      learnCommit(core, message.commit, message.commitTerm);
      // A grant names the term that was asked for; one of an earlier campaign does not count.
      if (core.role !== 'pre-candidate') break;
      if (!message.granted || message.term === core.term + 1) {
        recordVote(core, message.from, message.granted);
      }
      break;
    case 'timeoutNow':
    case 'vote':
    case 'preVote':
    case 'appendAccepted':
    case 'appendRejected':
    case 'heartbeatResponse':
    case 'readIndex':
    case 'readIndexResponse':
      // Answers to a role that this member has left, and requests that only a leader serves.
      break;
  }
}
