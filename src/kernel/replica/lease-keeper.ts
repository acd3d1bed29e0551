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
  /** Proposes a command whose outcome nobody waits for. */
  readonly propose: (command: Command) => void;
}

/**
 * The leader's clock over the leases. Only a leader counts, and what it finds due it proposes with
 * its term, so that a successor's log refuses what a deposed leader decided.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #leadsInTerm: number | undefined;
  #checkAtMs = 0;
  #tickedAtMs = 0;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** Told of each change of role; `term` undefined when not leading. */
  lead(term: number | undefined): void {
    if (term === this.#leadsInTerm) return;
    this.#leadsInTerm = term;
    const { lessor, clock, extendMs } = this.#options;
    if (term === undefined) return lessor.demote();
    this.#tickedAtMs = clock.monotonic();
    lessor.promote(this.#tickedAtMs, extendMs);
  }

  /** Proposes what is due. Cheap to call often, and to be called at least once each heartbeat. */
  tick(): void {
    const term = this.#leadsInTerm;
    if (term === undefined) return;
    const nowMs = this.#options.clock.monotonic();
    this.#forgiveStall(nowMs);
    if (nowMs < this.#checkAtMs) return;
    this.#checkAtMs = nowMs + LIMITS.leaseExpiryCheckMs;
    const ids = this.#options.lessor.due(nowMs, LIMITS.leaseExpiryBatch);
    if (ids.length > 0) this.#options.propose({ kind: 'leaseExpire', term, ids });
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
