import { EMPTY_BYTES } from '../../store/index.js';

/**
 * Bytes that arrive in pieces and are wanted in others. It copies only what spans two pieces, so
 * that a large part in many pieces costs one copy.
 */
export class PieceQueue {
  #pieces: Uint8Array[] = [];
  /** Bytes of the first piece that were taken. */
  #at = 0;
  #length = 0;
  #taken = 0;

  /** Bytes that can be taken. */
  get length(): number {
    return this.#length;
  }

  /** Bytes that were taken since the beginning. */
  get taken(): number {
    return this.#taken;
  }

  push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** The next `byteCount` bytes, if there are so many; they stay. */
  peek(byteCount: number): Uint8Array | undefined {
    if (byteCount > this.#length) return undefined;
    const first = this.#pieces[0] ?? EMPTY_BYTES;
    if (this.#at + byteCount <= first.length) {
      return first.subarray(this.#at, this.#at + byteCount);
    }
    const joined = new Uint8Array(byteCount);
    let at = 0;
    let from = this.#at;
    for (const piece of this.#pieces) {
      const part = piece.subarray(from, from + byteCount - at);
      joined.set(part, at);
      at += part.length;
      from = 0;
      if (at === byteCount) break;
    }
    return joined;
  }

  take(byteCount: number): Uint8Array | undefined {
    const bytes = this.peek(byteCount);
    if (bytes === undefined) return undefined;
    this.#length -= byteCount;
    this.#taken += byteCount;
    let left = byteCount;
    let whole = 0;
    for (const piece of this.#pieces) {
      if (piece.length - this.#at > left) break;
      left -= piece.length - this.#at;
      this.#at = 0;
      whole++;
    }
    this.#at += left;
    this.#pieces.splice(0, whole);
    return bytes;
  }
}
