/**
 * What members say to each other. A message is plain data; nothing here decides anything. `term` is
 * the sender's term, except that a pre-vote names the term that its sender would campaign in, and a
 * granted pre-vote repeats it.
 */
import { isSoundConfState } from './conf-change.js';
import type { Entry, SnapshotMark } from './types.js';

interface Envelope {
  readonly from: bigint;
  readonly to: bigint;
  readonly term: number;
}

/**
 * What the sender of a vote message knows to be committed. A change of the configuration takes
 * effect where its commit is known; two members that need each other's votes by different
 * configurations could otherwise refuse each other for ever, once the leader is gone.
 */
interface CommitKnown extends Envelope {
  readonly commit: number;
  /** The term of the entry at `commit`. */
  readonly commitTerm: number;
}

/** Asks for a vote (`vote`), or whether one would be given (`preVote`). */
export interface VoteRequest extends CommitKnown {
  readonly kind: 'vote' | 'preVote';
  readonly lastIndex: number;
  readonly lastTerm: number;
  /**
   * The present leader asked for this election, so that hearing it is no reason to refuse. Never on
   * a pre-vote.
   */
  readonly force: boolean;
}

export interface VoteResponse extends CommitKnown {
  readonly kind: 'voteResponse' | 'preVoteResponse';
  readonly granted: boolean;
}

/** A leader's entries, to follow directly on the entry at `prevIndex`; none at all is a probe. */
export interface AppendRequest extends Envelope {
  readonly kind: 'append';
  readonly prevIndex: number;
  readonly prevTerm: number;
  readonly entries: readonly Entry[];
  /** The leader's commit index. */
  readonly commit: number;
}

/** The sender's log equals the leader's up to `matchIndex`, and is persisted to there. */
export interface AppendAccepted extends Envelope {
  readonly kind: 'appendAccepted';
  readonly matchIndex: number;
}

/**
 * The sender has no entry (`rejectedIndex`, term of the append). The logs can only be equal at or
 * below `hintIndex`, where the sender's log has `hintTerm`.
 */
export interface AppendRejected extends Envelope {
  readonly kind: 'appendRejected';
  readonly rejectedIndex: number;
  readonly hintIndex: number;
  readonly hintTerm: number;
}

export interface Heartbeat extends Envelope {
  readonly kind: 'heartbeat';
  /** What the receiver may take for committed: never beyond what it is known to hold. */
  readonly commit: number;
  /** The leader's newest round of reads; 0 before the first. */
  readonly readRound: number;
}

export interface HeartbeatResponse extends Envelope {
  readonly kind: 'heartbeatResponse';
  readonly readRound: number;
}

/** A follower asks the leader for a read index; `context` is the follower's own number. */
export interface ReadIndexRequest extends Envelope {
  readonly kind: 'readIndex';
  readonly context: number;
}

export interface ReadIndexResponse extends Envelope {
  readonly kind: 'readIndexResponse';
  readonly context: number;
  readonly index: number;
}

/**
 * The receiver needs what the leader's log no longer holds. As the machine emits it, it asks its
 * caller to send an image of the state that reaches at least `mark.index`; as the receiver's caller
 * steps it, the image is complete and on disk, and `mark` is the image's own.
 */
export interface SnapshotMessage extends Envelope {
  readonly kind: 'snapshot';
  readonly mark: SnapshotMark;
}

/** The leader asks a voter that has its whole log to start an election at once. */
export interface TimeoutNow extends Envelope {
  readonly kind: 'timeoutNow';
}

/** Whatever members of a cluster send each other; `kind` says which. */
export type Message =
  | VoteRequest
  | VoteResponse
  | AppendRequest
  | AppendAccepted
  | AppendRejected
  | Heartbeat
  | HeartbeatResponse
  | ReadIndexRequest
  | ReadIndexResponse
  | SnapshotMessage
  | TimeoutNow;

export type MessageKind = Message['kind'];

/** Terms and indexes stay far below 2^53, so that adding to one never loses a unit. */
const NUMBER_MAX = 2 ** 52;

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= NUMBER_MAX;
}

/** Whether a message could come from an honest member at all, by its content alone. */
export function isWellFormed(message: Message): boolean {
  if (message.from <= 0n || !isCount(message.term)) return false;
  switch (message.kind) {
    case 'vote':
    case 'preVote':
      return isVoteRequest(message);
    case 'append':
      return isCount(message.prevIndex) && isCount(message.commit) && entriesFollow(message);
    case 'appendAccepted':
      return isCount(message.matchIndex);
    case 'appendRejected':
      return (
        isCount(message.rejectedIndex) && isCount(message.hintIndex) && isCount(message.hintTerm)
      );
    case 'heartbeat':
      return isCount(message.commit) && isCount(message.readRound);
    case 'heartbeatResponse':
      return isCount(message.readRound);
    case 'readIndex':
      return isCount(message.context);
    case 'readIndexResponse':
      return isCount(message.context) && isCount(message.index);
    case 'snapshot':
      return markIsSound(message);
    case 'voteResponse':
    case 'preVoteResponse':
      return isCount(message.commit) && isCount(message.commitTerm);
    case 'timeoutNow':
      return true;
  }
}

function isVoteRequest(message: VoteRequest): boolean {
  const { lastIndex, lastTerm, commit, commitTerm } = message;
  if (message.force && message.kind === 'preVote') return false;
  const logIsSound = isCount(lastIndex) && lastTerm >= 0 && lastTerm < message.term;
  return logIsSound && isCount(commit) && commit <= lastIndex && isCount(commitTerm);
}

function markIsSound({ mark, term }: SnapshotMessage): boolean {
  if (!isCount(mark.index) || !isCount(mark.term) || mark.term > term) return false;
  return mark.confState.voters.length > 0 && isSoundConfState(mark.confState);
}

function entriesFollow(message: AppendRequest): boolean {
  let index = message.prevIndex;
  let term = message.prevTerm;
  if (!isCount(term)) return false;
  for (const entry of message.entries) {
    index++;
    if (entry.index !== index || !(entry.term >= term) || !isCount(entry.term)) return false;
    term = entry.term;
  }
  return term <= message.term;
}
