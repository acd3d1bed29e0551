import { map, type Observable } from 'rxjs';
import { equalBytes, type KeyValue, type Store } from '../../store/index.js';
import { type PrefixSnapshot, sameEntries, viewPrefix } from '../base/prefix-view.js';
import type { RawConfig } from './config-decode.js';
import { fingerprint } from './fingerprint.js';
import { sidePrefixOf } from './side-keys.js';

/** The configuration keys under one prefix, by the text of the key after the prefix. */
export interface ConfigPart {
  readonly prefix: string;
  readonly entries: ReadonlyMap<string, KeyValue>;
  /** The prefixes, after this one, of what is kept beside nested configurations. */
  readonly sides?: readonly string[];
}

/** Everything that a configuration is made of, as it was at one revision. */
export interface ConfigState {
  readonly revision: number;
  readonly parts: readonly ConfigPart[];
}

/** What a source reports: a state, or that the last one may be out of date. */
export type ConfigEvent =
  | { readonly kind: 'state'; readonly state: ConfigState }
  | { readonly kind: 'stale'; readonly reason: string };

/** Where a configuration comes from, and how its parts become one set of names and values. */
export interface ConfigSource {
  /** For messages, and to recognise what was cached; such as `app/`. */
  readonly name: string;
  /**
   * The states, one for each revision that changes one; never errors with a failure that passes.
   */
  readonly events$: Observable<ConfigEvent>;
  readonly toRaw: (state: ConfigState) => RawConfig;
}

/** The source that is one prefix. */
export function prefixSource(store: Store, prefixText: string): ConfigSource {
  return {
    name: prefixText,
    events$: viewPrefix(store, prefixText).pipe(
      map((event): ConfigEvent => {
        if (event.kind === 'stale') return event;
        const { revision } = event.snapshot;
        return { kind: 'state', state: { revision, parts: [partOf(prefixText, event.snapshot)] } };
      }),
    ),
    toRaw: ({ parts }) => rawOf(parts[0]),
  };
}

/**
 * The part that a snapshot of a prefix is: what recipes keep beside nested prefixes is left out.
 */
export function partOf(prefixText: string, { entries }: PrefixSnapshot): ConfigPart {
  const sides = new Set<string>();
  const own = [...entries].filter(([name]) => {
    const side = sidePrefixOf(name);
    if (side !== undefined) sides.add(side);
    return side === undefined;
  });
  if (sides.size === 0) return { prefix: prefixText, entries };
  return { prefix: prefixText, entries: new Map(own), sides: [...sides] };
}

export function rawOf(part: ConfigPart | undefined): RawConfig {
  return new Map([...(part?.entries ?? [])].map(([name, kv]) => [name, kv.value]));
}

/** Whether two states of one source have the same keys with the same values. */
export function sameState(a: ConfigState, b: ConfigState): boolean {
  return a.parts.every(({ entries }, place) => {
    const other = b.parts[place];
    if (other === undefined) return false;
    const revision = 0;
    return sameEntries({ revision, entries }, { revision, entries: other.entries });
  });
}

/** Whether the names and the values are the same. */
export function sameRaw(a: RawConfig, b: RawConfig): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) {
    const other = b.get(name);
    if (other === undefined || !equalBytes(other, value)) return false;
  }
  return true;
}

/** Whether no key exists in any part. */
export function isEmptyState({ parts }: ConfigState): boolean {
  return parts.every(({ entries }) => entries.size === 0);
}

/**
 * A name for the keys of a state at the revisions that they were written: the same for all who have
 * read the same, whenever they read it. The number in front is the newest of these revisions.
 */
export function stateId({ parts }: ConfigState): string {
  let newest = 0;
  const lines: string[] = [];
  for (const { prefix, entries } of parts) {
    for (const [name, { modRevision }] of entries) {
      newest = Math.max(newest, modRevision);
      lines.push(`${prefix}${name}\n${modRevision}`);
    }
  }
  // The order of a map is that of arrival, which differs from one reader to the next.
  return `${newest}-${fingerprint(lines.toSorted().join('\n'))}`;
}
