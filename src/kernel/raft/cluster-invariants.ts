/**
 * What must hold between the members of a cluster, checked step by step as a simulation goes: one
 * leader a term, logs that match, leaders that have all that was committed, commits that a quorum
 * has on disk, one vote a term over restarts. It remembers what was ever seen, so that a check costs
 * only what is new. It never changes a machine.
 */
import type { Message } from './messages.js';
import { quorumReached } from './quorum.js';
import type { Raft } from './raft.js';
import { type ConfState, type Entry, NOBODY } from './types.js';

interface CommittedEntry {
  readonly entry: Entry;
  /** The term in which it was first seen committed; leaders of later terms must have it. */
  readonly inTerm: number;
}

export class ClusterInvariants {
  readonly #confState: ConfState;
  readonly #durableTermAt: (member: bigint, index: number) => number | undefined;
  readonly #leaders = new Map<number, bigint>();
  readonly #votes = new Map<string, bigint>();
  /** By index and term: the entry, and the term of the one before it. */
  readonly #seen = new Map<string, { readonly entry: Entry; readonly prevTerm: number }>();
  /** Committed entries from index 1. */
  readonly #committed: CommittedEntry[] = [];
  readonly #checkedTo = new Map<bigint, number>();

  /** @param durableTermAt - The term of the entry that `member` has on its disk at `index` */
  constructor(
    confState: ConfState,
    durableTermAt: (member: bigint, index: number) => number | undefined,
  ) {
    this.#confState = confState;
    this.#durableTermAt = durableTermAt;
  }

  /** The highest index that any member ever committed. */
  get committed(): number {
    return this.#committed.length;
  }

  committedEntry(index: number): Entry | undefined {
    return this.#committed[index - 1]?.entry;
  }

  /** A member lost its memory: what it holds is looked at afresh. */
  restarted(member: bigint): void {
    this.#checkedTo.delete(member);
  }

  /**
   * To be called after every step of `raft`.
   * @throws Error naming what is broken
   */
  checkMember(raft: Raft): void {
    this.#checkMatching(raft);
    this.#checkCommitted(raft);
    if (raft.role === 'leader') this.#checkLeader(raft);
  }

  /**
   * To be called for every message that leaves a member.
   * @throws Error on a second vote in one term
   */
  checkMessage(message: Message): void {
    if (message.kind === 'vote') this.#checkVote(message.from, message.term, message.from);
    if (message.kind === 'voteResponse' && message.granted) {
      this.#checkVote(message.from, message.term, message.to);
    }
    if (message.kind === 'appendAccepted') {
      const durable = this.#durableTermAt(message.from, message.matchIndex);
      if (durable === undefined && message.matchIndex > 0) {
        throw new Error(`${message.from} acknowledged ${message.matchIndex}, not on its disk`);
      }
    }
  }

  #checkVote(voter: bigint, term: number, candidate: bigint): void {
    const key = `${voter}:${term}`;
    const earlier = this.#votes.get(key) ?? candidate;
    this.#votes.set(key, candidate);
    if (earlier !== candidate) {
      throw new Error(`${voter} voted for ${earlier} and ${candidate} in term ${term}`);
    }
  }

  #checkMatching(raft: Raft): void {
    const from = Math.max(raft.firstIndex, this.#checkedTo.get(raft.id) ?? 0);
    for (let index = from; index <= raft.lastIndex; index++) {
      const entry = raft.entryAt(index);
      if (entry === undefined) throw new Error(`${raft.id} has a gap at ${index}`);
      const prevTerm = raft.termAt(index - 1) ?? 0;
      const key = `${index}:${entry.term}`;
      const seen = this.#seen.get(key);
      if (seen === undefined) this.#seen.set(key, { entry, prevTerm });
      else if (seen.prevTerm !== prevTerm || !sameData(seen.entry, entry)) {
        throw new Error(`two logs differ at or before (index ${index}, term ${entry.term})`);
      }
    }
    // What is not committed may be replaced by entries of other terms, so it is looked at again.
    this.#checkedTo.set(raft.id, raft.committed + 1);
  }

  #checkCommitted(raft: Raft): void {
    const checked = this.#checkedTo.get(-raft.id) ?? 0;
    for (let index = Math.max(checked, raft.firstIndex); index <= raft.committed; index++) {
      const entry = raft.entryAt(index);
      if (entry === undefined) throw new Error(`${raft.id} committed ${index}, which is missing`);
      const known = this.#committed[index - 1];
      if (known === undefined) this.#addCommitted(raft, entry);
      else if (known.entry.term !== entry.term || !sameData(known.entry, entry)) {
        throw new Error(`${raft.id} committed another entry at ${index}`);
      }
    }
    this.#checkedTo.set(-raft.id, raft.committed + 1);
  }

  #addCommitted(raft: Raft, entry: Entry): void {
    if (entry.index !== this.#committed.length + 1) throw new Error('a commit skips an entry');
    const durable = quorumReached(this.#confState, (id) =>
      this.#durableTermAt(id, entry.index) === entry.term ? 1 : 0,
    );
    if (durable === 0)
      throw new Error(`entry ${entry.index} is committed, not on a quorum's disks`);
    this.#committed.push({ entry, inTerm: raft.term });
  }

  #checkLeader(raft: Raft): void {
    const leader = this.#leaders.get(raft.term) ?? NOBODY;
    if (leader === raft.id) return;
    if (leader !== NOBODY) throw new Error(`${leader} and ${raft.id} both led term ${raft.term}`);
    this.#leaders.set(raft.term, raft.id);
    const newest = this.#committed.findLast(({ inTerm }) => inTerm < raft.term)?.entry;
    if (newest === undefined || newest.index < raft.firstIndex) return;
    if (raft.termAt(newest.index) !== newest.term) {
      throw new Error(`leader ${raft.id} of term ${raft.term} misses entry ${newest.index}`);
    }
  }
}

function sameData(left: Entry, right: Entry): boolean {
  if (left.data === right.data) return true;
  if (left.kind !== right.kind || left.data.length !== right.data.length) return false;
  return left.data.every((byte, position) => byte === right.data[position]);
}
