import type { StoreEvent } from '../../store/index.js';
import { fieldsOf } from './fields-of.js';
import type { RecipeNote } from './history.js';
import { keyText } from './key-text.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';

const LATCH = /^(.+)\/@latch\/(?:state|down\/(\d+)\/([^/]+))$/s;

type Counted = Extract<RecipeNote, { kind: 'counted' }>;
type Latched = Extract<RecipeNote, { kind: 'latched' }>;

/**
 * `K9`, of what is counted and told at a latch: nothing is counted but ids that somebody was just
 * counting, and it is forgotten only when another round begins; and whoever counts or waits is told
 * what is so. When a round may open is for the check of all gates.
 */
export class LatchCheck {
  readonly #facts: RecipeFacts;
  readonly #report: Report;
  /** The revision that opened a round, by latch and round. */
  readonly #opened = new Map<string, number>();
  /** The revision that counted an id, by latch, round and id. */
  readonly #downs = new Map<string, number>();
  readonly #counted: readonly Counted[];

  constructor(facts: RecipeFacts, report: Report) {
    this.#facts = facts;
    this.#report = report;
    this.#counted = (facts.history.recipes ?? []).filter((note) => note.kind === 'counted');
  }

  /** To be called once. */
  run(): void {
    const { history } = this.#facts;
    for (const { revision, events } of history.revisions) {
      for (const event of events) {
        const [, latch, round, id] = LATCH.exec(keyText(event.kv.key)) ?? [];
        if (latch === undefined) continue;
        if (id === undefined) this.#turn(latch, event, revision);
        else if (event.type === 'put') this.#come(latch, Number(round), id, revision);
        else this.#forget(latch, Number(round), id, revision);
      }
    }
    for (const note of this.#counted) this.#checkCounted(note);
    for (const note of history.recipes ?? []) if (note.kind === 'latched') this.#checkLatched(note);
  }

  /** What a state opens: its own round if it says so, and always those before it. */
  #turn(latch: string, { kv }: StoreEvent, revision: number): void {
    const { round, isOpen } = fieldsOf(kv);
    if (typeof round !== 'number') return;
    const newest = isOpen === true ? round : round - 1;
    const place = `${latch} ${newest}`;
    if (!this.#opened.has(place)) this.#opened.set(place, revision);
  }

  #come(latch: string, round: number, id: string, revision: number): void {
    this.#downs.set(`${latch} ${round} ${id}`, revision);
    const writer = this.#facts.writers[revision];
    if (writer?.kind !== 'operation') return;
    const { client, invokedMs } = writer.operation;
    const isAsked = this.#counted.some(
      (note) =>
        note.latch === latch &&
        note.id === id &&
        note.client === client &&
        note.invokedMs <= invokedMs &&
        invokedMs <= note.atMs,
    );
    if (!isAsked) this.#fail(`latch ${latch}: revision ${revision} counts ${id}, as nobody asked`);
  }

  #forget(latch: string, round: number, id: string, revision: number): void {
    const now = this.#roundAt(latch, revision);
    if (now > round) return;
    this.#fail(`latch ${latch}: revision ${revision} forgets ${id} in round ${round}, its own`);
  }

  #checkCounted({ latch, id, client, told, atMs }: Counted): void {
    if (told === undefined) return;
    const { round, isCounted, remaining } = told;
    const who = `client ${client} counted ${id} in round ${round} of latch ${latch}`;
    const fail = (why: string): void => this.#fail(`${who}, ${why}`, atMs);
    const isOpen = this.#isSince(this.#opened.get(`${latch} ${round}`), atMs);
    const isThere = this.#isSince(this.#downs.get(`${latch} ${round} ${id}`), atMs);
    if (isCounted && !isThere) fail('it was told, and it is not counted');
    else if (!isCounted && !isOpen) fail('it was told that it came too late, and it did not');
    else if (remaining === 0 && !isOpen) fail('and nobody is missing, and it is not open');
  }

  #checkLatched({ latch, round, client, revision, invokedMs, atMs }: Latched): void {
    const { births, timeline } = this.#facts;
    const who = `client ${client} passed round ${round} of latch ${latch} at revision ${revision}`;
    const fail = (why: string): void => this.#fail(`${who}, ${why}`, atMs);
    if (births.earliestMs(revision) > atMs) fail('which did not exist yet');
    else if ((this.#opened.get(`${latch} ${round}`) ?? Number.POSITIVE_INFINITY) > revision) {
      fail('at which it was not open');
    }
    const before = this.#roundAt(latch, timeline.floorAt(invokedMs));
    if (before > round) fail(`though round ${before} had begun before it waited`);
  }

  /** Whether a revision had come by then. */
  #isSince(revision: number | undefined, atMs: number): boolean {
    return revision !== undefined && this.#facts.births.earliestMs(revision) <= atMs;
  }

  #roundAt(latch: string, revision: number): number {
    const state = this.#facts.model.getAt(`${latch}/@latch/state`, revision);
    const round = state && fieldsOf(state)['round'];
    return typeof round === 'number' ? round : 0;
  }

  #fail(message: string, atMs?: number): void {
    this.#report.add('K9', message, atMs);
  }
}
