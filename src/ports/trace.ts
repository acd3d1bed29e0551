/** How much an event matters. `error` fails a simulation and is what an operator is paged for. */
export type Severity = 'debug' | 'info' | 'warn' | 'error';

/** Plain values that describe an event. Never a key's value, a password or a token. */
export type TraceFields = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

/** Structured events of a member, for its log and for the simulation's checkers. */
export interface Trace {
  event(severity: Severity, name: string, fields?: TraceFields): void;
}

/**
 * Durations and sizes for an operator's graphs; the names are those of the server's metrics. What
 * is about another member says which.
 */
export interface Meter {
  observe(name: MeterName, value: number, peer?: bigint): void;
}

/** Seconds, except `…Bytes` (bytes) and `…Count` (items). */
export type MeterName =
  | 'walFsyncSeconds'
  | 'walWriteBytes'
  | 'backendCommitSeconds'
  | 'applySeconds'
  | 'entryProposalCount'
  | 'compactionPauseSeconds'
  | 'hashSeconds'
  | 'defragmentSeconds'
  /** Heartbeats of a leader that came late, by what kept it busy. */
  | 'lateHeartbeatCount'
  /** Rounds of reads that were not answered in time, or asked again because the leader changed. */
  | 'slowReadCount'
  | 'failedReadCount'
  /** Leases that a leader found to be over. */
  | 'leaseExpiryCount'
  /** States sent to other members: how long each that arrived took, and those that did not. */
  | 'snapshotSendSeconds'
  | 'snapshotSendFailureCount'
  /** States of other members that arrived whole, or were given up. */
  | 'snapshotReceiptCount'
  | 'snapshotReceiptFailureCount'
  /** 1 when a state begins to take the place of the own one, -1 when it has. */
  | 'snapshotInstallCount';
