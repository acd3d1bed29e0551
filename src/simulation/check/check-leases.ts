import type { History, Operation } from './history.js';
import type { LeaseBook, LeaseRecord } from './lease-book.js';
import { operationName } from './operation-name.js';
import type { CheckOptions, Span } from './options.js';
import type { Explanation } from './replay.js';
import type { Report } from './report.js';
import { headerOf, type Timeline } from './timeline.js';

/** The end of a lease, as a revision shows it. */
interface LeaseEnd {
  readonly revision: number;
  readonly expired: boolean;
}

export interface LeaseFacts {
  readonly history: History;
  readonly timeline: Timeline;
  readonly leases: LeaseBook;
  readonly explanation: Explanation;
  readonly options: CheckOptions;
}

/**
 * `E1`, `E2` and `E4`: no lease ends before its time, none outlives it by more than was promised,
 * and after its end nothing works with it. A renewal counts from its sending where that favours the
 * lease's owner, and to its answer where it favours the store.
 */
export class LeaseCheck {
  readonly #facts: LeaseFacts;
  readonly #report: Report;
  readonly #ends = new Map<bigint, LeaseEnd>();
  readonly #disturbances: readonly Span[];

  constructor(facts: LeaseFacts, report: Report) {
    this.#facts = facts;
    this.#report = report;
    this.#disturbances = joined([
      ...(facts.options.disturbances ?? []),
      ...termChanges(facts.history.operations),
    ]);
    for (const [revision, writer] of facts.explanation.writers.entries()) {
      if (writer?.kind === 'lease') {
        // Where a call may have deleted its only keys, the lease need not have ended.
        if (writer.isCertain) this.#ends.set(writer.lease, { revision, expired: true });
      } else if (writer?.kind === 'operation' && writer.operation.call.kind === 'leaseRevoke') {
        this.#ends.set(writer.operation.call.id, { revision, expired: false });
      }
    }
  }

  run(): void {
    this.#checkOrphans();
    for (const record of this.#facts.leases.records) {
      // An id that was granted twice says little: each end may have been that of either.
      if (record.grants.length > 1) continue;
      this.#checkNotEarly(record);
      this.#checkNotForEver(record);
      this.#checkAfterEnd(record);
    }
  }

  #checkOrphans(): void {
    const { history, leases } = this.#facts;
    if (leases.hasNamelessGrants) return;
    const known = new Set<bigint>();
    for (const { revision, events } of history.revisions) {
      for (const { kv } of events) {
        if (kv.lease === 0n || known.has(kv.lease)) continue;
        known.add(kv.lease);
        if ((leases.get(kv.lease)?.grants.length ?? 0) > 0) continue;
        const message = `revision ${revision} attaches a key to lease ${hex(kv.lease)}, which nobody granted`;
        this.#report.add('E4', message, this.#facts.timeline.knownByMs(revision));
      }
    }
  }

  #checkNotEarly(record: LeaseRecord): void {
    const { leases, timeline } = this.#facts;
    const check = (atMs: number, what: string): void => {
      const earliestMs = leases.earliestEndMs(record, atMs);
      if (atMs >= earliestMs) return;
      const message = `lease ${hex(record.id)} was gone by ${atMs} ms (${what}), promised until ${earliestMs} ms`;
      this.#report.add('E1', message, atMs);
    };
    const end = this.#ends.get(record.id);
    if (end?.expired === true) {
      check(timeline.knownByMs(end.revision), `its keys went in revision ${end.revision}`);
    }
    for (const absence of record.absences) {
      if (!wasGranted(record, absence.invokedMs)) continue;
      if (record.revokes.some((revoke) => revoke.invokedMs <= absence.returnedMs)) continue;
      check(absence.returnedMs, operationName(absence));
    }
  }

  #checkNotForEver(record: LeaseRecord): void {
    const { history, timeline, explanation, options } = this.#facts;
    if (options.leaseSlackMs === undefined || record.ttlMs === undefined) return;
    if (record.grants.some(({ outcome }) => outcome.kind === 'unknown')) return;
    const renewals = [...record.renewals, ...record.maybeRenewals];
    const check = (atMs: number, what: string, self?: Operation): void => {
      const limitMs = this.#latestEndMs(record, renewals, atMs, self);
      if (limitMs === undefined || atMs <= limitMs) return;
      const message = `lease ${hex(record.id)} was there at ${atMs} ms (${what}), and should have ended by ${limitMs} ms`;
      this.#report.add('E2', message, atMs);
    };
    for (const sighting of record.sightings) {
      check(sighting.invokedMs, operationName(sighting), sighting);
    }
    const end = this.#ends.get(record.id);
    if (end !== undefined) {
      const atMs = history.revisionsAtMs?.[end.revision - 2];
      if (end.expired && atMs !== undefined) check(atMs, `it expired in revision ${end.revision}`);
    } else if (explanation.model.attachedTo(record.id).length > 0) {
      // What the last revision shows is certain only as of when it was known.
      const { lastRevision } = timeline;
      check(history.endMs, `it still has keys in revision ${lastRevision}, the last one`);
    }
  }

  /** The time by which the lease must have ended; undefined when it was never there. */
  #latestEndMs(
    record: LeaseRecord,
    renewals: readonly Operation[],
    atMs: number,
    self: Operation | undefined,
  ): number | undefined {
    const wholeMs = (record.ttlMs ?? 0) + (this.#facts.options.leaseSlackMs ?? 0);
    let limitMs: number | undefined;
    for (const renewal of renewals) {
      if (renewal === self || renewal.invokedMs > atMs) continue;
      limitMs = Math.max(limitMs ?? 0, renewal.returnedMs + wholeMs);
    }
    if (limitMs === undefined) return undefined;
    const renewedMs = limitMs - wholeMs;
    const lostMs = this.#lostAtChangeMs(record);
    for (const { fromMs, toMs } of this.#disturbances) {
      if (fromMs > limitMs) break;
      if (toMs < renewedMs) continue;
      const laterMs = limitMs + (toMs - fromMs) + lostMs;
      limitMs = Math.max(limitMs, Math.min(laterMs, toMs + wholeMs));
    }
    return limitMs;
  }

  /** What a change of leader can add to the life of a lease, besides its own time. */
  #lostAtChangeMs({ ttlMs }: LeaseRecord): number {
    const noteMs = this.#facts.options.leaseCheckpointMs ?? NEVER_MS;
    return ttlMs === undefined || ttlMs <= noteMs ? NEVER_MS : noteMs + CHANGE_SLACK_MS;
  }

  #checkAfterEnd(record: LeaseRecord): void {
    const { leases, timeline } = this.#facts;
    const lastUse = leases.lastUse(record.id);
    const lastRevision = Math.min(
      this.#ends.get(record.id)?.revision ?? Number.POSITIVE_INFINITY,
      ...record.revokes.map((revoke) => headerOf(revoke)?.revision ?? Number.POSITIVE_INFINITY),
    );
    if (lastUse > lastRevision) {
      const message = `lease ${hex(record.id)} ended in revision ${lastRevision}, and revision ${lastUse} attaches a key to it`;
      this.#report.add('E4', message, timeline.knownByMs(lastUse));
    }
    const endedMs = this.#endedMs(record);
    for (const sighting of record.sightings) {
      if (sighting.invokedMs <= endedMs || sighting.call.kind === 'leaseGrant') continue;
      const message = `lease ${hex(record.id)} had ended by ${endedMs} ms, and ${operationName(sighting)} found it`;
      this.#report.add('E4', message, sighting.returnedMs);
    }
    const answered = record.revokes.filter(({ outcome }) => outcome.kind === 'answered');
    const [first, second] = answered;
    if (first === undefined || second === undefined) return;
    const message = `${operationName(first)} and ${operationName(second)} both revoked lease ${hex(record.id)}`;
    this.#report.add('E4', message, second.returnedMs);
  }

  /** The earliest time at which somebody knew that the lease had ended. */
  #endedMs(record: LeaseRecord): number {
    const end = this.#ends.get(record.id);
    const times = [end === undefined ? NEVER_MS : this.#facts.timeline.knownByMs(end.revision)];
    for (const { outcome, returnedMs } of record.revokes) {
      if (outcome.kind === 'answered') times.push(returnedMs);
    }
    for (const absence of record.absences) {
      // Whoever is late with a renewal is refused before the end has gone through the log.
      if (absence.call.kind === 'leaseKeepAlive') continue;
      if (wasGranted(record, absence.invokedMs)) times.push(absence.returnedMs);
    }
    return Math.min(...times);
  }
}

const NEVER_MS = Number.POSITIVE_INFINITY;

/** Rounding to whole seconds, an election, and the way of a note through the log. */
const CHANGE_SLACK_MS = 4000;

/** The same stretches of time in order, those that meet as one. */
function joined(spans: readonly Span[]): readonly Span[] {
  const result: { readonly fromMs: number; toMs: number }[] = [];
  for (const { fromMs, toMs } of spans.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = result.at(-1);
    if (last !== undefined && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, toMs);
    else result.push({ fromMs, toMs });
  }
  return result;
}

function wasGranted(record: LeaseRecord, atMs: number): boolean {
  return record.grants.some(
    ({ outcome, returnedMs }) => outcome.kind === 'answered' && returnedMs < atMs,
  );
}

/** Each first sight of a higher term, from the last answer of an earlier one on. */
function termChanges(operations: readonly Operation[]): readonly Span[] {
  const seen = new Map<number, { firstMs: number; lastMs: number }>();
  for (const operation of operations) {
    const term = headerOf(operation)?.raftTerm;
    if (term === undefined) continue;
    const span = seen.get(term);
    if (span === undefined) {
      seen.set(term, { firstMs: operation.returnedMs, lastMs: operation.returnedMs });
    } else {
      span.firstMs = Math.min(span.firstMs, operation.returnedMs);
      span.lastMs = Math.max(span.lastMs, operation.returnedMs);
    }
  }
  const terms = [...seen].toSorted(([a], [b]) => a - b);
  return terms.slice(1).map(([, span], at) => {
    const before = terms[at]?.[1].lastMs ?? 0;
    return { fromMs: Math.min(before, span.firstMs), toMs: Math.max(before, span.firstMs) };
  });
}

function hex(lease: bigint): string {
  return lease.toString(16);
}
