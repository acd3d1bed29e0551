import { prefix, type RevisionBatch, toText } from '../../store/index.js';
import { listed } from './check-views.js';
import type { GuardNote, RecipeNote } from './history.js';
import { PrefixChanges } from './prefix-states.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';
import type { Tenures } from './tenures.js';

type Guarded = Extract<RecipeNote, { kind: 'guarded' }>;

/** Who owned what, of each kind that a transaction can be guarded with. */
export interface GuardTenures {
  readonly lock: Tenures;
  readonly election: Tenures;
}

/**
 * `K16`: a transaction that is guarded takes effect once, as a whole, and only at a revision before
 * which everything held that it names: whoever sent it owned the lock, led, and had the
 * configuration as it was. One that was refused has no effect, and something stood against it.
 */
export class GuardedCheck {
  readonly #facts: RecipeFacts;
  readonly #tenures: GuardTenures;
  readonly #report: Report;
  readonly #notes: readonly Guarded[];
  readonly #changes: PrefixChanges;
  /** The revisions in which each has written, by token. */
  readonly #effects = new Map<string, RevisionBatch[]>();

  constructor(facts: RecipeFacts, tenures: GuardTenures, report: Report) {
    const { history, keys } = facts;
    this.#facts = facts;
    this.#tenures = tenures;
    this.#report = report;
    this.#notes = (history.recipes ?? []).filter((note) => note.kind === 'guarded');
    const guards = this.#notes.flatMap((note) => note.guards);
    const prefixes = guards.flatMap(({ recipe, name }) => (recipe === 'config' ? [name] : []));
    this.#changes = new PrefixChanges(history.revisions, keys, new Set(prefixes));
  }

  /** To be called once. */
  run(): void {
    if (this.#notes.length === 0) return;
    const tokens = new Set(this.#notes.map(({ token }) => token));
    for (const batch of this.#facts.history.revisions) {
      const written = new Set(
        batch.events.flatMap(({ type, kv }) => (type === 'put' ? [toText(kv.value)] : [])),
      );
      for (const token of written) {
        if (!tokens.has(token)) continue;
        this.#effects.set(token, [...(this.#effects.get(token) ?? []), batch]);
      }
    }
    for (const note of this.#notes) this.#check(note);
  }

  #check(note: Guarded): void {
    const { token, outcome, revision } = note;
    const effects = this.#effects.get(token) ?? [];
    const [effect, second] = effects;
    if (second !== undefined) {
      this.#fail(note, `took effect in ${effect?.revision} and in ${second.revision}`);
    }
    if (outcome === 'refused') this.#checkRefused(note, effect);
    else if (outcome === 'done' && effect?.revision !== revision) {
      this.#fail(note, `took effect in ${effect?.revision}, and was answered with ${revision}`);
    }
    if (effect === undefined) return;
    if (!this.#isWhole(note, effect)) this.#fail(note, `did something else in ${effect.revision}`);
    for (const guard of note.guards) {
      if (this.#held(guard, effect.revision - 1)) continue;
      this.#fail(note, `took effect in ${effect.revision}, though ${tell(guard)} did not hold`);
    }
  }

  #checkRefused(note: Guarded, effect: RevisionBatch | undefined): void {
    const { guards, revision } = note;
    if (effect !== undefined) {
      this.#fail(note, `was refused, and took effect in ${effect.revision}`);
    } else if (guards.every((guard) => this.#stands(guard, revision))) {
      this.#fail(note, `was refused at ${revision}, at which all held that it names`);
    }
  }

  /** Whether a revision holds exactly what it was to do. */
  #isWhole({ token, puts, deletes }: Guarded, { revision, events }: RevisionBatch): boolean {
    const { model } = this.#facts;
    const gone = deletes.filter((key) => model.getAt(key, revision - 1) !== undefined);
    const wanted = [...puts.map((key) => `${key}=${token}`), ...gone];
    const done = events.map(({ type, kv }) => {
      const key = toText(kv.key);
      return type === 'put' ? `${key}=${toText(kv.value)}` : key;
    });
    return listed(wanted) === listed(done);
  }

  /** Whether what a guard names was so at `revision`. */
  #held(guard: GuardNote, revision: number): boolean {
    if (guard.recipe === 'config') {
      const { name } = guard;
      const kvs = this.#facts.model.withinAt(prefix(name), revision);
      const texts = kvs.map(
        ({ key, value }) => `${toText(key).slice(name.length)}=${toText(value)}`,
      );
      return listed(texts) === guard.text;
    }
    const tenure = this.#tenures[guard.recipe].withFence(guard.name, guard.fence);
    if (tenure === undefined || tenure.from > revision) return false;
    return tenure.to === undefined || tenure.to > revision;
  }

  /** Whether nothing can have stood against it: settings that were written anew are others. */
  #stands(guard: GuardNote, revision: number): boolean {
    if (guard.recipe !== 'config') return this.#held(guard, revision);
    return this.#changes.firstWithin(guard.name, guard.revision, revision) === undefined;
  }

  #fail({ token, client, atMs }: Guarded, why: string): void {
    this.#report.add('K16', `transaction ${token} of client ${client} ${why}`, atMs);
  }
}

function tell(guard: GuardNote): string {
  const { recipe, name } = guard;
  if (recipe === 'config') return `configuration ${name} as "${guard.text}"`;
  return `${recipe} ${name} with fence ${guard.fence}`;
}
