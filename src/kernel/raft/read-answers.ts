/**
 * How a leader's confirmed reads leave: to its own caller, or to the follower that asked. A read is
 * confirmed when a quorum has answered its round; the leader counts itself as having answered all.
 */
import type { Core } from './core.js';
import type { PendingRead } from './read-index.js';

/** Answers every read whose round a quorum of the present configuration has confirmed. */
export function answerReads(core: Core): void {
  if (core.reads.pendingCount === 0) return;
  for (const read of core.reads.confirm(core.quorumReadRound())) deliverRead(core, read);
}

/** Answers a read that needs no further proof. */
export function deliverRead(core: Core, { requester, context, index }: PendingRead): void {
  if (requester === core.id) {
    core.answerRead({ context, index });
    return;
  }
  const { id: from, term } = core;
  core.send({ kind: 'readIndexResponse', from, to: requester, term, context, index });
}
