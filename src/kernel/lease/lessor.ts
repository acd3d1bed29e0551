import { LIMITS, StoreError } from '../../store/index.js';
import { keyText } from '../codec/key-text.js';
import type { WriteBuffer } from '../mvcc/write-buffer.js';
import { AttachedKeys } from './attached-keys.js';
import { ExpiryQueue, NOT_QUEUED, type QueueEntry } from './expiry-queue.js';
import { decodeLeaseRow, encodeLeaseKey, encodeLeaseRow } from './lease-row.js';

/** The part of a {@link WriteBuffer} that leases are kept in. */
export type LeaseRows = Pick<WriteBuffer, 'put' | 'remove' | 'range'>;

export interface LessorOptions {
  readonly buffer: LeaseRows;
  /** What a shorter TTL is raised to before it is proposed; see {@link Lessor.raiseTtl}. */
  readonly minTtlSeconds: number;
}

/**
 * The leases of one member. Which exist and which keys they hold follows from the log alone and is
 * the same on every member; when one is due is known only to the leader, by its own clock, is never
 * stored, and changes nothing by itself: what is due has to be proposed and applied. A time to live
 * is a lower bound: whatever is in doubt here ends later, never earlier.
 */
export class Lessor {
  readonly #rows: LeaseRows;
  readonly #minTtlSeconds: number;
  readonly #leases = new Map<bigint, Lease>();
  /** Which lease a key is attached to: a key has one at most. */
  readonly #leaseOfKey = new Map<string, Lease>();
  readonly #queue = new ExpiryQueue<Lease>();
  /** Granted since the leader's clock was last heard: their time starts when it is heard next. */
  #undated: Lease[] = [];
  #leading = false;

  constructor(options: LessorOptions) {
    this.#rows = options.buffer;
    this.#minTtlSeconds = options.minTtlSeconds;
  }

  get count(): number {
    return this.#leases.size;
  }

  /** Whether this member's clock counts: between `promote` and `demote`. */
  get leading(): boolean {
    return this.#leading;
  }

  /**
   * Replaces everything by what the backend holds, without attachments: those follow, one by one,
   * from whoever reads the keys. The lessor is demoted.
   * @throws CodecError for a row that this kernel did not write
   */
  restore(): void {
    this.demote();
    this.#leases.clear();
    this.#leaseOfKey.clear();
    for (const { key, value } of this.#rows.range('lease', new Uint8Array(0), undefined, 0)) {
      const row = decodeLeaseRow(key, value);
      this.#leases.set(row.id, new Lease(row.id, row.ttlSeconds, row.remainingTtlSeconds));
    }
  }

  /** @throws Error when there is no such lease: rows that contradict each other stop the member */
  restoreAttachment(key: Uint8Array, id: bigint): void {
    if (!this.#leases.has(id)) {
      throw new Error(`a stored key is attached to lease ${id.toString(16)}, which does not exist`);
    }
    this.attach(key, id);
  }

  /**
   * The TTL to propose for one that was asked for. The proposer raises it, not `grant`: members
   * with different settings must still get the same lease from the same entry.
   */
  raiseTtl(ttlSeconds: number): number {
    return Math.max(Math.ceil(ttlSeconds), this.#minTtlSeconds);
  }

  // ---- applied from the log: the same on every member

  /**
   * Makes a lease, with the TTL as proposed (at least a second). On the leader its time starts at
   * the next call that tells the time.
   * @throws StoreError `LeaseTtlTooLarge`, `LeaseExists`, `LeaseNotFound` for id 0 (as etcd)
   */
  grant(id: bigint, ttlSeconds: number): { readonly id: bigint; readonly ttlSeconds: number } {
    if (id === 0n) throw new StoreError('LeaseNotFound');
    if (ttlSeconds > LIMITS.leaseTtlMaxSeconds) throw new StoreError('LeaseTtlTooLarge');
    if (this.#leases.has(id)) throw new StoreError('LeaseExists');
    const lease = new Lease(id, Math.max(1, ttlSeconds), 0);
    this.#leases.set(id, lease);
    if (this.#leading) this.#undated.push(lease);
    const { ttlSeconds: granted, remainingTtlSeconds } = lease;
    const row = encodeLeaseRow({ id, ttlSeconds: granted, remainingTtlSeconds });
    this.#rows.put('lease', encodeLeaseKey(id), row);
    return { id, ttlSeconds: granted };
  }

  /**
   * Removes the lease and returns the keys that were attached, in byte order, for the caller to
   * delete in the same revision.
   * @throws StoreError `LeaseNotFound`
   */
  revoke(id: bigint): readonly Uint8Array[] {
    const lease = this.#existing(id);
    lease.revoked = true;
    this.#leases.delete(id);
    this.#queue.remove(lease);
    for (const text of lease.keys.texts()) this.#leaseOfKey.delete(text);
    this.#rows.remove('lease', encodeLeaseKey(id));
    return lease.keys.sorted();
  }

  has(id: bigint): boolean {
    return this.#leases.has(id);
  }

  /**
   * Attaches the key to the lease and to no other.
   * @throws StoreError `LeaseNotFound`
   */
  attach(key: Uint8Array, id: bigint): void {
    const lease = this.#existing(id);
    const text = keyText(key);
    const before = this.#leaseOfKey.get(text);
    if (before === lease) return;
    before?.keys.delete(text);
    lease.keys.add(text);
    this.#leaseOfKey.set(text, lease);
  }

  /** A key that is not attached to this lease is left alone. */
  detach(key: Uint8Array, id: bigint): void {
    const text = keyText(key);
    const lease = this.#leaseOfKey.get(text);
    if (lease === undefined || lease.id !== id) return;
    lease.keys.delete(text);
    this.#leaseOfKey.delete(text);
  }

  /** The keys attached to the lease, in byte order; none for a lease that does not exist. */
  keys(id: bigint): readonly Uint8Array[] {
    return this.#leases.get(id)?.keys.sorted() ?? [];
  }

  /** All leases, by id. */
  ids(): readonly bigint[] {
    return [...this.#leases.keys()].sort((a, b) => (a < b ? -1 : 1));
  }

  // ---- the leader's clock: `nowMs` is monotonic milliseconds

  /**
   * This member leads from now on. It cannot know when its predecessor last renewed a lease, so
   * each gets its whole time from now, plus `extendMs` for what leaderless time took from its
   * holder.
   */
  promote(nowMs: number, extendMs: number): void {
    this.#date(nowMs);
    this.#leading = true;
    for (const lease of this.#leases.values()) {
      lease.deadlineMs = Math.max(lease.deadlineMs, nowMs + lease.fullMs + extendMs);
      this.#queue.schedule(lease, lease.deadlineMs);
    }
  }

  /**
   * The time from `sinceMs` to `nowMs` does not count: nobody could be heard then. What was due
   * before stays due, for its expiry may be on its way through the log.
   */
  postpone(sinceMs: number, nowMs: number): void {
    this.#date(sinceMs);
    for (const lease of this.#leases.values()) {
      // The queue finds out when the old time comes.
      if (lease.deadlineMs > sinceMs) lease.deadlineMs += nowMs - sinceMs;
    }
  }

  /** This member's clock counts no more. */
  demote(): void {
    this.#leading = false;
    this.#queue.clear();
    this.#undated = [];
    for (const lease of this.#leases.values()) lease.deadlineMs = UNDATED;
  }

  /**
   * Starts the time of the lease anew. One that is due is as good as gone, even while its expiry is
   * still on its way through the log: it cannot be saved.
   * @returns the TTL in seconds
   * @throws StoreError `NotLeader` when demoted, `LeaseNotFound`
   */
  renew(id: bigint, nowMs: number): number {
    this.#requireLeading();
    this.#date(nowMs);
    const lease = this.#existing(id);
    if (lease.deadlineMs <= nowMs) throw new StoreError('LeaseNotFound');
    // The queue finds out when the old time comes: a renewal must be cheap.
    lease.deadlineMs = Math.max(lease.deadlineMs, nowMs + lease.ttlSeconds * 1000);
    return lease.ttlSeconds;
  }

  /**
   * Leases whose time is over, the longest overdue first, at most `limit`. Each is handed out again
   * only after LIMITS.leaseExpiryRetryMs, should its expiry have been lost. None when demoted.
   */
  due(nowMs: number, limit: number): readonly bigint[] {
    if (!this.#leading) return [];
    this.#date(nowMs);
    const ids: bigint[] = [];
    while (ids.length < limit) {
      const lease = this.#queue.peek();
      if (lease === undefined || lease.queueDueMs > nowMs) break;
      if (lease.deadlineMs > nowMs) {
        this.#queue.schedule(lease, lease.deadlineMs);
        continue;
      }
      ids.push(lease.id);
      this.#queue.schedule(lease, nowMs + LIMITS.leaseExpiryRetryMs);
    }
    return ids;
  }

  /**
   * What is left of a lease; 0 for one that is due; undefined when there is none.
   * @throws StoreError `NotLeader` when demoted
   */
  timeToLive(id: bigint, nowMs: number): LeaseTime | undefined {
    this.#requireLeading();
    this.#date(nowMs);
    const lease = this.#leases.get(id);
    if (lease === undefined) return undefined;
    return {
      grantedTtlSeconds: lease.ttlSeconds,
      remainingMs: Math.max(0, lease.deadlineMs - nowMs),
      get keys() {
        return lease.keys.sorted();
      },
    };
  }

  /** Starts the time of what was granted meanwhile. */
  #date(nowMs: number): void {
    if (this.#undated.length === 0) return;
    for (const lease of this.#undated) {
      if (lease.revoked) continue;
      lease.deadlineMs = nowMs + lease.fullMs;
      this.#queue.schedule(lease, lease.deadlineMs);
    }
    this.#undated = [];
  }

  #requireLeading(): void {
    if (!this.#leading) throw new StoreError('NotLeader');
  }

  #existing(id: bigint): Lease {
    const lease = this.#leases.get(id);
    if (lease === undefined) throw new StoreError('LeaseNotFound');
    return lease;
  }
}

/** A lease as its leader sees it. */
export interface LeaseTime {
  readonly grantedTtlSeconds: number;
  readonly remainingMs: number;
  /** In byte order, sorted when asked for: a lease can have a million, and few want to see them. */
  readonly keys: readonly Uint8Array[];
}

/** The deadline of a lease whose time is not counted here, or not yet. */
const UNDATED = Number.NEGATIVE_INFINITY;

class Lease implements QueueEntry {
  readonly id: bigint;
  readonly ttlSeconds: number;
  readonly remainingTtlSeconds: number;
  readonly keys = new AttachedKeys();
  deadlineMs = UNDATED;
  revoked = false;
  queueIndex = NOT_QUEUED;
  queueDueMs = 0;

  constructor(id: bigint, ttlSeconds: number, remainingTtlSeconds: number) {
    this.id = id;
    this.ttlSeconds = ttlSeconds;
    this.remainingTtlSeconds = remainingTtlSeconds;
  }

  /** The time that a new leader gives it, in milliseconds. */
  get fullMs(): number {
    return (this.remainingTtlSeconds > 0 ? this.remainingTtlSeconds : this.ttlSeconds) * 1000;
  }
}
