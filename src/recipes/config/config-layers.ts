import { toBytes } from '../../store/index.js';
import { CoordinationError } from '../errors.js';
import type { RawConfig } from './config-decode.js';

/** One source of settings among several. */
export type ConfigLayer =
  /** The keys under a prefix of the store. */
  | { readonly name: string; readonly prefix: string }
  /** Values of the program, such as defaults or its environment. */
  | { readonly name: string; readonly values: LayerValues };

/**
 * Values by key: nested objects, whose names are joined by `/`, with values that JSON can carry; or
 * text as it would stand in the store. What is undefined is left out; a list is one value.
 */
export type LayerValues = { readonly [name: string]: unknown } | RawConfig;

/** A layer with the names and values that it has. */
export interface RawLayer {
  readonly name: string;
  readonly raw: RawConfig;
}

/** The names and values of a layer's values. @throws CoordinationError `InvalidArgument` */
export function rawOfValues(values: LayerValues): RawConfig {
  if (values instanceof Map) return values as RawConfig;
  const raw = new Map<string, Uint8Array>();
  flatten(values as { readonly [name: string]: unknown }, '', raw);
  return raw;
}

/**
 * One set of names and values of several, the last one that has a name wins. A later `db/url` also
 * takes the place of an earlier `db`, and the other way round; names that contradict each other
 * within one layer stay, so that the decoder refuses them.
 */
export function mergeLayers(layers: readonly RawLayer[]): RawConfig {
  const owners = ownersOf(layers);
  return new Map([...owners].map(([key, { value }]) => [key, value]));
}

/** For each name that is in force, whose it is. */
export function ownersOf(
  layers: readonly RawLayer[],
): ReadonlyMap<string, { readonly layer: string; readonly value: Uint8Array }> {
  const owners = new Map<string, { readonly layer: string; readonly value: Uint8Array }>();
  /** Everything that is or was above a name in force. */
  const parents = new Set<string>();
  for (const { name: layer, raw } of layers) {
    const isEarlier = (key: string): boolean => {
      const owner = owners.get(key);
      return owner !== undefined && owner.layer !== layer;
    };
    for (const [key, value] of raw) {
      for (const parent of parentsOf(key)) {
        parents.add(parent);
        if (isEarlier(parent)) owners.delete(parent);
      }
      if (parents.has(key)) {
        for (const below of owners.keys()) {
          if (below.startsWith(`${key}/`) && isEarlier(below)) owners.delete(below);
        }
      }
      owners.set(key, { layer, value });
    }
  }
  return owners;
}

/** Everything above a name, such as `a` and `a/b` for `a/b/c`. */
function parentsOf(key: string): readonly string[] {
  const parents: string[] = [];
  for (let at = key.indexOf('/'); at >= 0; at = key.indexOf('/', at + 1)) {
    parents.push(key.slice(0, at));
  }
  return parents;
}

function flatten(
  values: { readonly [name: string]: unknown },
  above: string,
  raw: Map<string, Uint8Array>,
): void {
  for (const [name, value] of Object.entries(values)) {
    const key = above + name;
    if (isPlainObject(value)) flatten(value, `${key}/`, raw);
    else if (value !== undefined) raw.set(key, encodeValue(key, value));
  }
}

function isPlainObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function encodeValue(key: string, value: unknown): Uint8Array {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) {
    const message = `the value of "${key}" is nothing that JSON can carry`;
    throw new CoordinationError('InvalidArgument', message);
  }
  return toBytes(text);
}

/** How names of an environment become names of settings. */
export interface EnvironmentOptions {
  /** Only variables that begin with this are taken, and without it; such as `BILLING_`. */
  readonly prefix: string;
  /** What stands for `/` in a name; default `__`. */
  readonly separator?: string;
}

/**
 * The settings in environment variables, as a layer's values: `BILLING_DB__POOL_MAX` becomes
 * `db/pool_max`. Names are lower-case; values are text as in the store, so `8080` is a number and
 * `"8080"` is not.
 *
 * @example
 * const env = { name: 'env', values: fromEnvironment(process.env, { prefix: 'BILLING_' }) };
 * const config = coord.layeredConfig([{ name: 'app', prefix: 'app/' }, env], Settings);
 */
export function fromEnvironment(
  environment: { readonly [name: string]: string | undefined },
  { prefix, separator = '__' }: EnvironmentOptions,
): RawConfig {
  const raw = new Map<string, Uint8Array>();
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || !name.startsWith(prefix) || name === prefix) continue;
    const key = name.slice(prefix.length).split(separator).join('/').toLowerCase();
    raw.set(key, toBytes(value));
  }
  return raw;
}
