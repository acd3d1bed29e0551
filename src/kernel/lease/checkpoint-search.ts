import { LIMITS } from '../../store/index.js';
import type { LeaseCheckpoint } from '../codec/command.js';
import type { Lease } from './lease.js';

/**
 * Finds the leases whose remaining time is worth a note in the log, a few at each step. A lease
 * that is renewed more often than notes are made needs none: losing less than that is what a change
 * of leader may cost, and its next renewal would have to take the note back through the log.
 */
export class CheckpointSearch {
  readonly #leases: Iterator<Lease>;
  #isDone = false;

  /** @param leases may change meanwhile; who comes in is found, who leaves is not */
  constructor(leases: Iterable<Lease>) {
    this.#leases = leases[Symbol.iterator]();
  }

  /** Whether every lease was looked at. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /**
   * @param intervalMs leases that are not longer get no note, nor do those renewed since then
   * @returns at most LIMITS.leaseCheckpointBatch leases, each with what is left of it
   */
  step(nowMs: number, intervalMs: number): readonly (readonly [Lease, LeaseCheckpoint])[] {
    const found: (readonly [Lease, LeaseCheckpoint])[] = [];
    for (let visits = 0; visits < LIMITS.leaseCheckpointVisits; visits++) {
      if (found.length >= LIMITS.leaseCheckpointBatch) break;
      const next = this.#leases.next();
      if (next.done === true) {
        this.#isDone = true;
        break;
      }
      const remainingTtlSeconds = noteworthy(next.value, nowMs, intervalMs);
      if (remainingTtlSeconds === undefined) continue;
      found.push([next.value, { ...next.value.ref, remainingTtlSeconds }]);
    }
    return found;
  }
}

/** What is left, rounded up: a checkpoint must never take from a lease what was promised. */
function noteworthy(lease: Lease, nowMs: number, intervalMs: number): number | undefined {
  const ttlMs = lease.ttlSeconds * 1000;
  const remainingMs = lease.deadlineMs - nowMs;
  if (ttlMs <= intervalMs || remainingMs <= 0 || ttlMs - remainingMs < intervalMs) return undefined;
  const remainingTtlSeconds = Math.ceil(remainingMs / 1000);
  return remainingTtlSeconds < lease.fullMs / 1000 ? remainingTtlSeconds : undefined;
}
