import type { KeyValue, RevisionBatch } from '../../store/index.js';
import type { RecordedKeys } from './recorded-keys.js';

/** The pairs under a prefix, by their whole key, in no order. */
export type PrefixState = ReadonlyMap<string, KeyValue>;

/** What is under a prefix that has nothing. */
export const NO_PAIRS: PrefixState = new Map();

/** Somebody who wants to see some prefixes as they were at one revision. */
export interface StateVisit {
  readonly revision: number;
  readonly prefixes: readonly string[];
  /** The states are those of the prefixes, in their order; they change after the call. */
  readonly see: (states: readonly PrefixState[]) => void;
}

/**
 * Shows each visitor what was under its prefixes at its revision: one sweep over the history, in
 * which the visitors take part in the order of their revisions.
 */
export function visitStates(
  revisions: readonly RevisionBatch[],
  keys: RecordedKeys,
  visits: readonly StateVisit[],
): void {
  if (visits.length === 0) return;
  const states = new Map<string, Map<string, KeyValue>>();
  for (const { prefixes } of visits) {
    for (const prefix of prefixes) states.set(prefix, new Map<string, KeyValue>());
  }
  let at = 0;
  for (const { revision, prefixes, see } of visits.toSorted((a, b) => a.revision - b.revision)) {
    for (; at < revisions.length; at++) {
      const batch = revisions[at] as RevisionBatch;
      if (batch.revision > revision) break;
      apply(states, batch, keys[at] ?? []);
    }
    see(prefixes.map((prefix) => states.get(prefix) ?? NO_PAIRS));
  }
}

function apply(
  states: ReadonlyMap<string, Map<string, KeyValue>>,
  { events }: RevisionBatch,
  keys: readonly string[],
): void {
  for (const [place, { type, kv }] of events.entries()) {
    const key = keys[place] as string;
    for (const [prefix, state] of states) {
      if (!key.startsWith(prefix)) continue;
      if (type === 'put') state.set(key, kv);
      else state.delete(key);
    }
  }
}

/** The revisions that changed something under each of some prefixes, to be asked about spans. */
export class PrefixChanges {
  readonly #revisions: ReadonlyMap<string, number[]>;

  constructor(revisions: readonly RevisionBatch[], keys: RecordedKeys, prefixes: Iterable<string>) {
    const changed = new Map<string, number[]>();
    for (const prefix of prefixes) changed.set(prefix, []);
    for (const [at, { revision }] of revisions.entries()) {
      for (const [prefix, list] of changed) {
        if (keys[at]?.some((key) => key.startsWith(prefix)) === true) list.push(revision);
      }
    }
    this.#revisions = changed;
  }

  /** The first revision after `after` and not after `upTo` that changed it, if there is one. */
  firstWithin(prefix: string, after: number, upTo: number): number | undefined {
    const list = this.#revisions.get(prefix) ?? [];
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((list[middle] as number) <= after) low = middle + 1;
      else high = middle;
    }
    const found = list[low];
    return found !== undefined && found <= upTo ? found : undefined;
  }
}
