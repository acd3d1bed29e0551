import { type BytesInput, type KeyRange, toBytes } from '../../store/index.js';

const CHUNK_BYTES = 4096;

/** A key as text of one character a byte: it can be a map key, and its order is byte order. */
export function keyText(input: BytesInput): string {
  if (typeof input !== 'string') return textOfBytes(input);
  for (let i = 0; i < input.length; i++) {
    if (input.charCodeAt(i) > 0x7f) return textOfBytes(toBytes(input));
  }
  return input;
}

function textOfBytes(bytes: Uint8Array): string {
  if (bytes.length <= CHUNK_BYTES) {
    return String.fromCharCode.apply(null, bytes as unknown as number[]);
  }
  let text = '';
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    text += textOfBytes(bytes.subarray(at, at + CHUNK_BYTES));
  }
  return text;
}

/** A key for a person to read. */
export function shownKey(text: string): string {
  return JSON.stringify(text);
}

/** The keys of a range: `end` undefined is the key `start` alone, null is without end. */
export interface KeySpan {
  readonly start: string;
  readonly end: string | null | undefined;
}

export function toSpan({ key, rangeEnd }: KeyRange): KeySpan {
  const start = keyText(key);
  if (rangeEnd === undefined || rangeEnd.length === 0) return { start, end: undefined };
  const end = keyText(rangeEnd);
  return { start, end: end === '\0' ? null : end };
}

export function inSpan(key: string, { start, end }: KeySpan): boolean {
  if (end === undefined) return key === start;
  return key >= start && (end === null || key < end);
}
