import type { RevisionBatch, StoreEvent } from '../../store/index.js';
import type { History, Operation } from './history.js';
import { inSpan, keyText, toSpan } from './key-text.js';
import type { LeaseBook } from './lease-book.js';
import { matchMost } from './matching.js';
import type { KvModel } from './model.js';
import { operationName as name } from './operation-name.js';
import type { Report } from './report.js';
import { deletesOf, putsOf } from './request-facts.js';
import { sameEvents } from './same.js';
import type { Timeline } from './timeline.js';
import { tryCall } from './try-call.js';

/** Who made a revision. */
export type Writer =
  | { readonly kind: 'operation'; readonly operation: Operation }
  /** The end of a lease; unless a call without an answer did the same, where one may have. */
  | { readonly kind: 'lease'; readonly lease: bigint; readonly isCertain: boolean }
  /** No request explains it; that was reported. */
  | { readonly kind: 'nobody' };

/** A revision that no answer names, and what could have made it. */
interface Open {
  readonly batch: RevisionBatch;
  /** Calls without an answer that would have changed just this, in time. */
  readonly choices: readonly Operation[];
  /** One that would have, but was sent after the revision was known. */
  readonly late: Operation | undefined;
  /** The lease of the first key that it deletes, if it deletes nothing but keys of that lease. */
  readonly lease: bigint | undefined;
  /** Whether it deletes all of them. */
  readonly whole: boolean;
}

/**
 * Explains the revisions that nobody was answered with: by the end of a lease, or by a call whose
 * outcome is unknown. Each such call explains one revision at most, and none that was known before
 * it was sent; which one explains which is a matching, so no order of looking at them can make a
 * good history look bad.
 */
export class UnclaimedRevisions {
  readonly #history: History;
  readonly #timeline: Timeline;
  readonly #leases: LeaseBook;
  readonly #report: Report;
  /** Calls without an answer, by what they might put, */
  readonly #putters = new Map<string, Operation[]>();
  /** and those that might delete. */
  readonly #deleters: Operation[] = [];
  readonly #open: Open[] = [];
  readonly #explained = new Map<number, Writer>();

  constructor(history: History, timeline: Timeline, leases: LeaseBook, report: Report) {
    this.#history = history;
    this.#timeline = timeline;
    this.#leases = leases;
    this.#report = report;
    for (const operation of history.operations) {
      if (operation.outcome.kind === 'unknown') this.#index(operation);
    }
  }

  /** @param model the state before the revision */
  add(model: KvModel, batch: RevisionBatch): void {
    const { lease, whole } = leaseOf(model, batch);
    const knownMs = this.#timeline.knownByMs(batch.revision);
    const fits = this.#candidates(batch).filter((operation) => {
      tryCall(model, operation);
      const same = sameEvents(model.events, batch.events);
      model.rollback();
      return same;
    });
    const inTime = fits.filter((operation) => operation.invokedMs <= knownMs);
    // A lease that is found later was not revoked here, if something else can have been.
    const likely = inTime.filter(({ call }) => {
      return call.kind !== 'leaseRevoke' || this.#leases.mayEndIn(call.id, batch.revision, knownMs);
    });
    const choices = likely.length > 0 ? likely : inTime;
    if (lease !== undefined && whole && this.#leases.mayExpireIn(lease, batch.revision, knownMs)) {
      const isCertain = choices.every(({ call }) => call.kind === 'leaseRevoke');
      this.#explained.set(batch.revision, { kind: 'lease', lease, isCertain });
      return;
    }
    const late = fits.find((operation) => operation.invokedMs > knownMs);
    this.#open.push({ batch, choices, late, lease, whole });
  }

  /** The writers of all revisions that were added. */
  explain(): ReadonlyMap<number, Writer> {
    const partners = matchMost(this.#open.map((open) => open.choices));
    for (const [at, open] of this.#open.entries()) {
      const operation = partners[at];
      const { revision } = open.batch;
      if (operation !== undefined) this.#explained.set(revision, { kind: 'operation', operation });
      else this.#explained.set(revision, this.#accuse(open));
    }
    return this.#explained;
  }

  /** What is wrong with a revision that nothing explains. */
  #accuse(open: Open): Writer {
    const { batch, lease, late, choices } = open;
    const { revision } = batch;
    const atMs = this.#timeline.knownByMs(revision);
    // Whether the lease ended in time is judged with the leases.
    if (lease !== undefined && open.whole) return { kind: 'lease', lease, isCertain: true };
    const first = choices[0];
    if (first !== undefined) {
      this.#report.add('L4', `revision ${revision} is ${name(first)} once more`, atMs);
    } else if (late !== undefined) {
      const message = `revision ${revision} was known before ${name(late)}, which alone explains it, was sent`;
      this.#report.add('L4', message, atMs);
    } else if (lease !== undefined) {
      const message = `revision ${revision} deletes some keys of lease ${lease.toString(16)} and not the others`;
      this.#report.add('E3', message, atMs);
    } else this.#accuseContent(batch, atMs);
    return { kind: 'nobody' };
  }

  #accuseContent({ revision, events }: RevisionBatch, atMs: number): void {
    const put = events.find((event) => event.type === 'put');
    const source = put && this.#history.operations.find((operation) => writesPair(operation, put));
    if (source === undefined) {
      this.#report.add('L3', `nobody asked for what revision ${revision} changes`, atMs);
    } else if (source.outcome.kind === 'refused') {
      const message = `revision ${revision} has what ${name(source)} wrote, which was refused`;
      this.#report.add('L3', message, atMs);
    } else if (source.outcome.kind === 'answered') {
      const message = `revision ${revision} has what ${name(source)} wrote, which was answered with another revision`;
      this.#report.add('L4', message, atMs);
    } else {
      const message = `revision ${revision} has what ${name(source)} wrote, but not as it asked for it`;
      this.#report.add('L4', message, atMs);
    }
  }

  #index(operation: Operation): void {
    const { call } = operation;
    for (const put of putsOf(call)) {
      const key = keyText(put.key);
      const pair = put.ignoreValue === true ? key : pairText(key, keyText(put.value ?? ''));
      const list = this.#putters.get(pair);
      if (list === undefined) this.#putters.set(pair, [operation]);
      else if (list.at(-1) !== operation) list.push(operation);
    }
    if (call.kind === 'leaseRevoke' || deletesOf(call).length > 0) this.#deleters.push(operation);
  }

  #candidates({ events }: RevisionBatch): readonly Operation[] {
    const put = events.find((event) => event.type === 'put');
    if (put !== undefined) {
      const key = keyText(put.kv.key);
      const exact = this.#putters.get(pairText(key, keyText(put.kv.value))) ?? [];
      return [...new Set([...exact, ...(this.#putters.get(key) ?? [])])];
    }
    const [first] = events;
    if (first === undefined) return [];
    const key = keyText(first.kv.key);
    return this.#deleters.filter(
      ({ call }) =>
        call.kind === 'leaseRevoke' ||
        deletesOf(call).some((request) => inSpan(key, toSpan(request))),
    );
  }
}

/** Joins key and value so that no two pairs look alike. */
function pairText(key: string, value: string): string {
  return `${key.length}:${key}${value}`;
}

function writesPair({ call }: Operation, { kv }: StoreEvent): boolean {
  const key = keyText(kv.key);
  const value = keyText(kv.value);
  return putsOf(call).some((put) => keyText(put.key) === key && keyText(put.value ?? '') === value);
}

function leaseOf(
  model: KvModel,
  { events }: RevisionBatch,
): { readonly lease: bigint | undefined; readonly whole: boolean } {
  let lease = 0n;
  for (const { type, kv } of events) {
    const before = type === 'delete' ? model.get(keyText(kv.key)) : undefined;
    if (before === undefined || before.lease === 0n) return { lease: undefined, whole: false };
    if (lease !== 0n && before.lease !== lease) return { lease: undefined, whole: false };
    lease = before.lease;
  }
  if (lease === 0n) return { lease: undefined, whole: false };
  model.deleteAttached(lease);
  const whole = sameEvents(model.events, events);
  model.rollback();
  return { lease, whole };
}
