import type { LeaseRef } from '../codec/command.js';
import { AttachedKeys } from './attached-keys.js';
import { NOT_QUEUED, type QueueEntry } from './expiry-queue.js';
import { encodeLeaseRow } from './lease-row.js';

/** The deadline of a lease whose time is not counted here, or not yet. */
export const UNDATED = Number.NEGATIVE_INFINITY;

/**
 * One lease: what the log says of it, which every member has alike, and what the leader's clock
 * says, which the other members leave as it is. Only the lessor touches it.
 */
export class Lease implements QueueEntry {
  readonly id: bigint;
  readonly ttlSeconds: number;
  readonly grantIndex: number;
  /** As of the last checkpoint that was applied; 0 for none. */
  remainingTtlSeconds: number;
  readonly keys = new AttachedKeys();
  revoked = false;
  /** Monotonic milliseconds of the leader. */
  deadlineMs = UNDATED;
  /**
   * The number of the last checkpoint that the leader knows to be in the log, or on its way there,
   * and that a renewal has to take back; 0 for none.
   */
  checkpointNumber = 0;
  queueIndex = NOT_QUEUED;
  queueDueMs = 0;

  constructor(ref: LeaseRef, ttlSeconds: number, remainingTtlSeconds: number) {
    this.id = ref.id;
    this.grantIndex = ref.grantIndex;
    this.ttlSeconds = ttlSeconds;
    this.remainingTtlSeconds = remainingTtlSeconds;
  }

  get ref(): LeaseRef {
    return { id: this.id, grantIndex: this.grantIndex };
  }

  /** The time that a new leader gives it, in milliseconds. */
  get fullMs(): number {
    return (this.remainingTtlSeconds > 0 ? this.remainingTtlSeconds : this.ttlSeconds) * 1000;
  }

  get row(): Uint8Array {
    return encodeLeaseRow(this);
  }
}
