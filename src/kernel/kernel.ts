import type { ResponseHeader, Role, Store, WatchRequest } from '../store/index.js';
import type { Alarm } from './apply/alarms.js';
import type { MemberRecord } from './codec/command.js';
import type { WatchCursor } from './watch/cursor.js';

/**
 * One member as its server sees it: the Store that applications know, and beside it what only a
 * member can tell or do. The server room translates; it decides nothing.
 */
export interface Kernel {
  /** The member's store: linearizable through Raft, and in this process. */
  readonly store: Store;
  /** A header with the revision of this moment. */
  header(): ResponseHeader;
  /**
   * Opens a watch at a place in history. Unlike `store.watch` it is pulled, so that a stream can
   * pass its back-pressure on.
   * @throws StoreError `WatchRangeEmpty`, `Compacted` for a negative start
   */
  openWatch(request: WatchRequest): WatchCursor;
  /** @throws StoreError `Stopped` */
  status(): KernelStatus;
  /** Raised alarms. */
  alarms(): readonly Alarm[];
  /** Raises or clears an alarm through the log; resolves with the alarms that changed. */
  setAlarm(action: 'activate' | 'deactivate', alarm: Alarm): Promise<readonly Alarm[]>;
  /** The members; `linearizable` first makes sure that none is missed. */
  members(linearizable: boolean): Promise<readonly MemberRecord[]>;
  /**
   * Proposes a new member; resolves when the change is applied here. Its id must never have been
   * used. `isLearner` says whether it joins without a vote.
   * @throws StoreError `PeerUrlExists`, `MemberExists`, `TooManyLearners`, `NotEnoughStarted`,
   * `UnhealthyCluster`, `Timeout`
   */
  addMember(member: MemberRecord): Promise<readonly MemberRecord[]>;
  /** @throws StoreError `MemberNotFound`, `NotEnoughStarted`, `UnhealthyCluster`, `Timeout` */
  removeMember(id: bigint): Promise<readonly MemberRecord[]>;
  /** Changes the peer addresses alone. @throws StoreError `MemberNotFound`, `PeerUrlExists` */
  updateMember(id: bigint, peerUrls: readonly string[]): Promise<readonly MemberRecord[]>;
  /**
   * Makes a learner a voter. @throws StoreError `MemberNotFound`, `NotLearner`, `LearnerNotReady`
   */
  promoteMember(id: bigint): Promise<readonly MemberRecord[]>;
  /**
   * Hands leadership to `target`; resolves when this member has seen it lead.
   * @throws StoreError `NotLeader` when this member does not lead, `BadLeaderTransferee`, `Timeout`
   */
  moveLeader(target: bigint): Promise<void>;
  /** Hands leadership to the member that is best placed, if this one leads and there is one. */
  stepAside(): Promise<void>;
  /**
   * The member's state as one image (see `docs/data-directory.md`), in pieces, as of the moment of
   * the call. Must be read to its end or closed by `return`.
   * @throws StoreError `TooManyRequests`, `Stopped`; its pieces also `Unavailable`, when this
   * member takes over another state meanwhile
   */
  snapshot(): Promise<StateImage>;
  /**
   * Gives the backend's free space back to the file system, while reads and writes go on.
   * @throws StoreError `Stopped`; `Unavailable` when it failed and nothing has changed
   */
  defragment(): Promise<void>;
  /**
   * etcd's HashKV: a CRC-32C over the rows up to `revision` (0: now) that compaction would keep.
   * @throws StoreError `Compacted`, `FutureRevision`
   */
  hashKv(revision: number): Promise<KvHash>;
  /** A CRC-32C over the whole backend, of this member only. */
  hash(): Promise<number>;
  /** Resolves with the reason when the member has stopped itself (crash-stop); never rejects. */
  readonly failed: Promise<Error>;
  /** Flushes, closes files, ends everything. Idempotent. */
  close(): Promise<void>;
}

/** A snapshot of the state, on its way to a file or another member. */
export interface StateImage {
  readonly revision: number;
  readonly byteCount: number;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** A hash over the keys and their history, to compare members by. */
export interface KvHash {
  readonly hash: number;
  readonly hashRevision: number;
  readonly compactRevision: number;
}

/** How a member stands at this moment. */
export interface KernelStatus {
  readonly role: Role;
  /** 0n when unknown. */
  readonly leader: bigint;
  readonly raftTerm: number;
  readonly committedIndex: number;
  readonly appliedIndex: number;
  readonly dbSizeBytes: number;
  readonly dbSizeInUseBytes: number;
  readonly quotaBytes: number;
  readonly isLearner: boolean;
  readonly revision: number;
  readonly compactRevision: number;
  readonly keyCount: number;
  readonly leaseCount: number;
  readonly watcherCount: number;
  /** Batches of events that wait for their watchers. */
  readonly pendingBatchCount: number;
  /** Proposals that were not answered yet. */
  readonly pendingProposals: number;
  /** Proposals that were refused or given up before they came to anything, since the start. */
  readonly failedProposals: number;
  /** One line each, as `etcdctl endpoint status` shows them. */
  readonly errors: readonly string[];
}
