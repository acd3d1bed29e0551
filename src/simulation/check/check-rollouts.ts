import { type KeyValue, type RevisionBatch, type StoreEvent, toText } from '../../store/index.js';
import { fieldsOf } from './fields-of.js';
import type { RecipeNote } from './history.js';
import { keyText } from './key-text.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';

type Rolled = Extract<RecipeNote, { kind: 'rolled' }>;

/** `<config>@rollout/<kind>/<instance>`: what an instance notes about itself. */
const NOTE = /^(.+)@rollout\/(trying|live|failed|refused|done)\/(.+)$/s;
/** `<gate>/@semaphore/held/<lease>-<nonce>`: leave to try. */
const PERMIT = /^(.+)\/@semaphore\/held\/([0-9a-f]+)-[0-9a-f]{16}$/s;
const LIMIT = /^(.+)\/@semaphore\/limit$/s;

/** The notes of one configuration's instances: by kind and instance. */
class Book {
  readonly #notes = new Map<string, Map<string, KeyValue>>();

  of(kind: string): Map<string, KeyValue> {
    const known = this.#notes.get(kind);
    if (known !== undefined) return known;
    const notes = new Map<string, KeyValue>();
    this.#notes.set(kind, notes);
    return notes;
  }

  /** Who counts as failed with a state, by the revision of the note that says so. */
  failures(state: string): ReadonlyMap<string, number> {
    const failures = new Map<string, number>();
    const live = this.of('live');
    for (const kind of ['trying', 'refused', 'failed']) {
      for (const [instance, kv] of this.of(kind)) {
        if (kind === 'trying' && live.has(instance)) continue;
        if (stateOf(kv) === state) failures.set(instance, kv.modRevision);
      }
    }
    return failures;
  }
}

/** What the users of one configuration say of its rollout. */
interface Terms {
  readonly config: string;
  readonly gate: string;
  readonly failureBudget: number;
}

/**
 * `K15`: an instance begins to try a value only under a permit of the gate, unless it has had that
 * value before; never while more instances than the budget allows had failed with it since before
 * its permit, nor after it has failed itself; what nobody can be well with nobody is done with; and
 * no more believe to be at it at one time than the gate admits.
 */
export class RolloutCheck {
  readonly #facts: RecipeFacts;
  readonly #report: Report;
  readonly #terms = new Map<string, Terms>();
  readonly #books = new Map<string, Book>();
  /** Revisions at which permits of a gate were granted, by gate and lease. */
  readonly #permits = new Map<string, number>();
  /** The most that each gate ever admitted. */
  readonly #limits = new Map<string, number>();
  /** Attempts that need no permit, by configuration, instance and revision of the value. */
  readonly #ungated = new Set<string>();
  /** What cannot be done, by configuration, instance and revision of the value. */
  readonly #bad = new Set<string>();
  readonly #rolled: readonly Rolled[];

  constructor(facts: RecipeFacts, report: Report) {
    this.#facts = facts;
    this.#report = report;
    this.#rolled = (facts.history.recipes ?? []).filter((note) => note.kind === 'rolled');
  }

  /** To be called once. */
  run(): void {
    for (const { config, gate, failureBudget, isGood, instance, revision } of this.#rolled) {
      if (!isGood) this.#bad.add(`${config} ${instance} ${revision}`);
      if (this.#terms.has(config)) continue;
      this.#terms.set(config, { config, gate, failureBudget });
      this.#books.set(config, new Book());
    }
    if (this.#terms.size === 0) return;
    for (const batch of this.#facts.history.revisions) this.#turn(batch);
    for (const terms of this.#terms.values()) this.#checkTogether(terms);
  }

  #turn({ revision, events }: RevisionBatch): void {
    const begun: (readonly [config: string, instance: string, kv: KeyValue])[] = [];
    for (const event of events) {
      const key = keyText(event.kv.key);
      const [, config, kind, instance] = NOTE.exec(key) ?? [];
      const book = this.#books.get(config ?? '');
      if (config === undefined || kind === undefined || instance === undefined) {
        this.#turnGate(key, event, revision);
      } else if (event.type === 'delete') book?.of(kind).delete(instance);
      else {
        if (kind === 'trying') begun.push([config, instance, event.kv]);
        // What it had noted before is what its beginning is judged by.
        else book?.of(kind).set(instance, event.kv);
        if (kind === 'done') this.#checkDone(config, instance, event.kv);
      }
    }
    for (const [config, instance, kv] of begun) {
      const terms = this.#terms.get(config);
      if (terms !== undefined) this.#checkBegun(terms, instance, kv);
      this.#books.get(config)?.of('trying').set(instance, kv);
    }
  }

  #turnGate(key: string, { type, kv }: StoreEvent, revision: number): void {
    const [, gate, lease] = PERMIT.exec(key) ?? [];
    if (gate !== undefined) {
      if (type === 'put') this.#permits.set(`${gate} ${lease}`, revision);
      else this.#permits.delete(`${gate} ${lease}`);
    }
    const [, limited] = LIMIT.exec(key) ?? [];
    if (limited === undefined || type === 'delete') return;
    const limit = Number(fieldsOf(kv)['limit']);
    this.#limits.set(limited, Math.max(limit, this.#limits.get(limited) ?? 0));
  }

  #checkBegun({ config, gate, failureBudget }: Terms, instance: string, kv: KeyValue): void {
    const book = this.#books.get(config) as Book;
    const fail = (why: string): void => {
      const who = `instance ${instance} of ${config} begins in revision ${kv.modRevision}`;
      this.#report.add('K15', `${who} ${why}`);
    };
    const state = stateOf(kv);
    const done = book.of('done').get(instance);
    if (done !== undefined && stateOf(done) === state) {
      this.#ungated.add(`${config} ${instance} ${String(fieldsOf(kv)['revision'])}`);
      return;
    }
    const lease = book.of('live').get(instance)?.lease.toString(16);
    const granted = this.#permits.get(`${gate} ${lease}`);
    if (granted === undefined) {
      fail(`without a permit of ${gate}`);
      return;
    }
    const failures = book.failures(state);
    const old = [...failures].filter(([, noted]) => noted < granted);
    if (old.some(([name]) => name === instance)) fail('what it has failed with');
    else if (old.length > failureBudget) fail(`what ${old.length} have failed with`);
  }

  #checkDone(config: string, instance: string, kv: KeyValue): void {
    if (!this.#bad.has(`${config} ${instance} ${String(fieldsOf(kv)['revision'])}`)) return;
    const who = `instance ${instance} of ${config}, revision ${kv.modRevision}`;
    this.#report.add('K15', `${who}: done with what nobody can be well with`);
  }

  /** Of those who believe to be at it, at the beginning of each. */
  #checkTogether({ config, gate }: Terms): void {
    const limit = this.#limits.get(gate) ?? 0;
    let there: readonly Rolled[] = [];
    const notes = this.#rolled.filter(
      ({ config: own, instance, revision }) =>
        own === config && !this.#ungated.has(`${config} ${instance} ${revision}`),
    );
    for (const note of notes.toSorted((a, b) => a.fromMs - b.fromMs)) {
      there = [...there.filter(({ untilMs }) => untilMs > note.fromMs), note];
      const names = new Set(there.map(({ instance }) => instance));
      if (names.size <= limit) continue;
      const message = `${[...names].join(', ')} are at it at one time, of at most ${limit}`;
      this.#report.add('K15', `rollout of ${config}: ${message}`, note.fromMs);
    }
  }
}

function stateOf(kv: KeyValue): string {
  const { stateId } = fieldsOf(kv);
  return typeof stateId === 'string' ? stateId : toText(kv.value);
}
