import { compareBytes, toBytes } from './bytes.js';
import type { KeyRange } from './range.js';
import type { BytesInput } from './types.js';

/**
 * The range end that stands for "no end".
 *
 * @example
 * const { kvs } = await store.range({ key: 'jobs/', rangeEnd: OPEN_END, limit: 10 });
 */
export const OPEN_END: Uint8Array = Uint8Array.of(0);

/**
 * Every key that begins with `text`; with an empty one, every key.
 *
 * @example
 * const { kvs } = await store.range(prefix('jobs/'));
 * await store.delete(prefix('jobs/'));
 */
export function prefix(text: BytesInput): Required<KeyRange> {
  const key = toBytes(text);
  if (key.length === 0) return allKeys();
  return { key, rangeEnd: prefixEnd(key) };
}

/**
 * `key` and every key after it.
 *
 * @example
 * const { kvs } = await store.range({ ...fromKey('jobs/7'), limit: 10 });
 */
export function fromKey(key: BytesInput): Required<KeyRange> {
  const bytes = toBytes(key);
  return { key: bytes.length === 0 ? OPEN_END : bytes, rangeEnd: OPEN_END };
}

/**
 * The whole store.
 *
 * @example
 * const { count } = await store.range({ ...allKeys(), countOnly: true });
 */
export function allKeys(): Required<KeyRange> {
  return { key: OPEN_END, rangeEnd: OPEN_END };
}

/**
 * The first key after all that begin with `key`; the open end when there is none.
 *
 * @example
 * toText(prefixEnd(toBytes('jobs/'))); // jobs0
 */
export function prefixEnd(key: Uint8Array): Uint8Array {
  for (let i = key.length - 1; i >= 0; i--) {
    const byte = key[i] as number;
    if (byte < 0xff) {
      const end = key.slice(0, i + 1);
      end[i] = byte + 1;
      return end;
    }
  }
  return OPEN_END;
}

/**
 * A key range in one form. `end` undefined: the single key `start`. `end` null: from `start` on,
 * without end. A range whose end is not after its start holds nothing.
 */
export interface Interval {
  readonly start: Uint8Array;
  readonly end: Uint8Array | null | undefined;
}

/**
 * The interval that a request means, with the ways to say "no end" told apart.
 *
 * @example
 * const { start, end } = toInterval(prefix('jobs/'));
 * if (end instanceof Uint8Array) show(toText(start), toText(end)); // jobs/ jobs0
 */
export function toInterval(range: KeyRange): Interval {
  const start = toBytes(range.key);
  const end = toBytes(range.rangeEnd);
  if (end.length === 0) return { start, end: undefined };
  if (end.length === 1 && end[0] === 0) return { start, end: null };
  return { start, end };
}

/**
 * Whether the interval holds no key, whatever the store contains.
 *
 * @example
 * isEmptyInterval(toInterval({ key: 'b', rangeEnd: 'a' })); // true
 */
export function isEmptyInterval(interval: Interval): boolean {
  const { start, end } = interval;
  return end !== undefined && end !== null && compareBytes(start, end) >= 0;
}
