import { fieldsOf } from './fields-of.js';
import type { RecipeNote } from './history.js';
import { keyText } from './key-text.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';

const MEMBER = /^.+\/@members\/[^/]+$/s;

type Joined = Extract<RecipeNote, { kind: 'joined' }>;
type Stood = Extract<RecipeNote, { kind: 'stood' }>;
type Expelled = Extract<RecipeNote, { kind: 'expelled' }>;

/** A time during which one registration had an id, in revisions. */
interface Stint {
  readonly token: string;
  readonly from: number;
  /** The first revision at which it had it no more. */
  to: number;
  /** The client that deleted it. */
  endedBy: number | undefined;
}

/**
 * `K11`, of what members are told: they stand as they are told; they are refused an id, pass it
 * over or are turned out of it only when somebody else had it; and nobody takes an id from another
 * but in a call that was made to replace whoever has it.
 */
export class MembershipCheck {
  readonly #facts: RecipeFacts;
  readonly #report: Report;
  /** By key, in order. */
  readonly #stints = new Map<string, Stint[]>();
  readonly #joins: readonly Joined[];
  /** Whose token it is. */
  readonly #clients: ReadonlyMap<string, number>;

  constructor(facts: RecipeFacts, report: Report) {
    this.#facts = facts;
    this.#report = report;
    this.#joins = (facts.history.recipes ?? []).filter((note) => note.kind === 'joined');
    this.#clients = new Map(this.#joins.map(({ token, client }) => [token, client]));
  }

  /** To be called once. */
  run(): void {
    const { history } = this.#facts;
    for (const { revision, events } of history.revisions) {
      for (const { type, kv } of events) {
        const key = keyText(kv.key);
        if (!MEMBER.test(key)) continue;
        const stints = this.#stintsOf(key);
        const last = stints.at(-1);
        const token = tokenOf(kv);
        const isHeld = last?.to === Number.POSITIVE_INFINITY;
        if (type === 'put' && isHeld && last.token === token) continue;
        if (isHeld) this.#end(key, last, revision);
        if (type === 'delete') continue;
        const to = Number.POSITIVE_INFINITY;
        stints.push({ token, from: revision, to, endedBy: undefined });
      }
    }
    for (const note of history.recipes ?? []) {
      if (note.kind === 'joined') this.#checkJoined(note);
      else if (note.kind === 'stood') this.#checkStood(note);
      else if (note.kind === 'expelled') this.#checkExpelled(note);
    }
  }

  #end(key: string, stint: Stint, revision: number): void {
    const writer = this.#facts.writers[revision];
    stint.to = revision;
    // An end of its lease is not meant for the registration, whoever brings it about.
    if (writer?.kind !== 'operation' || writer.operation.call.kind === 'leaseRevoke') return;
    const { client, invokedMs } = writer.operation;
    stint.endedBy = client;
    const owner = this.#clients.get(stint.token);
    if (owner === undefined || owner === client) return;
    const isWanted = this.#joins.some(
      (note) =>
        note.client === client &&
        note.onConflict === 'replace' &&
        keyOf(note) === key &&
        note.invokedMs <= invokedMs &&
        invokedMs <= note.atMs,
    );
    if (isWanted) return;
    this.#fail(`client ${client} takes ${key} from client ${owner} in revision ${revision}`);
  }

  #checkJoined(note: Joined): void {
    const { group, id, token, client, onConflict, outcome, invokedMs, atMs } = note;
    if (outcome !== 'refused') return;
    const who = `client ${client} was refused ${id} of group ${group}`;
    if (onConflict !== 'reject') this.#fail(`${who}, and wanted to ${onConflict}`, atMs);
    else if (!this.#wasTaken(keyOf(note), token, this.#floor(invokedMs), atMs)) {
      this.#fail(`${who}, which nobody else had`, atMs);
    }
  }

  #checkStood(note: Stood): void {
    const { group, asked, id, token, client, incarnation, fromMs, atMs } = note;
    const who = `client ${client} is ${id}@${incarnation} of group ${group}`;
    const fail = (why: string): void => this.#fail(`${who}, ${why}`, atMs);
    const stint = this.#stintsOf(keyOf(note)).find(({ from }) => from === incarnation);
    if (stint?.token !== token) fail('which it never was');
    else if (this.#facts.births.earliestMs(incarnation) > atMs) fail('and was not yet');
    const number = id === asked ? 1 : Number(id.slice(asked.length + 1));
    if (id !== asked && !(number > 1 && id === `${asked}-${number}`)) {
      fail(`and asked for ${asked}`);
    }
    for (let suffix = 1; suffix < number; suffix++) {
      const other = suffix === 1 ? asked : `${asked}-${suffix}`;
      const key = keyOf({ group, id: other });
      if (this.#wasTaken(key, token, this.#floor(fromMs), atMs)) continue;
      fail(`and passed over ${other}, which nobody else had`);
    }
  }

  #checkExpelled(note: Expelled): void {
    const { group, id, token, client, incarnation, atMs } = note;
    const key = keyOf(note);
    const own = this.#stintsOf(key).find(({ from }) => from === incarnation);
    if (own?.endedBy !== undefined && own.endedBy !== client) return;
    if (this.#wasTaken(key, token, incarnation, atMs)) return;
    const who = `client ${client} was told that it was turned out as ${id}@${incarnation}`;
    this.#fail(`${who} of group ${group}, and nobody did`, atMs);
  }

  /**
   * Whether another registration had the key at a revision from `from` to what there was by then.
   */
  #wasTaken(key: string, token: string, from: number, atMs: number): boolean {
    const ceiling = this.#facts.births.ceilingAt(atMs);
    return this.#stintsOf(key).some(
      (stint) => stint.token !== token && stint.from <= ceiling && stint.to > from,
    );
  }

  #floor(atMs: number): number {
    return this.#facts.timeline.floorAt(atMs);
  }

  #stintsOf(key: string): Stint[] {
    const known = this.#stints.get(key);
    if (known !== undefined) return known;
    const stints: Stint[] = [];
    this.#stints.set(key, stints);
    return stints;
  }

  #fail(message: string, atMs?: number): void {
    this.#report.add('K11', message, atMs);
  }
}

function keyOf({ group, id }: { readonly group: string; readonly id: string }): string {
  return `${group}/@members/${id}`;
}

/** What tells a registration from all others; empty for one that nobody noted. */
function tokenOf(kv: Parameters<typeof fieldsOf>[0]): string {
  const metadata = fieldsOf(kv)['metadata'];
  if (typeof metadata !== 'object' || metadata === null) return '';
  const { token } = metadata as { readonly token?: unknown };
  return typeof token === 'string' ? token : '';
}
