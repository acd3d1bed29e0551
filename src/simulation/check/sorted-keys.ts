import type { KeySpan } from './key-text.js';

const CHUNK_KEYS_MAX = 512;

/**
 * A set of keys in byte order, in chunks, so that one of a hundred thousand keys comes and goes
 * cheaply.
 */
export class SortedKeys {
  #chunks: string[][] = [];

  add(key: string): void {
    if (this.#chunks.length === 0) {
      this.#chunks.push([key]);
      return;
    }
    const place = this.#chunkOf(key);
    const chunk = this.#chunks[place] as string[];
    const at = lowerBound(chunk, key);
    if (chunk[at] === key) return;
    chunk.splice(at, 0, key);
    if (chunk.length > CHUNK_KEYS_MAX) {
      this.#chunks.splice(place + 1, 0, chunk.splice(CHUNK_KEYS_MAX / 2));
    }
  }

  remove(key: string): void {
    if (this.#chunks.length === 0) return;
    const place = this.#chunkOf(key);
    const chunk = this.#chunks[place] as string[];
    const at = lowerBound(chunk, key);
    if (chunk[at] !== key) return;
    chunk.splice(at, 1);
    if (chunk.length === 0) this.#chunks.splice(place, 1);
  }

  /** The keys of `span`, which must not be a single key. */
  within({ start, end }: KeySpan): string[] {
    const found: string[] = [];
    if (this.#chunks.length === 0) return found;
    let place = this.#chunkOf(start);
    let at = lowerBound(this.#chunks[place] as string[], start);
    for (; place < this.#chunks.length; place++, at = 0) {
      const chunk = this.#chunks[place] as string[];
      for (; at < chunk.length; at++) {
        const key = chunk[at] as string;
        if (typeof end === 'string' && key >= end) return found;
        found.push(key);
      }
    }
    return found;
  }

  /** The chunk that has `key`, or would have it. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#chunks[middle]?.[0] as string) <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
