/**
 * What must hold between the members of a cluster, checked step by step as a simulation goes: one
 * leader a term, logs that match, leaders that have all that was committed, commits that a quorum
 * has on disk, one vote a term over restarts. It remembers what was ever seen, so that a check
 * costs only what is new. It never changes a machine.
 */
import type { MemberView } from './invariants.js';
import type { Message } from './messages.js';
import { type ConfState, type Entry, NOBODY } from './types.js';

/** What a member would find on its disk if it lost power now. */
export interface DurableView {
  readonly term: number;
  readonly vote: bigint;
  termAt(index: number): number | undefined;
}

interface CommittedEntry {
  readonly entry: Entry;
  /** The term in which it was first seen committed; leaders of later terms must have it. */
  readonly inTerm: number;
}

export class ClusterInvariants {
  readonly #confState: ConfState;
  readonly #diskOf: (member: bigint) => DurableView;
  readonly #leaders = new Map<number, bigint>();
  readonly #votes = new Map<string, bigint>();
  /** By index and term: the entry, and the term of the one before it. */
  readonly #seen = new Map<string, { readonly entry: Entry; readonly prevTerm: number }>();
  /** Committed entries from index 1. */
  readonly #committed: CommittedEntry[] = [];
  readonly #checkedTo = new Map<bigint, number>();

  constructor(confState: ConfState, diskOf: (member: bigint) => DurableView) {
    this.#confState = confState;
    this.#diskOf = diskOf;
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
  checkMember(raft: MemberView): void {
    this.#checkMatching(raft);
    this.#checkCommitted(raft);
    if (raft.role === 'leader') this.#checkLeader(raft);
  }

  /**
   * To be called for every message that leaves a member.
   * @throws Error on a second vote in one term, and on a promise that is not on the sender's disk
   */
  checkMessage(message: Message): void {
    switch (message.kind) {
      case 'vote':
        this.#checkVote(message.from, message.term, message.from);
        break;
      case 'voteResponse':
        if (message.granted) this.#checkVote(message.from, message.term, message.to);
        break;
      case 'appendAccepted':
        if (this.#diskOf(message.from).termAt(message.matchIndex) === undefined) {
          throw new Error(`${message.from} acknowledged ${message.matchIndex}, not on its disk`);
        }
        break;
      case 'preVote':
      case 'preVoteResponse':
      case 'append':
      case 'appendRejected':
      case 'heartbeat':
      case 'heartbeatResponse':
      case 'readIndex':
      case 'readIndexResponse':
        break;
    }
  }

  #checkVote(voter: bigint, term: number, candidate: bigint): void {
    const key = `${voter}:${term}`;
    const earlier = this.#votes.get(key) ?? candidate;
    this.#votes.set(key, candidate);
    if (earlier !== candidate) {
      throw new Error(`${voter} voted for ${earlier} and ${candidate} in term ${term}`);
    }
    const disk = this.#diskOf(voter);
    if (disk.term < term || (disk.term === term && disk.vote !== candidate)) {
      throw new Error(`${voter} told its vote of term ${term} before it was on its disk`);
    }
  }

  #checkMatching(raft: MemberView): void {
    const from = Math.max(raft.firstIndex, this.#checkedTo.get(raft.id) ?? 0);
    for (let index = from; index <= raft.lastIndex; index++) {
      const entry = raft.entryAt(index);
      if (entry === undefined) throw new Error(`${raft.id} has a gap at ${index}`);
      // A sole voter that loses power before its new term is on disk leads that term once more:
      // nothing of the first time has left, so it may differ.
      if (entry.term > this.#diskOf(raft.id).term) break;
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

  #checkCommitted(raft: MemberView): void {
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

  #addCommitted(raft: MemberView, entry: Entry): void {
    if (entry.index !== this.#committed.length + 1) throw new Error('a commit skips an entry');
    const { voters, votersOutgoing } = this.#confState;
    for (const majorityOf of votersOutgoing.length > 0 ? [voters, votersOutgoing] : [voters]) {
      // Counted here anew: a check must not lean on the arithmetic that it checks.
      const holders = majorityOf.filter(
        (id) => this.#diskOf(id).termAt(entry.index) === entry.term,
      );
      if (holders.length * 2 <= majorityOf.length) {
        throw new Error(`entry ${entry.index} is committed, not on a quorum's disks`);
      }
    }
    this.#committed.push({ entry, inTerm: raft.term });
  }

  #checkLeader(raft: MemberView): void {
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
