import type { BytesInput } from './types.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * No bytes: what a value is that was not given.
 *
 * @example
 * equalBytes(toBytes(''), EMPTY_BYTES); // true
 */
export const EMPTY_BYTES = new Uint8Array(0);

/**
 * The bytes that a caller means: text becomes its UTF-8. Bytes are not copied.
 *
 * @example
 * equalBytes(toBytes('ä'), Uint8Array.of(0xc3, 0xa4)); // true
 */
export function toBytes(input: BytesInput | undefined): Uint8Array {
  if (input === undefined || input === '') return EMPTY_BYTES;
  if (typeof input !== 'string') return input;
  return input.length <= SHORT_TEXT ? shortBytes(input) : encoder.encode(input);
}

/** What is not longer than this, as keys are, is done here before the encoder has begun. */
const SHORT_TEXT = 128;

function shortBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit > 0x7f) return encoder.encode(text);
    bytes[at] = unit;
  }
  return bytes;
}

/**
 * The text that UTF-8 bytes stand for; what is not UTF-8 becomes U+FFFD.
 *
 * @example
 * const { kvs } = await store.range({ key: 'greeting' });
 * for (const { value } of kvs) console.log(toText(value));
 */
export function toText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/**
 * Byte order: negative when a comes first, 0 when equal.
 *
 * @example
 * const { kvs } = await store.range(prefix('jobs/'));
 * const keys = kvs.map(({ key }) => key).toSorted(compareBytes);
 */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = a.length < b.length ? a.length : b.length;
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/**
 * Whether two byte strings are the same.
 *
 * @example
 * equalBytes(toBytes('a'), toBytes('b')); // false
 */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}
