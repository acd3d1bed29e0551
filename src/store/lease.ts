import type { ResponseHeader } from './types.js';

/** Leases: names for "as long as somebody keeps saying so". Keys attached to one vanish with it. */
export interface Leases {
  /**
   * Makes a lease. The granted TTL can be longer than the asked one, never shorter.
   * @throws StoreError `LeaseTtlTooLarge`, `LeaseExists` (when `id` is given and taken)
   */
  grant(request: LeaseGrantRequest, options?: CallOptions): Promise<LeaseGrantResult>;
  /**
   * Starts the TTL of a lease anew, once.
   * @throws StoreError `LeaseNotFound` when it has expired or was revoked
   */
  keepAlive(id: bigint, options?: CallOptions): Promise<LeaseKeepAliveResult>;
  /**
   * Ends a lease and deletes its keys, all in one revision.
   * @throws StoreError `LeaseNotFound`
   */
  revoke(id: bigint, options?: CallOptions): Promise<LeaseRevokeResult>;
  /**
   * What is left of a lease; a missing one answers with `remainingTtlSeconds` -1 instead of an
   * error.
   */
  timeToLive(
    request: LeaseTimeToLiveRequest,
    options?: CallOptions,
  ): Promise<LeaseTimeToLiveResult>;
  /** The ids of all leases. */
  list(options?: CallOptions): Promise<LeaseListResult>;
}

/** The lease that is wanted. */
export interface LeaseGrantRequest {
  /** At least the store's minimum (etcd: 2 s by default); a smaller one is raised to it. */
  readonly ttlSeconds: number;
  /** 0n or absent: the store picks one. */
  readonly id?: bigint;
}

/** The lease as it was granted. */
export interface LeaseGrantResult {
  readonly header: ResponseHeader;
  readonly id: bigint;
  readonly ttlSeconds: number;
}

/** The lease with its time begun anew. */
export interface LeaseKeepAliveResult {
  readonly header: ResponseHeader;
  readonly id: bigint;
  readonly ttlSeconds: number;
}

/** That the lease is gone, and its keys with it. */
export interface LeaseRevokeResult {
  readonly header: ResponseHeader;
}

/** Which lease to look at. */
export interface LeaseTimeToLiveRequest {
  readonly id: bigint;
  /** Also list the attached keys. */
  readonly keys?: boolean;
}

/** How a lease stands. */
export interface LeaseTimeToLiveResult {
  readonly header: ResponseHeader;
  readonly id: bigint;
  /** Whole seconds left, rounded down; -1 when there is no such lease. */
  readonly remainingTtlSeconds: number;
  /** The TTL that was granted; 0 when there is no such lease. */
  readonly grantedTtlSeconds: number;
  /** In byte order; empty unless asked for. */
  readonly keys: readonly Uint8Array[];
}

/** The leases that there are. */
export interface LeaseListResult {
  readonly header: ResponseHeader;
  readonly ids: readonly bigint[];
}

/** How a caller bounds a call. A timeout is a signal that aborts: `AbortSignal.timeout(ms)`. */
export interface CallOptions {
  /**
   * Aborting rejects the call with `Canceled`. A write that was already sent may still take
   * effect: after a cancelled write the outcome is unknown.
   */
  readonly signal?: AbortSignal;
}
