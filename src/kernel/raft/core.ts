/**
 * The state of one member's machine, shared by the step functions of its roles, and the outbox that
 * they fill. It holds what Raft's paper calls the state of a server, the timers in ticks, and what
 * a leader knows of the others. Only the functions of this room touch it; the world sees `Raft`.
 */
import type { RaftConfig, RestoredState } from './config.js';
import { Inflights } from './inflights.js';
import { Log } from './log.js';
import type { Message, VoteRequest } from './messages.js';
import { Progress } from './progress.js';
import { isVoter, membersOf, quorumReached } from './quorum.js';
import { ReadRounds } from './read-index.js';
import type { ReadState } from './ready.js';
import {
  type ConfState,
  type HardState,
  NOBODY,
  type RaftRole,
  type SnapshotMark,
} from './types.js';

export class Core {
  readonly config: RaftConfig;
  readonly id: bigint;
  readonly log: Log;
  /** The applied configuration: the only one that decides anything. */
  confState: ConfState;

  term: number;
  vote: bigint;
  role: RaftRole = 'follower';
  leader = NOBODY;

  /** Ticks since this member last heard of a leader, campaigned, or checked its quorum. */
  electionElapsed = 0;
  heartbeatElapsed = 0;
  /** In [electionTicks, 2 x electionTicks), drawn anew with each role. */
  electionTimeout = 0;

  /** Answers to this member's own campaign. */
  readonly votes = new Map<bigint, boolean>();
  /** What a leader knows of its peers; empty in the other roles. */
  readonly progress = new Map<bigint, Progress>();
  readonly reads = new ReadRounds();
  /** Bytes of a leader's entries that are not committed. */
  uncommittedBytes = 0;
  /** A leader takes no change of the configuration before it applied its log up to here. */
  pendingConfIndex = 0;
  /** Whom a leader hands over to; nobody most of the time. */
  transferee = NOBODY;
  /** Ticks since the transfer began. */
  transferElapsed = 0;
  /** Who was removed while this member ran, and has not come back. They are not listened to. */
  readonly removed = new Set<bigint>();
  /** A state taken over from a leader, that the caller has not been told of. */
  snapshot: SnapshotMark | undefined;
  /** From the moment a snapshot is taken over until it is known to be installed. */
  installing = false;
  /** The last term of which this member was told that its leader is gone. */
  orphanedTerm = 0;
  /**
   * This member was told so, and since then has heard no leader and given its word to nobody: it
   * may ask for votes before its time.
   */
  orphaned = false;
  /**
   * The last pre-vote that was asked for since a leader was heard, and not answered because of
   * that. Whoever asked before it is answered by silence, as ever, and asks again: a pre-vote binds
   * nobody, so which of them is answered late costs time at most.
   */
  unanswered: VoteRequest | undefined;

  /** Messages that promise nothing about this member's disk, and those that do. */
  #unboundMessages: Message[] = [];
  #boundMessages: Message[] = [];
  #readStates: ReadState[] = [];

  constructor(config: RaftConfig, restored: RestoredState) {
    const { hardState, mark, entries, applied } = restored;
    // The commit index is written without a sync, so that it may be older than what was applied.
    const committed = Math.max(hardState.commit, applied);
    this.config = config;
    this.id = config.id;
    this.log = new Log(mark, entries, committed, applied);
    this.confState = restored.confState ?? mark.confState;
    if (restored.confState === undefined && this.log.hasConfigWithin(mark.index + 1, applied)) {
      throw new Error(`the configuration as of the applied entry ${applied} is not given`);
    }
    // A power cut can leave the entries of a Ready without its term. No vote of that term has left.
    const torn = this.log.lastTerm > hardState.term;
    this.term = torn ? this.log.lastTerm : hardState.term;
    this.vote = torn ? NOBODY : hardState.vote;
    if (config.id === NOBODY) throw new Error('a member needs an id');
    this.drawElectionTimeout();
  }

  get hardState(): HardState {
    return { term: this.term, vote: this.vote, commit: this.log.committed };
  }

  /** Everyone else who receives the log. */
  get peers(): readonly bigint[] {
    return membersOf(this.confState).filter((id) => id !== this.id);
  }

  /** Whether this member may campaign at all. */
  get promotable(): boolean {
    return isVoter(this.confState, this.id) && !this.installing;
  }

  /** Whether an entry of the own term is committed: only then a leader knows all that is. */
  get hasCommittedInTerm(): boolean {
    return this.log.termAt(this.log.committed) === this.term;
  }

  /** Whether `bytes` more would be too much; with nothing under way anything passes. */
  exceedsUncommitted(bytes: number): boolean {
    const { uncommittedBytes } = this;
    return uncommittedBytes > 0 && uncommittedBytes + bytes > this.config.maxUncommittedBytes;
  }

  drawElectionTimeout(): void {
    const { electionTicks, electionJitter } = this.config;
    this.electionTimeout = electionTicks + electionJitter(electionTicks);
  }

  /** What every change of role begins with: all knowledge of the previous role is void. */
  reset(term: number): void {
    if (term < this.term) throw new Error(`term ${this.term} cannot go back to ${term}`);
    if (term > this.term) {
      this.term = term;
      this.vote = NOBODY;
      // The new term's leader may replace entries before they reach the disk, so that an
      // acknowledgement which has not left yet could be untrue when it does.
      this.#boundMessages = this.#boundMessages.filter(({ kind }) => kind !== 'appendAccepted');
    }
    this.leader = NOBODY;
    this.orphaned = false;
    this.unanswered = undefined;
    this.electionElapsed = 0;
    this.heartbeatElapsed = 0;
    this.drawElectionTimeout();
    this.votes.clear();
    this.progress.clear();
    this.reads.reset();
    this.uncommittedBytes = 0;
    this.transferee = NOBODY;
  }

  /** A leader begins to follow `peer`, from the end of its own log. */
  track(peer: bigint): Progress {
    const { maxInflightMessages, maxInflightBytes } = this.config;
    const inflights = new Inflights(maxInflightMessages, maxInflightBytes);
    const progress = new Progress(this.log.lastIndex + 1, inflights);
    this.progress.set(peer, progress);
    return progress;
  }

  /**
   * The highest index that a quorum has on disk. The leader counts its own disk, not its memory.
   */
  quorumMatch(): number {
    return quorumReached(this.confState, (id) =>
      id === this.id ? this.log.persisted : (this.progress.get(id)?.match ?? 0),
    );
  }

  /** The newest round of reads that a quorum confirmed. */
  quorumReadRound(): number {
    return quorumReached(this.confState, (id) =>
      id === this.id ? this.reads.newest : (this.progress.get(id)?.readRound ?? 0),
    );
  }

  /** A leader's messages and reads promise nothing about its disk; all the others do. */
  send(message: Message): void {
    switch (message.kind) {
      case 'append':
      case 'heartbeat':
      case 'readIndex':
      case 'readIndexResponse':
      case 'snapshot':
      case 'timeoutNow':
        this.#unboundMessages.push(message);
        break;
      case 'vote':
      case 'preVote':
      case 'voteResponse':
      case 'preVoteResponse':
      case 'appendAccepted':
      case 'appendRejected':
      case 'heartbeatResponse':
        this.#boundMessages.push(message);
        break;
    }
  }

  answerRead(read: ReadState): void {
    this.#readStates.push(read);
  }

  get hasOutput(): boolean {
    return (
      this.#unboundMessages.length > 0 ||
      this.#boundMessages.length > 0 ||
      this.#readStates.length > 0
    );
  }

  /** Empties the outbox. */
  takeOutput(): {
    readonly unbound: readonly Message[];
    readonly bound: readonly Message[];
    readonly readStates: readonly ReadState[];
  } {
    // The arrays change hands, so that a Ready never changes while it is worked on.
    const output = {
      unbound: this.#unboundMessages,
      bound: this.#boundMessages,
      readStates: this.#readStates,
    };
    this.#unboundMessages = [];
    this.#boundMessages = [];
    this.#readStates = [];
    // What waited for the open round's heartbeats has left with them.
    this.reads.close();
    return output;
  }
}
