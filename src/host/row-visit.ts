/**
 * Views of lmdb's shared buffers that serve for all rows of a scan: a view of its own for each row
 * would cost more than the row. What it gives is only lent, until the next row.
 */
export class RowVisit {
  #key: Uint8Array | undefined;
  #keySource: ArrayBufferLike | undefined;
  #keyStart = 0;
  #value: Uint8Array | undefined;
  #valueSource: Uint8Array | undefined;

  keyView(source: Uint8Array, start: number, end: number): Uint8Array {
    if (
      this.#key === undefined ||
      this.#keySource !== source.buffer ||
      this.#keyStart !== start ||
      this.#key.length !== end - start
    ) {
      this.#key = new Uint8Array(source.buffer, source.byteOffset + start, end - start);
      this.#keySource = source.buffer;
      this.#keyStart = start;
    }
    return this.#key;
  }

  /** At least the bytes of `value`; lmdb shortens its buffer by a property, which slows reading. */
  valueView(value: Uint8Array): Uint8Array {
    if (
      this.#value === undefined ||
      this.#valueSource !== value ||
      this.#value.length < value.length
    ) {
      this.#value = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      this.#valueSource = value;
    }
    return this.#value;
  }
}
