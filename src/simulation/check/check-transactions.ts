import { toText, type RevisionBatch, type StoreEvent } from '../../store/index.js';
import { decodeSigned } from './bank-keys.js';
import type { RecipeNote, TransactionRead } from './history.js';
import {
  NO_PAIRS,
  PrefixChanges,
  type PrefixState,
  type StateVisit,
  visitStates,
} from './prefix-states.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';

type Tried = Extract<RecipeNote, { kind: 'tried' }>;
type Transacted = Extract<RecipeNote, { kind: 'transacted' }>;

/** `<name>/@stm/<lease>-<slot>`: written by each commit. */
const MARKER = /\/@stm\/[0-9a-f]+-\d+$/;

/**
 * `K13`: whatever a try of a transaction reads is of one revision; what it writes takes effect as a
 * whole, while everything that it had read is still as it was; and once: never twice, never for
 * somebody who was told that it did not, and always for whoever was told that it did.
 */
export class TransactionCheck {
  readonly #facts: RecipeFacts;
  readonly #report: Report;
  readonly #tries = new Map<string, Tried[]>();
  /** The revisions at which transactions took effect, by their names. */
  readonly #effects = new Map<string, number>();

  constructor(facts: RecipeFacts, report: Report) {
    this.#facts = facts;
    this.#report = report;
  }

  /** To be called once. */
  run(): void {
    const notes = this.#facts.history.recipes ?? [];
    const tries = notes.filter((note) => note.kind === 'tried');
    for (const note of tries) {
      const known = this.#tries.get(note.transaction);
      if (known === undefined) this.#tries.set(note.transaction, [note]);
      else known.push(note);
    }
    this.#checkReads(tries);
    this.#checkEffects(tries);
    for (const note of notes) if (note.kind === 'transacted') this.#checkTold(note);
  }

  #checkReads(tries: readonly Tried[]): void {
    const { births, history } = this.#facts;
    const visits: StateVisit[] = [];
    for (const { transaction, revision, reads, atMs } of tries) {
      const fail = (why: string): void => this.#fail(transaction, why, atMs);
      if (births.earliestMs(revision) > atMs) fail(`read revision ${revision}, of the future`);
      for (const read of reads) {
        if (!read.isPrefix) {
          const kv = this.#facts.model.getAt(read.key, revision);
          const pairs = kv === undefined ? [] : [[read.key, toText(kv.value)] as const];
          if (!samePairs(read.pairs, pairs)) fail(`read ${tell(read)} at revision ${revision}`);
          continue;
        }
        const see = ([state = NO_PAIRS]: readonly PrefixState[]): void => {
          const pairs = [...state].map(([key, kv]) => [key, toText(kv.value)] as const);
          if (!samePairs(read.pairs, pairs)) fail(`read ${tell(read)} at revision ${revision}`);
        };
        visits.push({ revision, prefixes: [read.key], see });
      }
    }
    visitStates(history.revisions, this.#facts.keys, visits);
  }

  #checkEffects(tries: readonly Tried[]): void {
    const { revisions } = this.#facts.history;
    const reads = tries.flatMap((note) => note.reads.filter(({ isPrefix }) => isPrefix));
    const prefixes = new Set(reads.map(({ key }) => key));
    const changes = new PrefixChanges(revisions, this.#facts.keys, prefixes);
    for (const [at, batch] of revisions.entries()) {
      const keys = this.#facts.keys[at] ?? [];
      if (keys.some((key) => MARKER.test(key))) this.#checkEffect(batch, keys, changes);
    }
  }

  #checkEffect(batch: RevisionBatch, keys: readonly string[], changes: PrefixChanges): void {
    const { revision, events } = batch;
    const effect = new Map<string, string | undefined>();
    for (const [at, event] of events.entries()) {
      const key = keys[at] as string;
      if (!MARKER.test(key)) effect.set(key, valueOf(event));
    }
    const named = [...effect.values()].map((value) => decodeSigned(value ?? '')?.by);
    const name = named.find((by) => by !== undefined);
    // The marker goes with its session.
    if (name === undefined) return;
    const before = this.#effects.get(name);
    if (before !== undefined) this.#fail(name, `took effect in ${before} and in ${revision}`);
    this.#effects.set(name, before ?? revision);
    const possible = (this.#tries.get(name) ?? []).filter((note) =>
      this.#sameWrites(note, effect, revision),
    );
    if (possible.length === 0) {
      this.#fail(name, `has written in revision ${revision} what no try of it wrote`);
      return;
    }
    const changed = possible.map((note) => this.#changedSince(note, revision, changes));
    const [first] = changed;
    if (first === undefined || changed.includes(undefined)) return;
    this.#fail(name, `took effect in revision ${revision} after ${first} had changed`);
  }

  /** Whether an effect is all that a try wrote; to delete what is not there is no event. */
  #sameWrites(
    { writes }: Tried,
    effect: ReadonlyMap<string, string | undefined>,
    revision: number,
  ): boolean {
    const { model } = this.#facts;
    const wanted = [...(writes ?? [])].filter(
      ([key, value]) => value !== undefined || model.getAt(key, revision - 1) !== undefined,
    );
    return (
      writes !== undefined &&
      wanted.length === effect.size &&
      wanted.every(([key, value]) => effect.has(key) && effect.get(key) === value)
    );
  }

  /** Something that was read by a try and was different just before `revision`. */
  #changedSince(note: Tried, revision: number, changes: PrefixChanges): string | undefined {
    const { model } = this.#facts;
    return note.reads.find(({ key, isPrefix }) => {
      if (isPrefix) return changes.firstWithin(key, note.revision, revision - 1) !== undefined;
      const then = model.getAt(key, note.revision)?.modRevision;
      return then !== model.getAt(key, revision - 1)?.modRevision;
    })?.key;
  }

  #checkTold({ transaction, outcome, atMs }: Transacted): void {
    const revision = this.#effects.get(transaction);
    const fail = (why: string): void => this.#fail(transaction, why, atMs);
    if (outcome === 'notDone' && revision !== undefined) {
      fail(`took effect in revision ${revision}, and its caller was told that it had not`);
    }
    if (outcome !== 'done') return;
    const tries = this.#tries.get(transaction) ?? [];
    // One that only reads needs no effect.
    if (tries.every(({ writes }) => writes === undefined || writes.size === 0)) return;
    if (revision === undefined) fail('never took effect, and its caller was told that it had');
    else if (this.#facts.births.earliestMs(revision) > atMs) fail('had not taken effect yet');
  }

  #fail(transaction: string, why: string, atMs?: number): void {
    this.#report.add('K13', `transaction ${transaction} ${why}`, atMs);
  }
}

function valueOf({ type, kv }: StoreEvent): string | undefined {
  return type === 'put' ? toText(kv.value) : undefined;
}

function samePairs(a: TransactionRead['pairs'], b: TransactionRead['pairs']): boolean {
  if (a.length !== b.length) return false;
  const known = new Map(b);
  return a.every(([key, value]) => known.get(key) === value);
}

function tell({ key, isPrefix, pairs }: TransactionRead): string {
  const found = pairs.map(([name, value]) => `${name}=${value}`).join(', ');
  return `${isPrefix ? 'the range ' : ''}${key} as [${found}], which it was not`;
}
