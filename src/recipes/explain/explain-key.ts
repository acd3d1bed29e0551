import { toText } from '../../store/index.js';
import type { KeyLayout } from '../base/key-layout.js';
import type { JsonValue } from '../base/note.js';
import { KEY_LAYOUTS } from './key-layouts.js';
import { type KeyPart, literalLength, matchLayout } from './match-layout.js';

/** What a key of a recipe is. */
export interface KeyExplanation {
  readonly key: string;
  /** The recipe, as its page in `docs/recipes` is called. */
  readonly recipe: string;
  /** The version of its key layout. */
  readonly version: number;
  readonly pattern: string;
  /** The parts of the key, in their order. */
  readonly parts: readonly KeyPart[];
  /** What the existence of the key says, with the parts in their places. */
  readonly meaning: string;
  /** What the value holds. */
  readonly value: string;
  /** Whose lease the key has, or why it has none. */
  readonly lease: string;
}

/**
 * Which recipe a key belongs to, and what each part of it means; undefined for a key of no recipe,
 * as the settings of a configuration are. It looks at the key alone and asks no store.
 *
 * @example
 * explainKey('jobs/q/694d8a1b2c3d4e5f-0123456789abcdef')?.meaning;
 * // somebody holds lock jobs, or waits for it, in the order of create revisions
 */
export function explainKey(key: string | Uint8Array): KeyExplanation | undefined {
  const text = typeof key === 'string' ? key : toText(key);
  let best: { readonly layout: KeyLayout; readonly parts: readonly KeyPart[] } | undefined;
  for (const layout of KEY_LAYOUTS) {
    if (best !== undefined && literalLength(layout) <= literalLength(best.layout)) continue;
    const parts = matchLayout(layout, text);
    if (parts !== undefined) best = { layout, parts };
  }
  if (best === undefined) return undefined;
  const { recipe, version, pattern, meaning, value, lease } = best.layout;
  const { parts } = best;
  return {
    key: text,
    recipe,
    version,
    pattern,
    parts,
    meaning: fill(meaning, parts),
    value,
    lease,
  };
}

/**
 * What a value says: JSON where it is JSON, otherwise its text.
 *
 * @example
 * const { kvs } = await store.range(prefix('jobs/'));
 * for (const { key, value } of kvs) console.log(explainKey(key)?.meaning, explainValue(value));
 */
export function explainValue(value: Uint8Array): JsonValue {
  const text = toText(value);
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    // Most values of recipes are JSON; the others are a word or nothing.
    return text;
  }
}

function fill(meaning: string, parts: readonly KeyPart[]): string {
  return parts.reduce(
    (text, { name, value }) => text.replaceAll(`<${name}>`, () => value),
    meaning,
  );
}
