import { toText } from '../../store/index.js';
import { fieldsOf } from './fields-of.js';
import type { RecipeNote, ShownPart } from './history.js';
import {
  NO_PAIRS,
  PrefixChanges,
  type PrefixState,
  type StateVisit,
  visitStates,
} from './prefix-states.js';
import type { RecipeFacts } from './recipe-facts.js';
import type { Report } from './report.js';

type Shown = Extract<RecipeNote, { kind: 'shown' }>;

/**
 * `K14`: what a view shows at a revision, be it a cache, a configuration or several things in one,
 * is what was in the store at that revision, all of it, and nothing of another; the revision
 * exists; a view does not go back; and one that must have caught up has.
 */
export function checkViews({ history, births, keys }: RecipeFacts, report: Report): void {
  const notes = (history.recipes ?? []).filter((note) => note.kind === 'shown');
  if (notes.length === 0) return;
  const prefixes = new Set(notes.flatMap(({ parts }) => parts.flatMap(prefixesOf)));
  const changes = new PrefixChanges(history.revisions, keys, prefixes);
  const last = new Map<string, number>();
  const visits: StateVisit[] = [];
  for (const note of notes) {
    const { view, client, revision, least, parts, atMs } = note;
    const fail = (why: string): void => report.add('K14', `${shown(note)} ${why}`, atMs);
    const place = `${client} ${view}`;
    const before = last.get(place) ?? 0;
    last.set(place, Math.max(before, revision));
    if (revision < before) fail(`after revision ${before}`);
    if (births.earliestMs(revision) > atMs) {
      fail('which did not exist yet');
      continue;
    }
    for (const part of parts) {
      const own = prefixesOf(part);
      const missed = own.map((prefix) => changes.firstWithin(prefix, revision, least));
      const first = missed.find((one) => one !== undefined);
      if (first !== undefined) fail(`and had to know of revision ${first}, up to ${least}`);
      const see = (states: readonly PrefixState[]): void => {
        const wanted = DERIVE[part.kind](states, own);
        if (wanted === part.text) return;
        fail(`with ${part.kind} of ${part.name} as "${part.text}", which were "${wanted}"`);
      };
      visits.push({ revision, prefixes: own, see });
    }
  }
  visitStates(history.revisions, keys, visits);
}

function shown({ view, client, revision }: Shown): string {
  return `client ${client}: ${view} showed revision ${revision}`;
}

/** Where a part comes from. */
function prefixesOf({ kind, name }: ShownPart): readonly string[] {
  switch (kind) {
    case 'pairs':
      return [name];
    case 'settings':
      return name.split(' < ');
    case 'members':
      return [`${name}/@members/`];
    case 'leader':
      return [`${name}/leader`];
    case 'permits':
      return [`${name}/@semaphore/`];
  }
}

/** What each kind of part has to say of what is under its prefixes. */
const DERIVE: Readonly<
  Record<ShownPart['kind'], (states: readonly PrefixState[], prefixes: readonly string[]) => string>
> = {
  pairs: ([state = NO_PAIRS]) =>
    listed([...state].map(([key, kv]) => `${key}=${toText(kv.value)}@${kv.modRevision}`)),
  settings: (states, prefixes) => {
    const merged = new Map<string, string>();
    for (const [at, state] of states.entries()) {
      const start = prefixes[at]?.length ?? 0;
      for (const [key, kv] of state) {
        merged.set(key.slice(start), toText(kv.value));
      }
    }
    return listed([...merged].map(([name, value]) => `${name}=${value}`));
  },
  members: ([state = NO_PAIRS], [prefix = '']) =>
    listed([...state].map(([key, kv]) => `${key.slice(prefix.length)}@${kv.createRevision}`)),
  leader: ([state = NO_PAIRS], [key = '']) => {
    const kv = state.get(key);
    return kv === undefined ? 'nobody' : `${toText(kv.value)}@${kv.modRevision}`;
  },
  permits: ([state = NO_PAIRS], [prefix = '']) => {
    const limit = state.get(`${prefix}limit`);
    const held = [...state].filter(([key]) => key.startsWith(`${prefix}held/`));
    const weights = held.map(([, kv]) => Number(fieldsOf(kv)['weight'] ?? 1));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return `${sum} of ${limit === undefined ? 'none' : String(fieldsOf(limit)['limit'])}`;
  },
};

/** Texts in one order, whatever the order in which they were found. */
export function listed(texts: readonly string[]): string {
  return texts.toSorted().join(', ');
}
