import { isUtf8 } from 'node:buffer';
import { type KeyValue, type StoreEvent, toText } from '../store/index.js';

/** A value that one line of JSON can carry. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue | undefined };

/** One line of JSON output. */
export type JsonRecord = { readonly revision: number | null } & {
  readonly [name: string]: JsonValue | undefined;
};

/**
 * A pair as JSON. Bytes that are UTF-8 are text under `key` and `value`; others are null there, and
 * base64 under `keyBase64` and `valueBase64`. Revisions are numbers, a lease is text in hexadecimal
 * (it needs 63 bits) and null when there is none.
 */
export function kvToJson(kv: KeyValue): { readonly [name: string]: JsonValue } {
  return {
    ...bytesToJson('key', kv.key),
    ...bytesToJson('value', kv.value),
    createRevision: kv.createRevision,
    modRevision: kv.modRevision,
    version: kv.version,
    lease: kv.lease === 0n ? null : kv.lease.toString(16),
  };
}

/** One change as JSON; a delete has a key and the revision of the deletion. */
export function eventToJson({ type, kv, prevKv }: StoreEvent): JsonValue {
  const what = type === 'put' ? kvToJson(kv) : bytesToJson('key', kv.key);
  return { type, ...what, prevKv: prevKv === undefined ? undefined : kvToJson(prevKv) };
}

function bytesToJson(name: string, bytes: Uint8Array): { readonly [name: string]: JsonValue } {
  if (isUtf8(bytes)) return { [name]: toText(bytes) };
  return { [name]: null, [`${name}Base64`]: Buffer.from(bytes).toString('base64') };
}
