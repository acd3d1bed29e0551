import { LIMITS, StoreError } from '../../store/index.js';
import type { LeaseCheckpoint, LeaseRef } from '../codec/command.js';
import { keyText } from '../codec/key-text.js';
import type { WriteBuffer } from '../mvcc/write-buffer.js';
import { CheckpointSearch } from './checkpoint-search.js';
import { ExpiryQueue } from './expiry-queue.js';
import { Lease, UNDATED } from './lease.js';
import { decodeLeaseRow, encodeLeaseKey } from './lease-row.js';

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
  #checkpointLast = FIRST_CHECKPOINT;
  #search: CheckpointSearch | undefined;

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
      this.#leases.set(row.id, new Lease(row, row.ttlSeconds, row.remainingTtlSeconds));
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
   * @param grantIndex of the log entry that says so
   * @throws StoreError `LeaseTtlTooLarge`, `LeaseExists`, `LeaseNotFound` for id 0 (as etcd)
   */
  grant(
    id: bigint,
    ttlSeconds: number,
    grantIndex: number,
  ): { readonly id: bigint; readonly ttlSeconds: number } {
    if (id === 0n) throw new StoreError('LeaseNotFound');
    if (ttlSeconds > LIMITS.leaseTtlMaxSeconds) throw new StoreError('LeaseTtlTooLarge');
    if (this.#leases.has(id)) throw new StoreError('LeaseExists');
    const lease = new Lease({ id, grantIndex }, Math.max(1, ttlSeconds), 0);
    this.#leases.set(id, lease);
    if (this.#leading) this.#undated.push(lease);
    this.#rows.put('lease', encodeLeaseKey(id), lease.row);
    return { id, ttlSeconds: lease.ttlSeconds };
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

  /** Whether that very grant of the lease lasts. */
  isGranted(ref: LeaseRef): boolean {
    return this.#leases.get(ref.id)?.grantIndex === ref.grantIndex;
  }

  /**
   * Notes what is left of a lease, for the leader that comes next; it changes nothing for the one
   * that leads. A lease that is gone is left alone.
   */
  checkpoint(item: LeaseCheckpoint): void {
    const lease = this.#leases.get(item.id);
    if (lease === undefined || lease.grantIndex !== item.grantIndex) return;
    const remaining = Math.min(item.remainingTtlSeconds, lease.ttlSeconds);
    if (remaining === lease.remainingTtlSeconds) return;
    lease.remainingTtlSeconds = remaining;
    this.#rows.put('lease', encodeLeaseKey(lease.id), lease.row);
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
   * This member leads from now on, and has applied what its predecessors left in the log. It cannot
   * know when a lease was last renewed, so each gets its whole time from now, or what was left at
   * its last checkpoint, plus `extendMs` for what leaderless time took from its holder.
   */
  promote(nowMs: number, extendMs: number): void {
    this.#date(nowMs);
    this.#leading = true;
    for (const lease of this.#leases.values()) {
      lease.deadlineMs = Math.max(lease.deadlineMs, nowMs + lease.fullMs + extendMs);
      if (lease.remainingTtlSeconds > 0) lease.checkpointNumber ||= FIRST_CHECKPOINT;
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
    this.#search = undefined;
    for (const lease of this.#leases.values()) {
      lease.deadlineMs = UNDATED;
      lease.checkpointNumber = 0;
    }
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

  /** Whether the lease is due: its expiry is to be proposed, or under way. */
  isDue(id: bigint, nowMs: number): boolean {
    this.#requireLeading();
    this.#date(nowMs);
    const lease = this.#leases.get(id);
    return lease !== undefined && lease.deadlineMs <= nowMs;
  }

  /** Whether {@link due} has something to hand out. */
  hasDue(nowMs: number): boolean {
    if (!this.#leading) return false;
    this.#date(nowMs);
    return this.#nextDue(nowMs) !== undefined;
  }

  /**
   * Leases whose time is over, the longest overdue first, at most `limit`. Each is handed out again
   * only after LIMITS.leaseExpiryRetryMs, should its expiry have been lost. None when demoted.
   */
  due(nowMs: number, limit: number): readonly LeaseRef[] {
    if (!this.#leading) return [];
    this.#date(nowMs);
    const refs: LeaseRef[] = [];
    while (refs.length < limit) {
      const lease = this.#nextDue(nowMs);
      if (lease === undefined) break;
      refs.push(lease.ref);
      this.#queue.schedule(lease, nowMs + LIMITS.leaseExpiryRetryMs);
    }
    return refs;
  }

  /** The first one of the queue that is due; those that were renewed meanwhile move on. */
  #nextDue(nowMs: number): Lease | undefined {
    for (;;) {
      const lease = this.#queue.peek();
      if (lease === undefined || lease.queueDueMs > nowMs) return undefined;
      if (lease.deadlineMs <= nowMs) return lease;
      this.#queue.schedule(lease, lease.deadlineMs);
    }
  }

  /**
   * The next checkpoints to propose. One round over all leases takes as many calls as it takes;
   * `isRoundOver` says that the next call begins another one. From the moment that a checkpoint was
   * handed out, renewals of its lease must take it back, whatever becomes of the proposal.
   */
  checkpoints(
    nowMs: number,
    intervalMs: number,
  ): { readonly items: readonly LeaseCheckpoint[]; readonly isRoundOver: boolean } {
    this.#requireLeading();
    this.#date(nowMs);
    this.#search ??= new CheckpointSearch(this.#leases.values());
    const found = this.#search.step(nowMs, intervalMs);
    if (found.length > 0) this.#checkpointLast++;
    for (const [lease] of found) lease.checkpointNumber = this.#checkpointLast;
    const isRoundOver = this.#search.isDone;
    if (isRoundOver) this.#search = undefined;
    return { items: found.map(([, item]) => item), isRoundOver };
  }

  /**
   * What has to be applied, and then told to {@link cleared}, before the renewal of this lease may
   * be acknowledged: otherwise the next leader would give it only what was left at the checkpoint.
   * Undefined when there is nothing to take back. To be asked right after `renew`: a checkpoint
   * that is made later knows of the renewal.
   */
  clearing(id: bigint): CheckpointClearing | undefined {
    const lease = this.#leases.get(id);
    if (lease === undefined || lease.checkpointNumber === 0) return undefined;
    const item = { ...lease.ref, remainingTtlSeconds: 0 };
    return { item, number: lease.checkpointNumber };
  }

  /** The checkpoint was taken back, in the term in which `clearing` was asked. */
  cleared(clearing: CheckpointClearing): void {
    const lease = this.#leases.get(clearing.item.id);
    if (lease?.checkpointNumber === clearing.number) lease.checkpointNumber = 0;
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

/** A renewal that has to take a checkpoint back; see {@link Lessor.clearing}. */
export interface CheckpointClearing {
  readonly item: LeaseCheckpoint;
  /** Of the checkpoint; later ones are not taken back. */
  readonly number: number;
}

/** What was in the rows of a new leader, before it made checkpoints of its own. */
const FIRST_CHECKPOINT = 1;
