import { toText } from '../../store/index.js';

/** The values under a prefix, by the text of the key after the prefix. */
export type RawConfig = ReadonlyMap<string, Uint8Array>;

type Tree = Map<string, Tree | { readonly leaf: unknown }>;

const INTEGER = /^-?\d+$/;

/**
 * The default mapping from keys to one value: the part of a key after the prefix is a path, its
 * segments separated by `/` become nested objects, and each value is read as JSON where it is JSON
 * and as text where it is not. An integer that a number cannot hold exactly stays text. The key
 * that equals the prefix is left out.
 * @throws Error when a segment is empty, or when a key is both a value and the parent of others
 *
 * @example
 * decodeTree(new Map([['db/pool', toBytes('4')]])); // { db: { pool: 4 } }
 */
export function decodeTree(raw: RawConfig): unknown {
  const root: Tree = new Map();
  for (const [name, bytes] of raw) {
    if (name !== '') place(root, name, decodeValue(toText(bytes)));
  }
  return toObject(root);
}

function place(root: Tree, name: string, leaf: unknown): void {
  const segments = name.split('/');
  if (segments.includes('')) throw new Error(`key ${JSON.stringify(name)} has an empty segment`);
  const last = segments.pop() ?? '';
  let node = root;
  for (const segment of segments) {
    let child = node.get(segment);
    if (child === undefined) node.set(segment, (child = new Map()));
    if (!(child instanceof Map)) throw bothValueAndParent(name);
    node = child;
  }
  if (node.has(last)) throw bothValueAndParent(name);
  node.set(last, { leaf });
}

function bothValueAndParent(name: string): Error {
  return new Error(`key ${JSON.stringify(name)} meets one that is both a value and a parent`);
}

function toObject(tree: Tree): unknown {
  const object = {};
  for (const [segment, child] of tree) {
    // Defined, not assigned: a key named __proto__ must stay a key.
    Object.defineProperty(object, segment, {
      value: child instanceof Map ? toObject(child) : child.leaf,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return object;
}

/** A value as the default mapping reads it: JSON where it is JSON, text where it is not. */
export function decodeValue(text: string): unknown {
  if (INTEGER.test(text) && !Number.isSafeInteger(Number(text))) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not JSON is no mistake: it is how most people write text.
    return text;
  }
}
