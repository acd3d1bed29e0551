/** How entries and messages look in a transcript: one line each, index/term pairs first. */
import type { Message } from '../../../src/kernel/raft/messages.js';
import type { Entry, SnapshotMark } from '../../../src/kernel/raft/types.js';
import { describeConf } from './change-text.js';

const decoder = new TextDecoder();

export function describeEntry(entry: Entry): string {
  const sign = entry.kind === 'config' ? '*' : '';
  return `${entry.index}/${entry.term}${sign} "${decoder.decode(entry.data)}"`;
}

export function describeMark({ index, term, confState }: SnapshotMark): string {
  return `at ${index}/${term} of ${describeConf(confState)}`;
}

export function describeMessage(message: Message): string {
  const { from, to, kind, term } = message;
  return `${from}>${to} ${kind} t${term} ${describeBody(message)}`;
}

function describeBody(message: Message): string {
  switch (message.kind) {
    case 'vote':
    case 'preVote':
      return `last ${message.lastIndex}/${message.lastTerm}${message.force ? ' forced' : ''}${commit(message)}`;
    case 'voteResponse':
    case 'preVoteResponse':
      return `${message.granted ? 'granted' : 'refused'}${commit(message)}`;
    case 'append': {
      const entries = message.entries.map(describeEntry).join(', ');
      return `after ${message.prevIndex}/${message.prevTerm} commit ${message.commit} [${entries}]`;
    }
    case 'appendAccepted':
      return `match ${message.matchIndex}`;
    case 'appendRejected':
      return `not at ${message.rejectedIndex}, try ${message.hintIndex}/${message.hintTerm}`;
    case 'heartbeat':
      return `commit ${message.commit} round ${message.readRound}`;
    case 'heartbeatResponse':
      return `round ${message.readRound}`;
    case 'readIndex':
      return `context ${message.context}`;
    case 'readIndexResponse':
      return `context ${message.context} index ${message.index}`;
    case 'snapshot':
      return describeMark(message.mark);
    case 'timeoutNow':
      return 'go ahead';
  }
}

function commit(message: { readonly commit: number; readonly commitTerm: number }): string {
  return message.commit === 0 ? '' : `, commit ${message.commit}/${message.commitTerm}`;
}
