import type { RevisionBatch } from '../../store/index.js';
import type { History, Operation } from './history.js';
import type { LeaseBook } from './lease-book.js';
import { KvModel } from './model.js';
import { operationName as name } from './operation-name.js';
import type { RecordedKeys } from './recorded-keys.js';
import type { Report } from './report.js';
import { hasEffect, isSerializable } from './request-facts.js';
import { sameEvents } from './same.js';
import { headerOf, type Timeline } from './timeline.js';
import { isAnswer, type ModelAnswer, tryCall } from './try-call.js';
import { UnclaimedRevisions, type Writer } from './unclaimed.js';

/** What a replay is made from. */
export interface ReplayFacts {
  readonly history: History;
  readonly timeline: Timeline;
  readonly leases: LeaseBook;
  readonly keys: RecordedKeys;
}

/** What a replay found out. */
export interface Explanation {
  /** Who made each revision; the first two places are empty. */
  readonly writers: readonly (Writer | undefined)[];
  /**
   * The place of each call in the one order that all must have had: twice the revision for what
   * made it, one more for what saw it.
   */
  readonly positions: ReadonlyMap<Operation, number>;
  /** The state after the last revision, with all versions of every key. */
  readonly model: KvModel;
}

/**
 * Goes through the revisions once, in order: whoever was answered with a revision must have made
 * it, every answer must be the model's, and what nobody was answered with is left to
 * {@link UnclaimedRevisions}. Reports `L1` to `L4`, `L6`, and `L7` for reads of the past.
 */
export class Replay {
  readonly #timeline: Timeline;
  readonly #report: Report;
  readonly #model = new KvModel();
  readonly #unclaimed: UnclaimedRevisions;
  readonly #positions = new Map<Operation, number>();
  readonly #keys: RecordedKeys;
  readonly #writers: (Writer | undefined)[] = [];
  /** Calls that say that they made a revision, and those that saw it, by revision. */
  readonly #claims: (Operation[] | undefined)[] = [];
  readonly #revokes: (Operation[] | undefined)[] = [];
  readonly #reads: (Operation[] | undefined)[] = [];

  constructor(facts: ReplayFacts, report: Report) {
    const { history, timeline, leases, keys } = facts;
    this.#keys = keys;
    this.#timeline = timeline;
    this.#report = report;
    this.#unclaimed = new UnclaimedRevisions(history, timeline, leases, report);
    for (const operation of history.operations) this.#sort(operation);
  }

  run(): Explanation {
    const { lastRevision } = this.#timeline;
    for (let revision = 1; revision <= lastRevision; revision++) {
      if (revision > 1) this.#write(revision, this.#timeline.batch(revision) as RevisionBatch);
      for (const operation of this.#reads[revision] ?? []) this.#read(operation, revision);
    }
    for (const [revision, writer] of this.#unclaimed.explain()) {
      this.#writers[revision] = writer;
      if (writer.kind !== 'operation') continue;
      this.#positions.set(writer.operation, 2 * revision);
    }
    return { writers: this.#writers, positions: this.#positions, model: this.#model };
  }

  #sort(operation: Operation): void {
    const { outcome, call } = operation;
    if (outcome.kind !== 'answered') return;
    const { answer } = outcome;
    if (answer.kind !== call.kind) {
      this.#report.add(
        'L1',
        `${name(operation)} was answered as ${answer.kind}`,
        operation.returnedMs,
      );
      return;
    }
    const { revision } = answer.result.header;
    if (answer.kind === 'leaseKeepAlive' || answer.kind === 'leaseTimeToLive') return;
    if (answer.kind === 'leaseList') return;
    const writes =
      answer.kind === 'put' ||
      (answer.kind === 'delete' && answer.result.deleted > 0) ||
      (answer.kind === 'txn' && hasEffect(answer.result.responses));
    if (revision > this.#timeline.lastRevision || revision < (writes ? 2 : 1)) {
      const property = writes ? 'L2' : isSerializable(call) ? 'L6' : 'L3';
      const message = `${name(operation)} was answered at revision ${revision}, which is not in the history of ${this.#timeline.lastRevision}`;
      this.#report.add(property, message, operation.returnedMs);
      return;
    }
    const list = writes ? this.#claims : call.kind === 'leaseRevoke' ? this.#revokes : this.#reads;
    const known = list[revision];
    if (known === undefined) list[revision] = [operation];
    else known.push(operation);
  }

  #write(revision: number, batch: RevisionBatch): void {
    const claims = this.#claims[revision] ?? [];
    const fits = claims.length > 1 && claims.find((operation) => this.#makes(operation, batch));
    const writer = fits || claims[0];
    for (const operation of claims) {
      if (operation === writer) this.#judgeWrite(operation, batch);
      else {
        const message = `${name(operation)} and ${name(writer as Operation)} were both answered with revision ${revision}`;
        this.#report.add('L1', message, operation.returnedMs);
      }
    }
    const revokes = this.#revokes[revision] ?? [];
    if (writer !== undefined) this.#writers[revision] = { kind: 'operation', operation: writer };
    else {
      // One that was sent when the revision was known already has only seen it.
      const knownMs = this.#timeline.knownByMs(revision);
      const revoke = revokes.find(
        (operation) => operation.invokedMs <= knownMs && this.#makes(operation, batch),
      );
      if (revoke === undefined) this.#unclaimed.add(this.#model, batch);
      else {
        this.#writers[revision] = { kind: 'operation', operation: revoke };
        this.#positions.set(revoke, 2 * revision);
      }
    }
    this.#model.apply(batch, this.#keys[revision - 2]);
    for (const operation of revokes) this.#judgeRevoke(operation, revision);
  }

  /** Whether the call, done now, would change exactly what the revision changed. */
  #makes(operation: Operation, batch: RevisionBatch): boolean {
    tryCall(this.#model, operation);
    const same = this.#model.events.length > 0 && sameEvents(this.#model.events, batch.events);
    this.#model.rollback();
    return same;
  }

  #judgeWrite(operation: Operation, batch: RevisionBatch): void {
    const { revision } = batch;
    this.#positions.set(operation, 2 * revision);
    const answer = tryCall(this.#model, operation);
    const same = sameEvents(this.#model.events, batch.events);
    this.#model.rollback();
    if (!same) {
      const message = `${name(operation)} was answered with revision ${revision}, which holds something else`;
      this.#report.add('L2', message, operation.returnedMs);
    } else this.#judge(operation, answer, 'L1');
  }

  #judgeRevoke(operation: Operation, revision: number): void {
    const { call } = operation;
    if (call.kind !== 'leaseRevoke') return;
    const writer = this.#writers[revision];
    if (writer?.kind === 'operation' && writer.operation === operation) return;
    this.#positions.set(operation, 2 * revision + 1);
    if (this.#model.attachedTo(call.id).length === 0) return;
    const message = `${name(operation)} was answered at revision ${revision}, but keys are still attached`;
    this.#report.add('E3', message, operation.returnedMs);
  }

  #read(operation: Operation, revision: number): void {
    const { call } = operation;
    const serializable = isSerializable(call);
    if (!serializable) this.#positions.set(operation, 2 * revision + 1);
    if (call.kind === 'compact' || call.kind === 'leaseGrant') return;
    const answer = tryCall(this.#model, operation);
    const changes = this.#model.events.length;
    this.#model.rollback();
    if (changes > 0) {
      const message = `${name(operation)} was answered as if it changed nothing at revision ${revision}, but it would`;
      this.#report.add('L1', message, operation.returnedMs);
      return;
    }
    const past = call.kind === 'range' && (call.request.revision ?? 0) > 0;
    this.#judge(operation, answer, serializable ? 'L6' : past ? 'L7' : 'L1');
  }

  #judge(operation: Operation, expected: ModelAnswer, property: string): void {
    if (expected !== undefined && 'refusal' in expected) {
      const message = `${name(operation)} was answered and not refused with ${expected.refusal}`;
      const late = expected.refusal === 'FutureRevision' ? 'L7' : property;
      this.#report.add(late, message, operation.returnedMs);
    } else if (!isAnswer(operation, expected)) {
      const revision = headerOf(operation)?.revision;
      const message = `${name(operation)} was answered with something else than what is there at revision ${revision}`;
      this.#report.add(property, message, operation.returnedMs);
    }
  }
}
