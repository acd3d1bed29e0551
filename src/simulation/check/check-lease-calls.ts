import type { Operation } from './history.js';
import type { LeaseRecord } from './lease-book.js';
import type { LeaseFacts } from './check-leases.js';
import type { Report } from './report.js';
import { search, type SearchModel, type SearchOperation } from './search.js';

const SEARCH_STEPS_MAX = 1_000_000;

type LeaseState = 'absent' | 'present' | 'ended';

/** What a call says about a lease: what it needs to be, and what it makes of it. */
type LeaseInput = 'grant' | 'revoke' | 'expire' | 'found' | 'missing' | 'late';

/**
 * `E5`: the calls about one lease, which have no revision of their own, must be explained by some
 * order in which it is granted, found, and ended once. By search, lease by lease.
 */
export function checkLeaseCalls(facts: LeaseFacts, report: Report): void {
  const expiries = new Map<bigint, number>();
  for (const [revision, writer] of facts.explanation.writers.entries()) {
    // Where a call may have deleted its only keys, the lease need not have ended.
    if (writer?.kind === 'lease' && writer.isCertain) expiries.set(writer.lease, revision);
  }
  for (const record of facts.leases.records) {
    if (record.grants.length !== 1) continue;
    const operations = operationsOf(record);
    const revision = expiries.get(record.id);
    const invokedMs = facts.leases.earliestEndMs(record, Number.POSITIVE_INFINITY);
    const returnedMs =
      revision === undefined ? Number.POSITIVE_INFINITY : facts.timeline.knownByMs(revision);
    // An end before its time is reported as that.
    operations.push({ input: 'expire', invokedMs: Math.min(invokedMs, returnedMs), returnedMs });
    const stepsMax = facts.options.searchStepsMax ?? SEARCH_STEPS_MAX;
    const verdict = search(operations, LEASE_MODEL, stepsMax);
    if (verdict === 'explained') continue;
    const id = record.id.toString(16);
    const message =
      verdict === 'impossible'
        ? `no order explains what was answered about lease ${id}`
        : `the search for an order of the calls about lease ${id} was given up`;
    report.add('E5', message, record.grants[0]?.returnedMs);
  }
}

function operationsOf(record: LeaseRecord): SearchOperation<LeaseInput>[] {
  const operations: SearchOperation<LeaseInput>[] = [];
  const add = (input: LeaseInput, { invokedMs, returnedMs, outcome }: Operation): void => {
    const endMs = outcome.kind === 'unknown' ? Number.POSITIVE_INFINITY : returnedMs;
    operations.push({ input, invokedMs, returnedMs: endMs });
  };
  for (const operation of record.grants) add('grant', operation);
  for (const operation of record.revokes) add('revoke', operation);
  for (const operation of record.sightings) {
    if (operation.call.kind !== 'leaseGrant') add('found', operation);
  }
  for (const operation of record.absences) {
    add(operation.call.kind === 'leaseKeepAlive' ? 'late' : 'missing', operation);
  }
  return operations;
}

const LEASE_MODEL: SearchModel<LeaseState, LeaseInput> = {
  initial: 'absent',
  key: (state) => state,
  step(state, input): readonly LeaseState[] {
    switch (input) {
      case 'grant':
        return state === 'absent' ? ['present'] : [];
      case 'revoke':
      case 'expire':
        return state === 'present' ? ['ended'] : [];
      case 'found':
        return state === 'present' ? ['present'] : [];
      case 'missing':
        return state === 'present' ? [] : [state];
      case 'late':
        // One that is due is refused while it still exists; whether it was due is judged by `E1`.
        return [state];
    }
  },
};
