import { LIMITS } from '../../store/index.js';

/** How a member behaves; every field is explicit where a member is built. Times in milliseconds. */
export interface ReplicaSettings {
  readonly heartbeatMs: number;
  /** An election starts after this many heartbeats without a leader, up to twice as many. */
  readonly electionTicks: number;
  readonly requestBytesMax: number;
  readonly txnOperationsMax: number;
  /** Backend size at which the NOSPACE alarm is raised; 0 for no limit. */
  readonly quotaBytes: number;
  /**
   * Free bytes of the disk below which the NOSPACE alarm is raised, where the disk tells; 0 for
   * none. Default: `LIMITS.diskReserveBytes`.
   */
  readonly diskReserveBytes?: number;
  /**
   * Whether the want of room is told to all members by an alarm, which an operator clears. Without
   * it writes are refused only as long as there is no room. Default: true.
   */
  readonly raisesNoSpace?: boolean;
  readonly backendBatchMs: number;
  readonly backendBatchRows: number;
  readonly snapshotEntries: number;
  readonly walSegmentBytes: number;
  /** Entries that stay behind a snapshot mark for members that lag. Default: etcd's. */
  readonly snapshotCatchUpEntries?: number;
  /** Time between two notes in the log of what is left of long leases. Default: etcd's. */
  readonly leaseCheckpointMs?: number;
  /** Refuses changes of the members that endanger the quorum. Default: true. */
  readonly strictReconfigCheck?: boolean;
  /** Learners that the cluster may have. Default: etcd's. */
  readonly learnersMax?: number;
  /** Bytes of entries that one message between members carries, but at least one entry. */
  readonly raftMessageBytes?: number;
  /** Append messages under way to one follower. */
  readonly raftInflightMessages?: number;
  /** Rows that one step of a compaction visits. */
  readonly compactionBatchRows?: number;
  /** Batches that may wait in one watcher before it falls back to catching up. */
  readonly watchBufferBatches?: number;
  /** Published revisions that are kept in memory for watchers that fell behind. */
  readonly watchRecentRevisions?: number;
  /** Revisions that one catching-up step of a watcher may read. */
  readonly watchSliceRevisions?: number;
  /** Bytes of a state image in one frame to another member. */
  readonly snapshotPieceBytes?: number;
  /** New voters join by way of a configuration that needs both majorities. Default: false. */
  readonly joinsJointly?: boolean;
}

/**
 * etcd's defaults.
 *
 * @example
 * const settings: ReplicaSettings = { ...DEFAULT_SETTINGS, heartbeatMs: 50 };
 */
export const DEFAULT_SETTINGS: ReplicaSettings = {
  heartbeatMs: 100,
  electionTicks: 10,
  requestBytesMax: LIMITS.requestBytes,
  txnOperationsMax: LIMITS.txnOperations,
  quotaBytes: LIMITS.quotaBackendBytes,
  backendBatchMs: LIMITS.backendBatchMs,
  backendBatchRows: LIMITS.backendBatchRows,
  snapshotEntries: LIMITS.snapshotEntries,
  walSegmentBytes: LIMITS.walSegmentBytes,
};

/**
 * etcd's rule: a lease must outlive an election, or every change of leader would end it.
 *
 * @example
 * leaseTtlMinSeconds(DEFAULT_SETTINGS); // 2
 */
export function leaseTtlMinSeconds(settings: ReplicaSettings): number {
  return Math.ceil((1.5 * settings.heartbeatMs * settings.electionTicks) / 1000);
}
