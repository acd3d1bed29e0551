import { type BytesInput, type KeyRange, toBytes, toInterval } from '../../store/index.js';

/**
 * Keys of the model: one character a byte, so that they can be map keys and compare as bytes do.
 */

/** Bytes as text of the characters U+0000 to U+00FF; its order is byte order. */
export type KeyText = string;

export function toKeyText(input: BytesInput): KeyText {
  let text = '';
  for (const byte of toBytes(input)) text += String.fromCharCode(byte);
  return text;
}

export function fromKeyText(text: KeyText): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function inRange(key: KeyText, range: KeyRange): boolean {
  const { start, end } = toInterval(range);
  const from = toKeyText(start);
  if (end === undefined) return key === from;
  return key >= from && (end === null || key < toKeyText(end));
}
