import type { Message } from '../raft/messages.js';

/**
 * Leaves out what a later message of the same bunch to the same member says as well: an append
 * without entries, which only tells the commit index, before another append; and an acceptance
 * before one that reaches as far. Raft takes it for a lost message. It changes and reorders
 * nothing.
 */
export function worthSending(messages: readonly Message[]): readonly Message[] {
  if (messages.length < 2) return messages;
  return messages.filter((message, at) => {
    for (let later = at + 1; later < messages.length; later++) {
      if (isSaidBy(message, messages[later] as Message)) return false;
    }
    return true;
  });
}

function isSaidBy(message: Message, later: Message): boolean {
  if (later.kind !== message.kind || later.to !== message.to || later.term !== message.term) {
    return false;
  }
  if (message.kind === 'append' && later.kind === 'append') {
    // Behind another entry it asks another question: whether the logs agree there.
    return message.entries.length === 0 && message.prevIndex === later.prevIndex;
  }
  return (
    message.kind === 'appendAccepted' &&
    later.kind === 'appendAccepted' &&
    message.matchIndex <= later.matchIndex
  );
}
