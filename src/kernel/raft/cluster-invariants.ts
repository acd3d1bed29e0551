/**
 * What must hold between the members of a cluster, checked step by step as a simulation goes: one
 * leader a term, elected by a quorum; logs that match; leaders that have all that was committed;
 * commits that a quorum of the configuration in force has on disk; one history of configurations;
 * one vote a term over restarts; acknowledgements that are kept. It remembers what was ever seen,
 * so that a check costs only what is new. Members may come, go, be wiped, and take over snapshots.
 * It never changes a machine, and shares no arithmetic with what it checks.
 */
import type { MemberView } from './invariants.js';
import type { AppendAccepted, Message } from './messages.js';
import { type ConfState, type Entry, NOBODY } from './types.js';

/** What a member would find on its disk if it lost power now. */
export interface DurableView {
  readonly term: number;
  readonly vote: bigint;
  /** Everything up to here is held as state, not as entries; 0 without a snapshot. */
  readonly snapshotIndex: number;
  /** The term of an entry; undefined if the disk has none at `index`. */
  termAt(index: number): number | undefined;
}

interface CommittedEntry {
  readonly entry: Entry;
  /** The term in which it was first seen committed; leaders of later terms must have it. */
  readonly inTerm: number;
}

/** What is remembered of one member, until it is wiped. */
interface Watched {
  /** Entries from here on were not compared with those of the other members yet. */
  matchFrom: number;
  /** Entries from here on were not looked at as committed ones yet. */
  commitFrom: number;
  /** The last acknowledgement that it sent. */
  accepted: { readonly term: number; readonly index: number } | undefined;
}

/**
 * The checker of a whole cluster; it throws an Error at the first thing that does not hold.
 *
 * @example
 * const nobody = { votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false };
 * const confState = { voters: [1n, 2n, 3n], ...nobody };
 * const invariants = new ClusterInvariants(confState, () => undefined);
 * const stepped = (raft: MemberView): void => invariants.checkMember(raft);
 */
export class ClusterInvariants {
  readonly #diskOf: (member: bigint) => DurableView | undefined;
  readonly #leaders = new Map<number, bigint>();
  readonly #votes = new Map<string, bigint>();
  /** By index and term: the entry, and the term of the one before it. */
  readonly #seen = new Map<string, { readonly entry: Entry; readonly prevTerm: number }>();
  readonly #committed = new Map<number, CommittedEntry>();
  /** The highest index ever committed; undefined before any was seen. */
  #committedTo: number | undefined;
  readonly #watched = new Map<bigint, Watched>();
  /** Committed entries that may have changed the configuration, oldest first. */
  readonly #configIndexes: number[] = [];
  /** The configuration in force since each of them; since 0 the one at the beginning. */
  readonly #configs = new Map<number, string>();
  /** The text of configurations that were looked at: a member keeps one for long. */
  readonly #configTexts = new WeakMap<ConfState, string>();

  /**
   * @param confState - The configuration that the cluster begins with
   * @param diskOf - What a member has on its disk, or had last if the disk is gone; undefined for
   *   one that never was
   */
  constructor(confState: ConfState, diskOf: (member: bigint) => DurableView | undefined) {
    this.#configs.set(0, configText(confState));
    this.#diskOf = diskOf;
  }

  /** The highest index that any member ever committed. */
  get committed(): number {
    return this.#committedTo ?? 0;
  }

  committedEntry(index: number): Entry | undefined {
    return this.#committed.get(index)?.entry;
  }

  /** A member lost its memory and kept its disk: what it holds is looked at afresh. */
  restarted(member: bigint): void {
    const watched = this.#watched.get(member);
    if (watched === undefined) return;
    watched.matchFrom = 0;
    watched.commitFrom = 0;
  }

  /** A member lost its disk, or left. Whoever comes back in its place must have another id. */
  wiped(member: bigint): void {
    this.#watched.delete(member);
  }

  /**
   * To be called after every step of `raft`.
   * @throws Error naming what is broken
   */
  checkMember(raft: MemberView): void {
    const watched = this.#watch(raft.id);
    this.#checkMatching(raft, watched);
    this.#checkCommitted(raft, watched);
    this.#checkConfig(raft);
    checkAccepted(raft, watched);
    if (raft.role === 'leader') this.#checkLeader(raft);
  }

  /**
   * To be called for every message that leaves a member.
   * @throws Error on a second vote in one term, on a term or a promise that is not on the sender's
   *   disk, and on an acknowledgement of another leader's entry
   */
  checkMessage(message: Message): void {
    this.#checkTerm(message);
    switch (message.kind) {
      case 'vote':
        this.#checkVote(message.from, message.term, message.from);
        break;
      case 'voteResponse':
        if (message.granted) this.#checkVote(message.from, message.term, message.to);
        break;
      case 'appendAccepted':
        this.#checkAcknowledgement(message);
        break;
      case 'preVote':
      case 'preVoteResponse':
      case 'append':
      case 'appendRejected':
      case 'heartbeat':
      case 'heartbeatResponse':
      case 'readIndex':
      case 'readIndexResponse':
      case 'snapshot':
      case 'timeoutNow':
        break;
    }
  }

  #watch(member: bigint): Watched {
    const known = this.#watched.get(member);
    if (known !== undefined) return known;
    const watched = { matchFrom: 0, commitFrom: 0, accepted: undefined };
    this.#watched.set(member, watched);
    return watched;
  }

  /** A member that forgot the term it has spoken in could vote or lead in it once more. */
  #checkTerm(message: Message): void {
    const { kind, from, term } = message;
    // A pre-vote names a term that nobody is in.
    if (kind === 'preVote' || (kind === 'preVoteResponse' && message.granted)) return;
    if ((this.#diskOf(from)?.term ?? 0) < term) {
      throw new Error(`${from} spoke in term ${term} before it was on its disk`);
    }
  }

  #checkAcknowledgement({ from, term, matchIndex: index }: AppendAccepted): void {
    if (!this.#holds(from, index, undefined)) {
      throw new Error(`${from} acknowledged ${index}, not on its disk`);
    }
    if ((this.#diskOf(from)?.termAt(index) ?? 0) > term) {
      throw new Error(`${from} acknowledged ${index} to a leader that has another entry there`);
    }
    const watched = this.#watch(from);
    const last = watched.accepted;
    if (last === undefined || term > last.term || (term === last.term && index > last.index)) {
      watched.accepted = { term, index };
    }
  }

  /** Whether `member` has the entry at `index` on its disk, of `term` if that is given. */
  #holds(member: bigint, index: number, term: number | undefined): boolean {
    const disk = this.#diskOf(member);
    if (disk === undefined) return false;
    if (index <= disk.snapshotIndex) return true;
    const held = disk.termAt(index);
    return held !== undefined && (term === undefined || held === term);
  }

  #checkVote(voter: bigint, term: number, candidate: bigint): void {
    const key = `${voter}:${term}`;
    const earlier = this.#votes.get(key) ?? candidate;
    this.#votes.set(key, candidate);
    if (earlier !== candidate) {
      throw new Error(`${voter} voted for ${earlier} and ${candidate} in term ${term}`);
    }
    const disk = this.#diskOf(voter);
    const told = disk !== undefined && disk.term >= term;
    if (!told || (disk.term === term && disk.vote !== candidate)) {
      throw new Error(`${voter} told its vote of term ${term} before it was on its disk`);
    }
  }

  /** The same entries lead all members to the same configurations. */
  #checkConfig(raft: MemberView): void {
    // A member that has not begun knows no configuration.
    if (raft.confState.voters.length === 0) return;
    const since = this.#configIndexes.findLast((index) => index <= raft.applied) ?? 0;
    // While changes are being applied, the applied index does not tell how many of them are.
    if (this.#configIndexes.some((index) => index > since && index <= raft.committed)) return;
    const text = this.#textOf(raft.confState);
    const known = this.#configs.get(since);
    if (known === undefined) this.#configs.set(since, text);
    else if (known !== text) {
      throw new Error(`${raft.id} has configuration ${text} since ${since}, others have ${known}`);
    }
  }

  #textOf(confState: ConfState): string {
    let text = this.#configTexts.get(confState);
    if (text === undefined) {
      text = configText(confState);
      this.#configTexts.set(confState, text);
    }
    return text;
  }

  #checkMatching(raft: MemberView, watched: Watched): void {
    for (
      let index = Math.max(raft.firstIndex, watched.matchFrom);
      index <= raft.lastIndex;
      index++
    ) {
      const entry = raft.entryAt(index);
      if (entry === undefined) throw new Error(`${raft.id} has a gap at ${index}`);
      // A sole voter that loses power before its new term is on disk leads that term once more:
      // nothing of the first time has left, so it may differ.
      if (entry.term > (this.#diskOf(raft.id)?.term ?? 0)) break;
      const prevTerm = raft.termAt(index - 1) ?? 0;
      const key = `${index}:${entry.term}`;
      const seen = this.#seen.get(key);
      if (seen === undefined) this.#seen.set(key, { entry, prevTerm });
      else if (seen.prevTerm !== prevTerm || !sameData(seen.entry, entry)) {
        throw new Error(`two logs differ at or before (index ${index}, term ${entry.term})`);
      }
    }
    // What is not committed may be replaced by entries of other terms, so it is looked at again.
    watched.matchFrom = raft.committed + 1;
  }

  #checkCommitted(raft: MemberView, watched: Watched): void {
    this.#checkMark(raft);
    const from = Math.max(watched.commitFrom, raft.firstIndex);
    for (let index = from; index <= raft.committed; index++) {
      const entry = raft.entryAt(index);
      if (entry === undefined) throw new Error(`${raft.id} committed ${index}, which is missing`);
      const known = this.#committed.get(index)?.entry;
      if (known === undefined) this.#addCommitted(raft, entry);
      else if (known.term !== entry.term || !sameData(known, entry)) {
        throw new Error(`${raft.id} committed another entry at ${index}`);
      }
    }
    watched.commitFrom = raft.committed + 1;
  }

  /** What lies before a log was compacted or came as a snapshot; either way it was committed. */
  #checkMark(raft: MemberView): void {
    const index = raft.firstIndex - 1;
    // A cluster may begin with a state that was made elsewhere.
    this.#committedTo ??= index;
    if (index > this.#committedTo) {
      throw new Error(`${raft.id} has a snapshot at ${index}, which nobody committed`);
    }
    const known = this.#committed.get(index)?.entry;
    if (known !== undefined && raft.termAt(index) !== known.term) {
      throw new Error(`${raft.id} has a snapshot of another history at ${index}`);
    }
  }

  #addCommitted(raft: MemberView, entry: Entry): void {
    if (entry.index !== this.committed + 1) throw new Error('a commit skips an entry');
    if (raft.role !== 'leader') {
      throw new Error(`${raft.id} committed entry ${entry.index} before any leader did`);
    }
    if (!isQuorum(raft.confState, (id) => this.#holds(id, entry.index, entry.term))) {
      throw new Error(`entry ${entry.index} is committed, not on a quorum's disks`);
    }
    this.#committed.set(entry.index, { entry, inTerm: raft.term });
    this.#committedTo = entry.index;
    if (entry.kind === 'config') this.#configIndexes.push(entry.index);
  }

  #checkElection({ id, term, vote, confState }: MemberView): void {
    const votedFor = (voter: bigint): bigint | undefined =>
      voter === id ? vote : this.#votes.get(`${voter}:${term}`);
    if (!isQuorum(confState, (voter) => votedFor(voter) === id)) {
      throw new Error(`${id} leads term ${term} without the votes of a quorum`);
    }
  }

  #checkLeader(raft: MemberView): void {
    const leader = this.#leaders.get(raft.term) ?? NOBODY;
    if (leader === raft.id) return;
    if (leader !== NOBODY) throw new Error(`${leader} and ${raft.id} both led term ${raft.term}`);
    this.#leaders.set(raft.term, raft.id);
    this.#checkCompleteness(raft);
    this.#checkElection(raft);
  }

  #checkCompleteness(raft: MemberView): void {
    // The terms in which entries were committed never fall, so the first from behind is the newest.
    for (let index = this.committed; index >= raft.firstIndex; index--) {
      const known = this.#committed.get(index);
      if (known === undefined) return;
      if (known.inTerm >= raft.term) continue;
      if (raft.termAt(index) !== known.entry.term) {
        throw new Error(`leader ${raft.id} of term ${raft.term} misses entry ${index}`);
      }
      return;
    }
  }
}

/** Counted here anew: a check must not lean on the arithmetic that it checks. */
function isQuorum(conf: ConfState, counts: (id: bigint) => boolean): boolean {
  const { voters, votersOutgoing } = conf;
  const halves = votersOutgoing.length > 0 ? [voters, votersOutgoing] : [voters];
  return halves.every((half) => half.filter(counts).length * 2 > half.length);
}

/** In the term of an acknowledgement, and its leader's log, nothing of it may be taken back. */
function checkAccepted(raft: MemberView, { accepted }: Watched): void {
  if (accepted?.term === raft.term && raft.lastIndex < accepted.index) {
    throw new Error(`${raft.id} gave up ${accepted.index}, which it had acknowledged`);
  }
}

function configText(conf: ConfState): string {
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = conf;
  const list = (ids: readonly bigint[]): string =>
    [...ids].sort((left, right) => (left < right ? -1 : 1)).join(',');
  const halves = [voters, votersOutgoing, learners, learnersNext].map(list).join(' | ');
  return autoLeave ? `${halves} auto` : halves;
}

function sameData(left: Entry, right: Entry): boolean {
  if (left.data === right.data) return true;
  if (left.kind !== right.kind || left.data.length !== right.data.length) return false;
  return left.data.every((byte, position) => byte === right.data[position]);
}
