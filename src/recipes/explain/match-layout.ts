import type { KeyLayout } from '../base/key-layout.js';

/** A part of a key, by the name that its layout gives it. */
export interface KeyPart {
  readonly name: string;
  readonly value: string;
}

/**
 * The parts that a layout finds in a key; undefined when the key is not of this layout. A part that
 * is known to be a lease or a nonce must look like one, so that a user's key is not taken for a
 * recipe's by its last word alone.
 */
export function matchLayout(layout: KeyLayout, key: string): readonly KeyPart[] | undefined {
  const { expression, names } = compile(layout.pattern);
  const found = expression.exec(key);
  if (found === null) return undefined;
  return names.map((name, place) => ({ name, value: found[place + 1] ?? '' }));
}

/** How much of a pattern is literal: of two that match, the one with more says more. */
export function literalLength(layout: KeyLayout): number {
  return layout.pattern.replaceAll(PART, '').length;
}

const PART = /<([a-zA-Z-]+)>/g;
const LEASE = '[0-9a-f]+';
const NONCE = '[0-9a-f]{16}';

/** What parts of these names look like; any other is one segment. */
const SHAPES: ReadonlyMap<string, string> = new Map([
  ['name', '.+?'],
  // Machines are called as their owners like.
  ['node', '.+'],
  ['lease', LEASE],
  ['nonce', NONCE],
  ['lease-nonce', `${LEASE}-${NONCE}`],
]);

function compile(pattern: string): { readonly expression: RegExp; readonly names: string[] } {
  const names: string[] = [];
  let source = '';
  let end = 0;
  for (const part of pattern.matchAll(PART)) {
    const [whole, name = ''] = part;
    source += escape(pattern.slice(end, part.index));
    source += `(${SHAPES.get(name) ?? '[^/]+'})`;
    end = part.index + whole.length;
    // A name that is a prefix brings its own slash.
    if (name === 'name' && pattern[end] === '@') source += '/?';
    names.push(name);
  }
  source += escape(pattern.slice(end));
  return { expression: new RegExp(`^${source}$`, 's'), names };
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
