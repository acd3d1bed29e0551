import type { RangeRequest, TxnData, TxnRequest } from '../../store/index.js';
import type { History, Operation } from './history.js';
import { operationName } from './operation-name.js';
import { PrefixMax } from './prefix-max.js';
import type { Report } from './report.js';
import { isSerializable, rangesOf } from './request-facts.js';
import { headerOf, type Timeline } from './timeline.js';

/**
 * `L7`, the rules of compaction and of reads in the past: the compact revision only grows, nothing
 * below it is readable after it, nothing at or above it is refused, and the future is refused.
 */
export class CompactionCheck {
  readonly #timeline: Timeline;
  readonly #report: Report;
  readonly #operations: readonly Operation[];
  /** Compactions that were answered or may have happened. */
  readonly #compactions: readonly Operation[];
  readonly #bySending: PrefixMax;
  readonly #byAnswer: PrefixMax;
  readonly #byHeader: PrefixMax;

  constructor(history: History, timeline: Timeline, report: Report) {
    this.#timeline = timeline;
    this.#report = report;
    this.#operations = history.operations;
    this.#compactions = history.operations.filter(
      ({ call, outcome }) => call.kind === 'compact' && outcome.kind !== 'refused',
    );
    const answered = this.#compactions.filter(({ outcome }) => outcome.kind === 'answered');
    const points = (
      compactions: readonly Operation[],
      place: (operation: Operation) => number,
    ): PrefixMax => new PrefixMax(compactions.map((one) => [place(one), revisionOf(one)]));
    this.#bySending = points(this.#compactions, (one) => one.invokedMs);
    this.#byAnswer = points(answered, (one) => one.returnedMs);
    this.#byHeader = points(answered, (one) => headerOf(one)?.revision ?? 0);
  }

  run(): void {
    this.#checkCompactions();
    for (const operation of this.#operations) {
      const { call, outcome } = operation;
      if (outcome.kind === 'refused') {
        if (outcome.code === 'Compacted') this.#checkCompacted(operation, outcome.compactRevision);
        else if (outcome.code === 'FutureRevision') this.#checkFuture(operation);
      } else if (outcome.kind === 'answered' && (call.kind === 'range' || call.kind === 'txn')) {
        this.#checkRead(operation);
      }
    }
  }

  #checkCompactions(): void {
    const seen = new Map<number, Operation>();
    for (const operation of this.#compactions) {
      if (operation.outcome.kind !== 'answered') continue;
      const revision = revisionOf(operation);
      const height = headerOf(operation)?.revision ?? 0;
      const twin = seen.get(revision);
      seen.set(revision, operation);
      const before = Math.max(
        this.#byAnswer.before(operation.invokedMs) ?? 0,
        this.#byHeader.before(height) ?? 0,
      );
      if (twin !== undefined) {
        this.#add(operation, `compacted to ${revision}, as ${operationName(twin)} had`);
      } else if (revision > height) {
        this.#add(operation, `compacted to ${revision}, which is in the future at ${height}`);
      } else if (revision <= before) {
        this.#add(operation, `compacted to ${revision} after ${before}`);
      }
    }
  }

  #checkRead(operation: Operation): void {
    const { outcome } = operation;
    if (outcome.kind !== 'answered') return;
    let lowest = Number.POSITIVE_INFINITY;
    for (const { revision = 0 } of rangesThatRan(operation)) {
      if (revision > 0) lowest = Math.min(lowest, revision);
    }
    if (lowest === Number.POSITIVE_INFINITY) return;
    const height = outcome.answer.result.header.revision;
    const sure = isSerializable(operation.call) ? 0 : this.#byAnswer.before(operation.invokedMs);
    const compacted = Math.max(sure ?? 0, this.#byHeader.before(height) ?? 0);
    if (lowest >= compacted) return;
    this.#add(operation, `read revision ${lowest} after it was compacted to ${compacted}`);
  }

  #checkCompacted(operation: Operation, told: number | undefined): void {
    const { call, returnedMs } = operation;
    const allowed = (revision: number): boolean =>
      this.#compactions.some(
        (one) => one !== operation && one.invokedMs <= returnedMs && revisionOf(one) === revision,
      );
    if (told !== undefined && !allowed(told)) {
      this.#add(operation, `was refused with compact revision ${told}, which nobody asked for`);
    }
    const compacted = this.#bySending.upTo(returnedMs) ?? 0;
    if (call.kind === 'compact') {
      if (compacted >= revisionOf(operation)) return;
    } else {
      const wanted = rangesOf(call).map(({ revision = 0 }) => revision);
      if (wanted.some((revision) => revision !== 0 && revision < compacted)) return;
    }
    this.#add(operation, `was refused as compacted, above the compact revision ${compacted}`);
  }

  #checkFuture(operation: Operation): void {
    const { call, invokedMs } = operation;
    const floor = isSerializable(call) ? 1 : this.#timeline.floorAt(invokedMs);
    const wanted =
      call.kind === 'compact'
        ? [call.request.revision]
        : rangesOf(call).map(({ revision = 0 }) => revision);
    if (wanted.some((revision) => revision > floor)) return;
    this.#add(operation, `was refused as in the future, but the store was at ${floor} before`);
  }

  #add(operation: Operation, what: string): void {
    this.#report.add('L7', `${operationName(operation)} ${what}`, operation.returnedMs);
  }
}

function revisionOf({ call }: Operation): number {
  return call.kind === 'compact' ? call.request.revision : 0;
}

function rangesThatRan({ call, outcome }: Operation): readonly RangeRequest[] {
  if (call.kind === 'range') return [call.request];
  const ranges: RangeRequest[] = [];
  if (call.kind === 'txn' && outcome.kind === 'answered' && outcome.answer.kind === 'txn') {
    collect(call.request, outcome.answer.result, ranges);
  }
  return ranges;
}

function collect(request: TxnRequest, data: TxnData, ranges: RangeRequest[]): void {
  const branch = (data.succeeded ? request.success : request.failure) ?? [];
  for (const [at, step] of branch.entries()) {
    const response = data.responses[at];
    if (step.kind === 'range') ranges.push(step);
    else if (step.kind === 'txn' && response?.kind === 'txn') collect(step, response, ranges);
  }
}
