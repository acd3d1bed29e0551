// Messages as plain values that `deepStrictEqual` can compare and a person can read: integers as
// decimal text, bytes as quoted text, every field that the generated type has, and unknown fields
// too.
import type { Message } from '@bufbuild/protobuf';

export type Plain =
  | string
  | number
  | boolean
  | undefined
  | readonly Plain[]
  | { [field: string]: Plain };

export interface PlainFields {
  [field: string]: Plain;
}

export function plainOf(message: Message): PlainFields {
  const fields: PlainFields = {};
  for (const [name, value] of Object.entries(message)) {
    if (name === '$typeName') continue;
    fields[name] = plainValue(value);
  }
  return fields;
}

function plainValue(value: unknown): Plain {
  if (value instanceof Uint8Array) return showBytes(value);
  if (Array.isArray(value)) return value.map((item: unknown) => plainValue(item));
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'object' && value !== null) return plainOf(value as Message);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return value;
  }
  return undefined;
}

/** Bytes as text that keeps their order and shows those that are no letters as `\xNN`. */
export function showBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
    text += isPlain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}

/** One line; fields that are zero or empty are left out. */
export function showPlain(value: Plain): string {
  return JSON.stringify(value, (_name, field: Plain) =>
    field === '' || field === '0' || field === 0 || field === false ? undefined : field,
  );
}
