import type { BytesInput } from '../../store/index.js';

/**
 * How long text is as UTF-8, without making the bytes. It agrees with TextEncoder in every case,
 * also where half of a surrogate pair stands alone and becomes U+FFFD.
 */

/** Bytes that `input` stands for; 0 when it is absent. */
export function byteLengthOf(input: BytesInput | undefined): number {
  if (input === undefined) return 0;
  return typeof input === 'string' ? utf8Length(input) : input.length;
}

/** Bytes of `text` as UTF-8. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    length += unit < 0x800 ? 1 : 2;
    // A pair takes four bytes: two more than its two units.
    if (isHighSurrogate(unit) && isLowSurrogate(text.charCodeAt(at + 1))) at++;
  }
  return length;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

/** False for the NaN behind the end of a text. */
function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
