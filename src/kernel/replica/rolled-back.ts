/**
 * Finds out members that hold less than they promised: whose directory was replaced by an older
 * copy of itself. Such a member sees it by itself in a heartbeat, which names no more as committed
 * than what the member acknowledged to that leader. And the leader sees it: it remembers what each
 * start of a member acknowledged in its term; when the next start refuses an append with a log that
 * ends before that, the log was cut. Frames that were late prove nothing, for they are of the start
 * that acknowledged. Nobody but the leader that was promised something can know.
 */
import type { Message } from '../raft/messages.js';
import type { Raft } from '../raft/raft.js';

interface Acknowledged {
  readonly term: number;
  readonly startNonce: bigint;
  /** What earlier starts of the member acknowledged in the term. */
  readonly index: number;
}

export class RolledBack {
  readonly #raft: Raft;
  readonly #acknowledged = new Map<bigint, Acknowledged>();

  constructor(raft: Raft) {
    this.#raft = raft;
  }

  /** Whether a message that is about to be stepped shows that this member lost what it promised. */
  showsOwn(message: Message): boolean {
    const { term, lastIndex } = this.#raft;
    return message.kind === 'heartbeat' && message.term >= term && message.commit > lastIndex;
  }

  /** Whether a message that is about to be stepped shows that its sender lost what it promised. */
  shows(message: Message, startNonce: bigint): boolean {
    const raft = this.#raft;
    const progress = raft.progressOf(message.from);
    if (raft.role !== 'leader' || progress === undefined) return false;
    const { term } = raft;
    const known = this.#acknowledged.get(message.from);
    if (known?.term !== term || known.startNonce !== startNonce) {
      const isLater = known?.term === term;
      const index = isLater ? progress.match : 0;
      this.#acknowledged.set(message.from, { term, startNonce, index });
      return false;
    }
    return (
      message.kind === 'appendRejected' && message.term === term && message.hintIndex < known.index
    );
  }
}
