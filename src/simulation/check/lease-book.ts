import { LIMITS } from '../../store/index.js';
import type { History, Operation } from './history.js';

/** What was asked and answered about one lease. */
export interface LeaseRecord {
  readonly id: bigint;
  /** Grants that were answered, or may have happened under this id. */
  readonly grants: Operation[];
  /** Grants and keep-alives that were answered, by their sending. */
  readonly renewals: Operation[];
  /** Those of unknown outcome. */
  readonly maybeRenewals: Operation[];
  /** Revokes that were answered, or may have happened. */
  readonly revokes: Operation[];
  /** Answers that say that the lease was there. */
  readonly sightings: Operation[];
  /** Answers that say that it was not. */
  readonly absences: Operation[];
  /** The least that was granted, in milliseconds; undefined while unknown. */
  ttlMs: number | undefined;
}

/** All leases of a history, by id, as their users saw them. */
export class LeaseBook {
  readonly #records = new Map<bigint, LeaseRecord>();
  /** The last revision that put a key with the lease. */
  readonly #lastUse = new Map<bigint, number>();
  readonly #clockDriftMax: number;
  /** Whether there were grants without an answer whose id the store chose. */
  readonly hasNamelessGrants: boolean;

  constructor(history: History, clockDriftMax: number) {
    this.#clockDriftMax = clockDriftMax;
    let nameless = false;
    for (const operation of history.operations) {
      if (operation.outcome.kind === 'unknown' && isNamelessGrant(operation)) nameless = true;
      this.#note(operation);
    }
    this.hasNamelessGrants = nameless;
    for (const operation of history.operations) {
      if (operation.call.kind === 'leaseList') this.#noteList(operation);
    }
    for (const record of this.#records.values()) {
      record.renewals.sort((a, b) => a.invokedMs - b.invokedMs);
    }
    for (const { revision, events } of history.revisions) {
      for (const { kv } of events) if (kv.lease !== 0n) this.#lastUse.set(kv.lease, revision);
    }
  }

  get records(): IterableIterator<LeaseRecord> {
    return this.#records.values();
  }

  get(id: bigint): LeaseRecord | undefined {
    return this.#records.get(id);
  }

  lastUse(id: bigint): number {
    return this.#lastUse.get(id) ?? 0;
  }

  /**
   * The last renewal that had been sent by `atMs`: a lease that was gone by then was renewed
   * before.
   */
  lastRenewal(record: LeaseRecord, atMs: number): Operation | undefined {
    return record.renewals.findLast((renewal) => renewal.invokedMs <= atMs);
  }

  /** Before this time the lease cannot have expired, as seen at `atMs`. */
  earliestEndMs(record: LeaseRecord, atMs: number): number {
    const renewal = this.lastRenewal(record, atMs);
    if (renewal === undefined || record.ttlMs === undefined) return Number.NEGATIVE_INFINITY;
    return renewal.invokedMs + record.ttlMs * (1 - this.#clockDriftMax);
  }

  /** Whether the lease may have ended in `revision`, known by `atMs`: nobody found it later. */
  mayEndIn(id: bigint, revision: number, atMs: number): boolean {
    if (this.lastUse(id) > revision) return false;
    const sightings = this.#records.get(id)?.sightings ?? [];
    return !sightings.some((sighting) => sighting.invokedMs > atMs);
  }

  /** Whether the lease may have expired, its keys with it, in `revision`, known by `atMs`. */
  mayExpireIn(id: bigint, revision: number, atMs: number): boolean {
    if (!this.mayEndIn(id, revision, atMs)) return false;
    const record = this.#records.get(id);
    return record === undefined || this.earliestEndMs(record, atMs) <= atMs;
  }

  #note(operation: Operation): void {
    const { call, outcome } = operation;
    const answer = outcome.kind === 'answered' ? outcome.answer : undefined;
    switch (call.kind) {
      case 'leaseGrant': {
        const asked = call.request.id ?? 0n;
        if (answer?.kind === 'leaseGrant') {
          const record = this.#record(answer.result.id);
          record.grants.push(operation);
          record.renewals.push(operation);
          record.sightings.push(operation);
          record.ttlMs = Math.min(record.ttlMs ?? NEVER_MS, answer.result.ttlSeconds * 1000);
        } else if (outcome.kind === 'unknown' && asked !== 0n) {
          const record = this.#record(asked);
          record.grants.push(operation);
          record.maybeRenewals.push(operation);
          record.ttlMs = Math.min(record.ttlMs ?? NEVER_MS, call.request.ttlSeconds * 1000);
        }
        return;
      }
      case 'leaseKeepAlive': {
        const record = this.#record(call.id);
        if (answer !== undefined) {
          record.renewals.push(operation);
          record.sightings.push(operation);
        } else if (outcome.kind === 'unknown') record.maybeRenewals.push(operation);
        else if (isAbsence(operation)) record.absences.push(operation);
        return;
      }
      case 'leaseRevoke':
        if (outcome.kind !== 'refused') this.#record(call.id).revokes.push(operation);
        else if (isAbsence(operation)) this.#record(call.id).absences.push(operation);
        return;
      case 'leaseTimeToLive':
        if (answer?.kind !== 'leaseTimeToLive') return;
        if (answer.result.remainingTtlSeconds < 0)
          this.#record(call.request.id).absences.push(operation);
        else this.#record(call.request.id).sightings.push(operation);
        return;
      case 'put': {
        const lease = call.request.lease ?? 0n;
        if (lease === 0n) return;
        if (answer !== undefined) this.#record(lease).sightings.push(operation);
        else if (isAbsence(operation)) this.#record(lease).absences.push(operation);
        return;
      }
      default:
        return;
    }
  }

  /** A list of all leases says of each whether it is there. */
  #noteList(operation: Operation): void {
    if (operation.outcome.kind !== 'answered') return;
    const { answer } = operation.outcome;
    if (answer.kind !== 'leaseList') return;
    const ids = new Set(answer.result.ids);
    for (const id of ids) this.#record(id).sightings.push(operation);
    for (const record of this.#records.values()) {
      if (!ids.has(record.id)) record.absences.push(operation);
    }
  }

  #record(id: bigint): LeaseRecord {
    const known = this.#records.get(id);
    if (known !== undefined) return known;
    const record: LeaseRecord = {
      id,
      grants: [],
      renewals: [],
      maybeRenewals: [],
      revokes: [],
      sightings: [],
      absences: [],
      ttlMs: undefined,
    };
    this.#records.set(id, record);
    return record;
  }
}

const NEVER_MS = LIMITS.leaseTtlMaxSeconds * 1000;

function isNamelessGrant({ call }: Operation): boolean {
  return call.kind === 'leaseGrant' && (call.request.id ?? 0n) === 0n;
}

function isAbsence({ outcome }: Operation): boolean {
  return outcome.kind === 'refused' && outcome.code === 'LeaseNotFound';
}
