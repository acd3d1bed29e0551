const CHUNK_BYTES = 16_384;
/**
 * Larger pieces get memory of their own, so that a small piece never keeps much more than itself.
 */
const POOLED_BYTES_MAX = 2048;
/** Below this a loop is faster than a view and a call. */
const LOOP_BYTES_MAX = 32;

/**
 * Copies of short-lived bytes, laid side by side in chunks. A copy is the caller's for good: the
 * pool never uses a place twice.
 */
export class BytePool {
  #chunk = new Uint8Array(CHUNK_BYTES);
  #at = 0;

  /** A copy of `source` from `start` to `end`. */
  copy(source: Uint8Array, start: number, end: number): Uint8Array {
    const length = end - start;
    let copy: Uint8Array;
    if (length > POOLED_BYTES_MAX) copy = new Uint8Array(length);
    else {
      if (this.#at + length > CHUNK_BYTES) {
        this.#chunk = new Uint8Array(CHUNK_BYTES);
        this.#at = 0;
      }
      copy = this.#chunk.subarray(this.#at, this.#at + length);
      this.#at += length;
    }
    if (length <= LOOP_BYTES_MAX) {
      for (let i = 0; i < length; i++) copy[i] = source[start + i] as number;
    } else {
      copy.set(new Uint8Array(source.buffer, source.byteOffset + start, length));
    }
    return copy;
  }
}
