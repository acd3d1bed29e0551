import type { StoreErrorCode, StoreEvent, WatchRequest } from '../../store/index.js';
import type { Births } from './births.js';
import type { History, WatchRecord } from './history.js';
import { inSpan, keyText, type KeySpan, toSpan } from './key-text.js';
import type { KvModel } from './model.js';
import type { CheckOptions } from './options.js';
import { PrefixMax } from './prefix-max.js';
import type { RecordedKeys } from './recorded-keys.js';
import type { Report } from './report.js';
import { sameEvent, sameKv } from './same.js';
import type { Timeline } from './timeline.js';

/** What all watches of a history are compared with. */
export interface WatchFacts {
  readonly history: History;
  readonly timeline: Timeline;
  readonly births: Births;
  /** The state after the last revision, with every version. */
  readonly model: KvModel;
  readonly options: CheckOptions;
  readonly keys: RecordedKeys;
}

/**
 * `W1` to `W9`: each watch against the recorded revisions from its start to where it came, as its
 * filter shows them.
 */
export function checkWatches(facts: WatchFacts, report: Report): void {
  const recorded = new RecordedEvents(facts);
  for (const watch of facts.history.watches) new WatchWalk(watch, recorded, report).run();
}

/** The recorded revisions, prepared for being filtered many times. */
class RecordedEvents {
  readonly facts: WatchFacts;
  readonly #keys: RecordedKeys;
  readonly #all: readonly number[];
  #byKey: Map<string, number[]> | undefined;
  readonly #compactions: PrefixMax;
  /** When somebody first asked for a compaction at each revision. */
  readonly #compactionsMs = new Map<number, number>();

  constructor(facts: WatchFacts) {
    this.facts = facts;
    const { revisions, operations } = facts.history;
    this.#keys = facts.keys;
    this.#all = revisions.map(({ revision }) => revision);
    const points: (readonly [number, number])[] = [];
    for (const { call, outcome, invokedMs } of operations) {
      if (call.kind === 'compact' && outcome.kind !== 'refused') {
        const { revision } = call.request;
        points.push([invokedMs, revision]);
        const beforeMs = this.#compactionsMs.get(revision) ?? invokedMs;
        this.#compactionsMs.set(revision, Math.min(beforeMs, invokedMs));
      }
    }
    this.#compactions = new PrefixMax(points);
  }

  /** Revisions that may concern a range, in order. */
  revisionsOf({ start, end }: KeySpan): readonly number[] {
    if (end !== undefined) return this.#all;
    this.#byKey ??= this.#index();
    return this.#byKey.get(start) ?? [];
  }

  /** What a watch is to be shown of a revision. */
  shown(revision: number, span: KeySpan, request: WatchRequest): readonly StoreEvent[] {
    const keys = this.#keys[revision - 2] ?? [];
    const events = this.facts.timeline.batch(revision)?.events ?? [];
    return events.filter(
      ({ type }, at) =>
        inSpan(keys[at] as string, span) &&
        !(type === 'put' ? request.noPut === true : request.noDelete === true),
    );
  }

  /**
   * What must be left of it by `atMs`. A compaction at this very revision keeps only the last
   * change that it made to each key; the filter may hide that one and let through those before it.
   */
  left(
    revision: number,
    span: KeySpan,
    request: WatchRequest,
    atMs: number,
  ): readonly StoreEvent[] {
    const shown = this.shown(revision, span, request);
    const compactedMs = this.#compactionsMs.get(revision) ?? Number.POSITIVE_INFINITY;
    if (compactedMs > atMs) return shown;
    const events = this.facts.timeline.batch(revision)?.events ?? [];
    const last = new Map(events.map((event) => [keyText(event.kv.key), event]));
    return shown.filter((event) => last.get(keyText(event.kv.key)) === event);
  }

  /** The highest revision to which the store may have been compacted by `atMs`. */
  compactedBy(atMs: number): number {
    return this.#compactions.upTo(atMs) ?? 0;
  }

  #index(): Map<string, number[]> {
    const byKey = new Map<string, number[]>();
    for (const [at, keys] of this.#keys.entries()) {
      for (const key of new Set(keys)) {
        const list = byKey.get(key);
        if (list === undefined) byKey.set(key, [at + 2]);
        else list.push(at + 2);
      }
    }
    return byKey;
  }
}

/** One watch, note by note. */
class WatchWalk {
  readonly #watch: WatchRecord;
  readonly #recorded: RecordedEvents;
  readonly #report: Report;
  readonly #span: KeySpan;
  readonly #revisions: readonly number[];
  /** The place in `#revisions` of the first that was not looked at. */
  #next = 0;
  /** Everything up to here was delivered; undefined while nobody can know where it began. */
  #level: number | undefined;
  #delivered = 0;
  #progress = 0;
  readonly #seen = new Set<number>();
  #ended = false;

  constructor(watch: WatchRecord, recorded: RecordedEvents, report: Report) {
    this.#watch = watch;
    this.#recorded = recorded;
    this.#report = report;
    this.#span = toSpan(watch.request);
    this.#revisions = recorded.revisionsOf(this.#span);
    const start = watch.request.startRevision ?? 0;
    if (start > 0) this.#level = start - 1;
  }

  run(): void {
    for (const note of this.#watch.notes) {
      if (this.#ended) this.#add('W9', `${note.kind} after it had ended`, note.atMs);
      if (note.atMs > (this.#watch.closedMs ?? Number.POSITIVE_INFINITY)) {
        this.#add('W9', `${note.kind} after it was closed`, note.atMs);
      }
      if (note.kind === 'error') this.#error(note.code, note.compactRevision, note.atMs);
      else if (note.kind === 'progress') this.#bookmark(note.revision, note.atMs);
      else if (note.batch.events.length === 0) this.#bookmark(note.batch.revision, note.atMs);
      else this.#batch(note.batch.revision, note.batch.events, note.atMs);
    }
    if (!this.#ended && this.#watch.closedMs === undefined) this.#checkTail();
  }

  #batch(revision: number, events: readonly StoreEvent[], atMs: number): void {
    const { startRevision = 0 } = this.#watch.request;
    if (revision < startRevision) {
      this.#add('W5', `revision ${revision}, before its start ${startRevision}`, atMs);
    } else if (this.#seen.has(revision)) {
      this.#add('W2', `revision ${revision} again`, atMs);
    } else if (revision <= this.#progress) {
      this.#add('W6', `revision ${revision} after the bookmark ${this.#progress}`, atMs);
    } else if (revision < this.#delivered) {
      this.#add('W1', `revision ${revision} after ${this.#delivered}`, atMs);
    } else {
      const property = this.#delivered === 0 && this.#progress === 0 ? 'W5' : 'W3';
      this.#expectNoneBefore(revision, property, atMs);
      this.#checkLateness(revision, atMs);
      this.#level = revision;
      this.#delivered = revision;
    }
    this.#seen.add(revision);
    this.#checkEvents(revision, events, atMs);
  }

  #bookmark(revision: number, atMs: number): void {
    const { births } = this.#recorded.facts;
    if (births.earliestMs(revision) > atMs) {
      this.#add('W6', `bookmark ${revision}, which did not exist yet`, atMs);
      return;
    }
    const before = Math.max(this.#progress, this.#delivered);
    if (revision < before) this.#add('W6', `bookmark ${revision} after ${before}`, atMs);
    this.#expectNoneBefore(revision + 1, 'W6', atMs);
    this.#progress = Math.max(this.#progress, revision);
    this.#level = Math.max(this.#level ?? 0, revision);
  }

  /** Reports a revision above the level and below `revision` that should have been delivered. */
  #expectNoneBefore(revision: number, property: string, atMs: number): void {
    const level = this.#level ?? revision;
    let missing: number | undefined;
    for (; this.#next < this.#revisions.length; this.#next++) {
      const candidate = this.#revisions[this.#next] as number;
      if (candidate >= revision) break;
      if (candidate <= level || missing !== undefined) continue;
      if (this.#left(candidate, atMs).length > 0) missing = candidate;
    }
    if (missing === undefined) return;
    this.#add(property, `revision ${missing} was left out before ${revision}`, atMs);
  }

  #shown(revision: number): readonly StoreEvent[] {
    return this.#recorded.shown(revision, this.#span, this.#watch.request);
  }

  #left(revision: number, atMs: number): readonly StoreEvent[] {
    return this.#recorded.left(revision, this.#span, this.#watch.request, atMs);
  }

  #checkEvents(revision: number, events: readonly StoreEvent[], atMs: number): void {
    const { births, timeline } = this.#recorded.facts;
    const all = timeline.batch(revision)?.events ?? [];
    const shown = this.#shown(revision);
    const has = (list: readonly StoreEvent[], event: StoreEvent): boolean =>
      list.some((other) => sameEvent(other, event));
    const strange = events.find((event) => !has(shown, event));
    if (strange !== undefined) {
      const why = has(all, strange) ? 'which its filter leaves out' : 'which never happened';
      const key = JSON.stringify(keyText(strange.kv.key));
      this.#add('W7', `revision ${revision} with a ${strange.type} of ${key}, ${why}`, atMs);
    } else if (events.length !== shown.length) {
      const isShort = events.length < shown.length;
      // All that may be missing is what a compaction may have taken.
      if (!isShort || !this.#left(revision, atMs).every((event) => has(events, event))) {
        const message = `${events.length} events of revision ${revision}, which has ${shown.length}`;
        this.#add(isShort ? 'W4' : 'W2', message, atMs);
      }
    } else if (!events.every((event, at) => sameEvent(event, shown[at] as StoreEvent))) {
      this.#add('W1', `the events of revision ${revision} in another order`, atMs);
    }
    if (births.earliestMs(revision) > atMs) {
      this.#add('W7', `revision ${revision} before anybody asked for it`, atMs);
    }
    for (const event of events) this.#checkPrevious(revision, event, atMs);
  }

  #checkPrevious(revision: number, { type, kv, prevKv }: StoreEvent, atMs: number): void {
    const key = keyText(kv.key);
    if (this.#watch.request.prevKv !== true) {
      if (prevKv === undefined) return;
      this.#add('W7', `revision ${revision} with a pair before it that nobody asked for`, atMs);
      return;
    }
    const before = this.#recorded.facts.model.getAt(key, revision - 1);
    if (sameKv(prevKv, before)) return;
    if (prevKv === undefined) {
      const isCreation = type === 'put' && kv.createRevision === kv.modRevision;
      if (isCreation || this.#recorded.compactedBy(atMs) >= revision) return;
    }
    const what = prevKv === undefined ? 'no pair' : 'a wrong pair';
    this.#add('W7', `revision ${revision} with ${what} before it for ${JSON.stringify(key)}`, atMs);
  }

  #error(code: StoreErrorCode, compactRevision: number | undefined, atMs: number): void {
    this.#ended = true;
    if (code !== 'Compacted') return;
    if (compactRevision === undefined) {
      this.#add('W9', 'ended as compacted without saying to where', atMs);
      return;
    }
    const asked = this.#recorded.facts.history.operations.some(
      ({ call, outcome, invokedMs }) =>
        call.kind === 'compact' &&
        outcome.kind !== 'refused' &&
        call.request.revision === compactRevision &&
        invokedMs <= atMs,
    );
    if (!asked)
      this.#add(
        'W9',
        `ended with compact revision ${compactRevision}, which nobody asked for`,
        atMs,
      );
    if (this.#level !== undefined && this.#level + 1 >= compactRevision) {
      const message = `ended with compact revision ${compactRevision}, but had all up to ${this.#level}`;
      this.#add('W9', message, atMs);
    }
  }

  #checkLateness(revision: number, atMs: number): void {
    const { options, timeline } = this.#recorded.facts;
    if (options.tail === undefined) return;
    const { healedMs, boundMs } = options.tail;
    const fromMs = Math.max(timeline.knownByMs(revision), healedMs, this.#watch.openedMs);
    if (atMs <= fromMs + boundMs) return;
    this.#add('W8', `revision ${revision} ${atMs - fromMs} ms after it was known`, atMs);
  }

  #checkTail(): void {
    const { options, timeline, births, history } = this.#recorded.facts;
    if (options.tail === undefined) return;
    const { healedMs, boundMs } = options.tail;
    const openedMs = this.#watch.openedMs;
    const level = this.#level;
    for (let at = this.#next; at < this.#revisions.length; at++) {
      const revision = this.#revisions[at] as number;
      if (level !== undefined && revision <= level) continue;
      // Where a watch without a start begins is known only once the server has it.
      const isAfter = births.earliestMs(revision) > Math.max(openedMs, healedMs) + boundMs;
      if (level === undefined && !isAfter) continue;
      const dueMs = Math.max(timeline.knownByMs(revision), healedMs, openedMs) + boundMs;
      if (dueMs > history.endMs) return;
      if (this.#left(revision, dueMs).length === 0) continue;
      this.#add('W8', `revision ${revision} was never delivered`, dueMs);
      return;
    }
  }

  #add(property: string, what: string, atMs: number): void {
    const { id, client } = this.#watch;
    this.#report.add(property, `watch ${id} of client ${client}: ${what}`, atMs);
  }
}
