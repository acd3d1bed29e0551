import { equalBytes, type KeyValue, toBytes, toText } from '../../store/index.js';
import type { ConfigState } from './config-source.js';
import { fingerprint } from './fingerprint.js';

/** What the cache of a configuration holds. */
export interface CacheRecord {
  /** The name of the source that it was made of. */
  readonly name: string;
  /** The caller's name for the schema that had accepted it; empty when it has none. */
  readonly schemaName: string;
  /** Wall-clock milliseconds at which this was known to be what the store has. */
  readonly savedMs: number;
  readonly state: ConfigState;
}

const FORMAT = 'tidelock-config-cache/1';

type Entry = readonly [name: string, modRevision: number, form: 'text' | 'hex', value: string];

interface Body {
  readonly name: string;
  readonly schemaName: string;
  readonly savedMs: number;
  readonly revision: number;
  readonly parts: readonly { readonly prefix: string; readonly entries: readonly Entry[] }[];
}

/**
 * The cache file of a configuration: JSON that a person can read, with a sum over its body so that
 * damage shows. Values that are not text are in hexadecimal.
 */
export function encodeCache({ name, schemaName, savedMs, state }: CacheRecord): Uint8Array {
  const parts = state.parts.map(({ prefix, entries }) => ({
    prefix,
    entries: [...entries].map(([key, kv]) => encodeEntry(key, kv)),
  }));
  const body: Body = { name, schemaName, savedMs, revision: state.revision, parts };
  const sum = fingerprint(JSON.stringify(body));
  return toBytes(`${JSON.stringify({ format: FORMAT, sum, body }, undefined, 1)}\n`);
}

/** @throws Error that says in what way the bytes are no cache file */
export function decodeCache(bytes: Uint8Array): CacheRecord {
  const { format, sum, body } = parse(bytes);
  if (format !== FORMAT) throw new Error(`is not of the format ${FORMAT}`);
  // The sum is over what we wrote, so a body that has it has our shape.
  if (body === undefined || sum !== fingerprint(JSON.stringify(body))) {
    throw new Error('does not match its own sum');
  }
  const { name, schemaName, savedMs, revision } = body;
  const parts = body.parts.map(({ prefix, entries }) => ({
    prefix,
    entries: new Map(entries.map((entry) => [entry[0], decodeEntry(prefix, entry)])),
  }));
  return { name, schemaName, savedMs, state: { revision, parts } };
}

function parse(bytes: Uint8Array): {
  readonly format?: unknown;
  readonly sum?: unknown;
  readonly body?: Body;
} {
  let parsed: unknown;
  try {
    parsed = JSON.parse(toText(bytes));
  } catch (error) {
    throw new Error('is not JSON, or was cut off', { cause: error });
  }
  return typeof parsed === 'object' && parsed !== null ? parsed : {};
}

function encodeEntry(name: string, { value, modRevision }: KeyValue): Entry {
  const text = toText(value);
  if (equalBytes(toBytes(text), value)) return [name, modRevision, 'text', text];
  const digits = [...value].map((byte) => byte.toString(16).padStart(2, '0'));
  return [name, modRevision, 'hex', digits.join('')];
}

function decodeEntry(prefix: string, [name, modRevision, form, value]: Entry): KeyValue {
  const key = toBytes(prefix + name);
  const bytes = form === 'text' ? toBytes(value) : fromHex(value);
  return { key, value: bytes, createRevision: 0, modRevision, version: 0, lease: 0n };
}

function fromHex(digits: string): Uint8Array {
  const bytes = new Uint8Array(digits.length / 2);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = Number.parseInt(digits.slice(at * 2, at * 2 + 2), 16);
  }
  return bytes;
}
