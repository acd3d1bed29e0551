import type { Clock } from '../../ports/clock.js';
import { LIMITS } from '../../store/index.js';
import type { Command } from '../codec/command.js';
import type { Lessor } from '../lease/lessor.js';

export interface LeaseKeeperOptions {
  readonly lessor: Lessor;
  readonly clock: Clock;
  /**
   * Milliseconds that a new leader adds: time in which renewals may have gone to its predecessor.
   * More than this between two ticks is a stall.
   */
  readonly extendMs: number;
  /** Milliseconds between two checkpoints of what is left of long leases. */
  readonly checkpointMs: number;
  /** The term of the last entry that was applied. */
  readonly appliedTerm: () => number;
  /**
   * Resolves when a quorum has said, after this call, who leads; undefined when none is needed.
   * Rejects when nobody could be heard.
   */
  readonly confirm: () => Promise<void> | undefined;
  /** Proposes a command whose outcome nobody waits for. */
  readonly propose: (command: Command) => void;
}

/**
 * The leader's clock over the leases. Only a leader counts, from the moment that it has applied all
 * that its predecessors left in the log. What it finds due it proposes with its term, so that a
 * successor's log refuses what a deposed leader decided, and only after a quorum has confirmed it:
 * one that was away or cut off must not begin by ending the leases of all who could not reach it.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #term: number | undefined;
  #checkAtMs = 0;
  #checkpointAtMs = 0;
  #tickedAtMs = 0;
  #isConfirming = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** The term that this member leads, as far as it knows; undefined when it does not lead. */
  get term(): number | undefined {
    return this.#term;
  }

  /** Told of each change of role; `term` undefined when not leading. */
  lead(term: number | undefined): void {
    if (term === this.#term) return;
    this.#term = term;
    this.#options.lessor.demote();
  }

  /**
   * Sees to it that the lessor knows the time. Whoever asks the lessor about time calls this
   * before.
   * @returns the time, in monotonic milliseconds; undefined when time does not count here, or not
   * yet
   */
  now(): number | undefined {
    const { lessor, clock, extendMs, checkpointMs, appliedTerm } = this.#options;
    if (this.#term === undefined) return undefined;
    const nowMs = clock.monotonic();
    if (!lessor.leading) {
      if (appliedTerm() !== this.#term) return undefined;
      lessor.promote(nowMs, extendMs);
      this.#tickedAtMs = nowMs;
      this.#checkpointAtMs = nowMs + checkpointMs;
    }
    this.#forgiveStall(nowMs);
    return nowMs;
  }

  /** Proposes what is due. Cheap to call often, and to be called at least once each heartbeat. */
  tick(): void {
    const nowMs = this.now();
    if (nowMs === undefined || nowMs < this.#checkAtMs) return;
    this.#checkAtMs = nowMs + LIMITS.leaseExpiryCheckMs;
    if (this.#options.lessor.hasDue(nowMs)) this.#confirmAndExpire();
    if (nowMs >= this.#checkpointAtMs) this.#checkpoint(nowMs);
  }

  #confirmAndExpire(): void {
    const term = this.#term;
    if (this.#isConfirming || term === undefined) return;
    const confirmed = this.#options.confirm();
    if (confirmed === undefined) return this.#expire(term);
    this.#isConfirming = true;
    confirmed.then(
      () => {
        this.#isConfirming = false;
        this.#expire(term);
      },
      () => {
        // Nobody was heard, or the member stops. As long as it leads the next check asks again.
        this.#isConfirming = false;
      },
    );
  }

  /** A confirmation counts for the term only in which it was asked for. */
  #expire(term: number): void {
    const { lessor, propose } = this.#options;
    if (this.#term !== term) return;
    const nowMs = this.now();
    if (nowMs === undefined) return;
    const leases = lessor.due(nowMs, LIMITS.leaseExpiryBatch);
    if (leases.length > 0) propose({ kind: 'leaseExpire', term, leases });
  }

  #checkpoint(nowMs: number): void {
    const { lessor, checkpointMs, propose } = this.#options;
    const term = this.#term;
    if (term === undefined) return;
    const { items, isRoundOver } = lessor.checkpoints(nowMs, checkpointMs);
    if (isRoundOver) this.#checkpointAtMs = nowMs + checkpointMs;
    if (items.length > 0) propose({ kind: 'leaseCheckpoint', term, items });
  }

  /**
   * While this process stood still (stopped, starved, on a machine that slept) renewals waited
   * unread. That time counts against nobody: what lives by a renewal in time must not end for it.
   */
  #forgiveStall(nowMs: number): void {
    const { lessor, extendMs } = this.#options;
    const sinceMs = this.#tickedAtMs;
    this.#tickedAtMs = nowMs;
    if (nowMs - sinceMs > extendMs) lessor.postpone(sinceMs, nowMs);
  }
}
