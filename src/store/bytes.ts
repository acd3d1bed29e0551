import type { BytesInput } from './types.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const EMPTY_BYTES = new Uint8Array(0);

/** The bytes that a caller means: text becomes its UTF-8. Bytes are not copied. */
export function toBytes(input: BytesInput | undefined): Uint8Array {
  if (input === undefined || input === '') return EMPTY_BYTES;
  return typeof input === 'string' ? encoder.encode(input) : input;
}

/** The text that UTF-8 bytes stand for; what is not UTF-8 becomes U+FFFD. */
export function toText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Byte order: negative when a comes first, 0 when equal. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = a.length < b.length ? a.length : b.length;
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}
