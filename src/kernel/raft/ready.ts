import type { Message } from './messages.js';
import type { Entry, HardState, RaftRole, SnapshotMark } from './types.js';

/**
 * What the step machine wants done. The order is the whole contract: send `messagesBeforePersist`
 * at any time; install `snapshot`; persist `entries` (an entry at an index that is already on disk
 * replaces it and all behind it), then `hardState`, and sync if `mustSync`; only then send
 * `messages`. Apply `committedEntries` after the snapshot: those of kind `config` once it is on
 * disk that they are committed, the others whether or not `entries` are there yet. Answer
 * `readStates` once their index is applied. When all of that is done, call `advance`.
 */
export interface Ready {
  /** Term, vote and commit, if any of them changed since the last Ready. */
  readonly hardState: HardState | undefined;
  /**
   * The state that a peer sent takes the place of the whole state and log of this member: both
   * begin anew behind the mark. It comes before `entries`, `hardState` and `committedEntries`, and
   * must be durable before any of `messages` is sent.
   */
  readonly snapshot: SnapshotMark | undefined;
  /** To persist before any of `messages` is sent. */
  readonly entries: readonly Entry[];
  /**
   * True if there are entries or a snapshot, or term or vote changed: these must survive a power
   * cut.
   */
  readonly mustSync: boolean;
  /** A leader's appends and heartbeats, which may leave in parallel with its own sync. */
  readonly messagesBeforePersist: readonly Message[];
  /** Votes and responses: each is a promise about what this member has on disk. */
  readonly messages: readonly Message[];
  /**
   * To apply, in order; each was persisted here by an earlier Ready. One of kind `config` takes
   * effect through `Raft.applyConfChange`, before `advance`.
   */
  readonly committedEntries: readonly Entry[];
  /** Reads whose leader was confirmed: they may be served once `index` is applied. */
  readonly readStates: readonly ReadState[];
  /** Who leads and what this member is, if that changed. */
  readonly softState: SoftState | undefined;
}

export interface ReadState {
  readonly context: number;
  readonly index: number;
}

export interface SoftState {
  /** 0n when unknown. */
  readonly leader: bigint;
  readonly role: RaftRole;
}

/** Whether entries were taken into the leader's log, the first one at `firstIndex`. */
export type ProposeResult =
  | { readonly accepted: true; readonly firstIndex: number }
  | { readonly accepted: false; readonly reason: ProposeRefusal };

/**
 * `transferring`: leadership is being handed over; try again after it, or after an election
 * timeout. The last three concern changes of the configuration only: `not-ready` before a commit in
 * the own term, `conf-change-pending` until the one before is applied here, `bad-conf-change` when
 * the present configuration does not admit it.
 */
export type ProposeRefusal =
  | 'no-leader'
  | 'not-leader'
  | 'uncommitted-limit'
  | 'transferring'
  | 'not-ready'
  | 'conf-change-pending'
  | 'bad-conf-change';

/**
 * Whether a read was taken up. `not-ready`: a new leader that has not committed in its term yet.
 */
export type ReadResult =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly reason: 'no-leader' | 'not-ready' };
