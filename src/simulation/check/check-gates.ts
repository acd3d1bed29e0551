import type { KeyValue } from '../../store/index.js';
import { fieldsOf } from './fields-of.js';
import type { RecipeNote } from './history.js';
import { keyText } from './key-text.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';

const DOUBLE_BARRIER = /^(.+)\/@rendezvous\/(?:generation|member\/(\d+)\/([^/]+))$/s;
const LATCH = /^(.+)\/@latch\/(?:state|down\/(\d+)\/([^/]+))$/s;

/** Those who pass together: a generation of a double barrier, or a round of a latch. */
interface Round {
  readonly there: Set<string>;
  /** The most that were there at one time. */
  peak: number;
  /** The revision that opened it. */
  opened: number | undefined;
  /** The last one after which nobody was there. */
  emptied: number | undefined;
}

/**
 * `K9`: nobody passes a double barrier or a latch before so many were there as it needs; nobody
 * comes to a round that is open; rounds open one after the other; and nobody has left a double
 * barrier together with the others before all of them are gone.
 */
export class GateCheck {
  readonly #facts: RecipeFacts;
  readonly #report: Report;
  readonly #rounds = new Map<string, Round>();
  /** The round that gathers, by gate. */
  readonly #current = new Map<string, number>();

  constructor(facts: RecipeFacts, report: Report) {
    this.#facts = facts;
    this.#report = report;
  }

  /** To be called once. */
  run(): void {
    const { history } = this.#facts;
    for (const { revision, events } of history.revisions) {
      for (const { type, kv } of events) {
        const key = keyText(kv.key);
        const isPut = type === 'put';
        const barrier = DOUBLE_BARRIER.exec(key);
        const [, name, round, id] = barrier ?? LATCH.exec(key) ?? [];
        if (name === undefined) continue;
        const gate = `${barrier === null ? 'latch' : 'double barrier'} ${name}`;
        if (id !== undefined) this.#come(gate, Number(round), id, isPut, revision);
        else if (!isPut) this.#fail(`${gate}: revision ${revision} forgets its rounds`);
        else if (barrier === null) this.#turnLatch(gate, kv, revision);
        else this.#turn(gate, fieldsOf(kv)['generation'], revision);
      }
    }
    for (const note of history.recipes ?? []) if (note.kind === 'passed') this.#checkPassed(note);
  }

  #come(gate: string, number: number, id: string, isPut: boolean, revision: number): void {
    const round = this.#round(gate, number);
    if (!isPut) {
      round.there.delete(id);
      if (round.there.size === 0) round.emptied = revision;
      return;
    }
    round.there.add(id);
    round.emptied = undefined;
    round.peak = Math.max(round.peak, round.there.size);
    if (round.opened === undefined) return;
    this.#fail(`${gate}: ${id} comes to round ${number} in revision ${revision}, which is open`);
  }

  /** A double barrier, or a latch, goes on to another round. */
  #turn(gate: string, next: unknown, revision: number): void {
    const before = this.#current.get(gate) ?? 1;
    const number = typeof next === 'number' ? next : 0;
    this.#current.set(gate, number);
    if (number !== before + 1) {
      this.#fail(`${gate}: revision ${revision} goes from round ${before} to ${number}`);
    }
    this.#round(gate, before).opened ??= revision;
  }

  #turnLatch(gate: string, kv: KeyValue, revision: number): void {
    const { round: next, count, isOpen } = fieldsOf(kv);
    const before = this.#current.get(gate) ?? 1;
    if (next !== before) this.#turn(gate, next, revision);
    const number = this.#current.get(gate) ?? 1;
    this.#current.set(gate, number);
    const round = this.#round(gate, number);
    if (isOpen !== true) return;
    round.opened ??= revision;
    const needed = typeof count === 'number' ? count : Number.POSITIVE_INFINITY;
    if (round.peak >= needed) return;
    this.#fail(`${gate}: revision ${revision} opens it for ${round.peak} of ${needed}`);
  }

  #checkPassed(note: Extract<RecipeNote, { kind: 'passed' }>): void {
    const { gate, round: number, needed, atMs } = note;
    const { opened, peak, emptied } = this.#round(gate, number);
    const { births } = this.#facts;
    const fail = (why: string): void => {
      const who = `client ${note.client} passed round ${number} of ${gate}`;
      this.#report.add('K9', `${who} ${note.isOut ? 'on its way out ' : ''}${why}`, atMs);
    };
    const isAfter = (revision: number | undefined): boolean =>
      revision !== undefined && births.earliestMs(revision) <= atMs;
    if (!isAfter(opened)) fail('before it was open');
    if (peak < needed) fail(`with ${peak} of ${needed}`);
    if (note.isOut && !isAfter(emptied)) fail('before all were gone');
  }

  #round(gate: string, number: number): Round {
    const place = `${gate} ${number}`;
    const known = this.#rounds.get(place);
    if (known !== undefined) return known;
    const round = { there: new Set<string>(), peak: 0, opened: undefined, emptied: undefined };
    this.#rounds.set(place, round);
    return round;
  }

  #fail(message: string): void {
    this.#report.add('K9', message);
  }
}
