/**
 * Finds out members that hold less than they promised: whose directory was replaced by an older
 * copy of itself. Such a member sees it by itself in a heartbeat, which names no more as committed
 * than what the member acknowledged to that leader. And the leader sees it: it remembers what each
 * start of a member acknowledged in its term; when the next start refuses an append with a log that
 * ends before that, the log was cut. Frames that were late prove nothing: each is measured by what
 * was promised before its own start was first heard, also when starts are heard in turns. What is
 * committed besides holds beyond the term of the leader, for all who heard of it: see Pledges.
 */
import { LIMITS } from '../../store/index.js';
import type { Message } from '../raft/messages.js';
import type { Raft } from '../raft/raft.js';
import type { Pledges } from './pledges.js';

interface Acknowledged {
  readonly term: number;
  /** The start that was heard last. */
  startNonce: bigint;
  /**
   * What was acknowledged in the term before a start was first heard in it, by start; who was heard
   * last is at the end.
   */
  readonly before: Map<bigint, number>;
}

export class RolledBack {
  readonly #raft: Raft;
  readonly #pledges: Pick<Pledges, 'of'>;
  readonly #acknowledged = new Map<bigint, Acknowledged>();

  constructor(raft: Raft, pledges: Pick<Pledges, 'of'>) {
    this.#raft = raft;
    this.#pledges = pledges;
  }

  /** Whether a message that is about to be stepped shows that this member lost what it promised. */
  showsOwn(message: Message): boolean {
    const { term, lastIndex } = this.#raft;
    return message.kind === 'heartbeat' && message.term >= term && message.commit > lastIndex;
  }

  /** Whether a message that is about to be stepped shows that its sender lost what it promised. */
  shows(message: Message, startNonce: bigint): boolean {
    if (this.#breaksPledge(message)) return true;
    const raft = this.#raft;
    const progress = raft.progressOf(message.from);
    if (raft.role !== 'leader' || progress === undefined) return false;
    const { term } = raft;
    let known = this.#acknowledged.get(message.from);
    if (known?.term !== term) {
      known = { term, startNonce, before: new Map([[startNonce, 0]]) };
      this.#acknowledged.set(message.from, known);
      return false;
    }
    if (known.startNonce !== startNonce && !heardBefore(known, startNonce, progress.match)) {
      return false;
    }
    const index = known.before.get(startNonce) ?? 0;
    return message.kind === 'appendRejected' && message.term === term && message.hintIndex < index;
  }

  /**
   * Whether the message contradicts what its sender holds for good. It must be of a later term than
   * the pledge: only then was it certainly sent after. Pre-votes raise no term and prove nothing.
   */
  #breaksPledge(message: Message): boolean {
    const raft = this.#raft;
    const pledge = this.#pledges.of(message.from);
    if (pledge === undefined || message.term <= pledge.term) return false;
    switch (message.kind) {
      case 'vote':
        return message.lastIndex < pledge.index;
      case 'voteResponse':
        // Who has that entry votes for nobody who has not.
        return (
          message.granted &&
          message.term === raft.term &&
          raft.role === 'candidate' &&
          raft.lastIndex < pledge.index
        );
      case 'appendRejected':
        return (
          raft.role === 'leader' && message.term === raft.term && message.hintIndex < pledge.index
        );
      default:
        return false;
    }
  }
}

/**
 * Another start than the last one is heard. A late frame of an earlier one changes nothing of what
 * the present one is held to, or that would be held to its own promises.
 * @returns whether it was heard in this term already
 */
function heardBefore(known: Acknowledged, startNonce: bigint, match: number): boolean {
  const { before } = known;
  const index = before.get(startNonce);
  known.startNonce = startNonce;
  before.delete(startNonce);
  before.set(startNonce, index ?? match);
  if (before.size > LIMITS.peerStarts) {
    for (const oldest of before.keys()) {
      before.delete(oldest);
      break;
    }
  }
  return index !== undefined;
}
