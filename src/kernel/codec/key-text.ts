/**
 * Keys as strings, one character a byte, so that a Map or a Set can hold them: JavaScript compares
 * strings by content and byte arrays by identity. Such a string is never shown to anybody, and its
 * order is the byte order of the keys.
 */

const CHUNK_BYTES = 4096;

/** The string that stands for `key`; different keys have different strings. */
export function keyText(key: Uint8Array): string {
  if (key.length <= CHUNK_BYTES) return String.fromCharCode.apply(null, key as unknown as number[]);
  let text = '';
  for (let at = 0; at < key.length; at += CHUNK_BYTES) {
    text += keyText(key.subarray(at, at + CHUNK_BYTES));
  }
  return text;
}

/** The key that `text`, made by {@link keyText}, stands for. */
export function keyOfText(text: string): Uint8Array {
  const key = new Uint8Array(text.length);
  for (let i = 0; i < key.length; i++) key[i] = text.charCodeAt(i);
  return key;
}
