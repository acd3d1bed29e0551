import type { CompactRequest, DeleteRequest, PutRequest, TxnRequest } from '../../store/index.js';

/**
 * What a log entry asks the state machine to do. Everything that an outcome depends on is in the
 * command: whoever proposes picks ids, clocks and limits beforehand, so that every member that
 * applies it gets the same result.
 */
export type Command =
  | ({ readonly kind: 'put' } & PutRequest)
  | ({ readonly kind: 'delete' } & DeleteRequest)
  | ({ readonly kind: 'txn' } & TxnRequest)
  | ({ readonly kind: 'compact' } & CompactRequest)
  | LeaseGrantCommand
  | LeaseRevokeCommand
  | LeaseExpireCommand
  | LeaseCheckpointCommand
  | AlarmCommand
  | MemberPublishCommand
  | MemberUpdateCommand;

export interface LeaseGrantCommand {
  readonly kind: 'leaseGrant';
  readonly id: bigint;
  readonly ttlSeconds: number;
}

export interface LeaseRevokeCommand {
  readonly kind: 'leaseRevoke';
  readonly id: bigint;
}

/**
 * One grant of a lease. Ids can be granted again after a revoke: what the leader decided about a
 * lease must not hit another one that has taken its id while the decision was on its way.
 */
export interface LeaseRef {
  readonly id: bigint;
  /** The index of the log entry that granted it. */
  readonly grantIndex: number;
}

/**
 * Leases that ran out by the clock of the leader of `term`. Applied in another term it does
 * nothing: a leader that was deposed meanwhile has no say over leases that its successor may have
 * renewed.
 */
export interface LeaseExpireCommand {
  readonly kind: 'leaseExpire';
  readonly term: number;
  readonly leases: readonly LeaseRef[];
}

/**
 * What is left of leases by the clock of the leader of `term`, for the leader that comes next.
 * Applied in another term it does nothing.
 */
export interface LeaseCheckpointCommand {
  readonly kind: 'leaseCheckpoint';
  readonly term: number;
  readonly items: readonly LeaseCheckpoint[];
}

export interface LeaseCheckpoint extends LeaseRef {
  /** 0 takes the checkpoint back: the lease has its whole time again. */
  readonly remainingTtlSeconds: number;
}

/** What can be wrong with a member: no room for writes, or a state unlike that of the others. */
export type AlarmType = 'nospace' | 'corrupt';

export interface AlarmCommand {
  readonly kind: 'alarm';
  readonly action: 'activate' | 'deactivate';
  readonly memberId: bigint;
  readonly alarm: AlarmType;
}

/** A member makes its name, the addresses for clients, and its data directory known. */
export interface MemberPublishCommand {
  readonly kind: 'memberPublish';
  readonly member: MemberRecord;
  readonly directoryNonce: bigint;
}

/** A member is found at other addresses from now on. */
export interface MemberUpdateCommand {
  readonly kind: 'memberUpdate';
  readonly id: bigint;
  readonly peerUrls: readonly string[];
}

/** A member, as every member of its cluster has it on record. */
export interface MemberRecord {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}
