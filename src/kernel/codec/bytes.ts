import type { BytesInput } from '../../store/index.js';
import { utf8Length } from './utf8.js';

/**
 * Bytes in and out, for everything that this kernel writes to a log, a row or a peer. Integers are
 * little-endian varints unless a fixed width is named. A reader never trusts a length: what does
 * not fit raises {@link CodecError}, and nothing else can come of hostile input.
 */

/** Input that is not what the codec writes. */
export class CodecError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CodecError';
  }
}

const INITIAL_BYTES = 256;
/** Text up to here is encoded by a loop: a call of TextEncoder costs as much as so many letters. */
const SHORT_TEXT = 128;
const encoder = new TextEncoder();
const TWO_POW_32 = 0x1_0000_0000;
/** What the eighth byte of a varint, its last, counts. */
const VARINT_SCALE_MAX = 2 ** 49;
const MASK_64 = 0xffff_ffff_ffff_ffffn;

/** Grows as needed. `finish` hands out the written part; the writer can then be used again. */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = INITIAL_BYTES) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  #reserve(byteCount: number): void {
    const needed = this.#length + byteCount;
    if (needed <= this.#bytes.length) return;
    let capacity = this.#bytes.length * 2;
    while (capacity < needed) capacity *= 2;
    const grown = new Uint8Array(capacity);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  u32(value: number): this {
    this.#reserve(4);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = value & 0xff;
    bytes[at++] = (value >>> 8) & 0xff;
    bytes[at++] = (value >>> 16) & 0xff;
    bytes[at++] = (value >>> 24) & 0xff;
    this.#length = at;
    return this;
  }

  /** A safe integer >= 0 in 1 to 8 bytes. */
  varint(value: number): this {
    this.#reserve(10);
    let rest = value;
    while (rest >= TWO_POW_32) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    rest >>>= 0;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  /** Any safe integer, small magnitudes short. */
  signed(value: number): this {
    return value >= 0 ? this.varint(value * 2) : this.varint(-value * 2 - 1);
  }

  /** 64 bits in eight bytes; negative values in two's complement. */
  u64(value: bigint): this {
    const low = Number(value & 0xffff_ffffn);
    const high = Number(((value & MASK_64) >> 32n) & 0xffff_ffffn);
    return this.u32(low).u32(high);
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** A length and that many bytes. */
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }

  /** A length and the bytes that `input` stands for; text is encoded in its place. */
  input(input: BytesInput | undefined): this {
    if (typeof input === 'string') return this.#text(input);
    return input === undefined ? this.varint(0) : this.bytes(input);
  }

  #text(text: string): this {
    const byteCount = utf8Length(text);
    this.varint(byteCount);
    this.#reserve(byteCount);
    const bytes = this.#bytes;
    const at = this.#length;
    this.#length += byteCount;
    if (byteCount === text.length && byteCount <= SHORT_TEXT) {
      for (let i = 0; i < byteCount; i++) bytes[at + i] = text.charCodeAt(i);
    } else {
      encoder.encodeInto(text, bytes.subarray(at, this.#length));
    }
    return this;
  }

  /** Forgets what was written after the first `length` bytes. */
  rewind(length: number): void {
    if (length > this.#length) throw new Error(`cannot rewind from ${this.#length} to ${length}`);
    this.#length = length;
  }

  /** What was written, as it lies here: to be used before the writer writes again. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A copy of what was written; the writer starts anew. */
  finish(): Uint8Array {
    const written = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return written;
  }
}

/** Reads what a {@link ByteWriter} wrote. Byte fields are views into the input, not copies. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, start = 0) {
    this.#bytes = bytes;
    this.#at = start;
  }

  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new CodecError(`input ends at byte ${this.#at}`);
    this.#at++;
    return byte;
  }

  bool(): boolean {
    const byte = this.u8();
    if (byte > 1) throw new CodecError(`${byte} is not a boolean (at byte ${this.#at - 1})`);
    return byte === 1;
  }

  u32(): number {
    return (this.u8() | (this.u8() << 8) | (this.u8() << 16) | (this.u8() << 24)) >>> 0;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new CodecError('integer above 2^53');
      if (byte < 0x80) return value;
      // Zeros without end would make it no number at all.
      if (scale >= VARINT_SCALE_MAX) throw new CodecError('integer of more than eight bytes');
      scale *= 128;
    }
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  u64(): bigint {
    const low = BigInt(this.u32());
    return (BigInt(this.u32()) << 32n) | low;
  }

  /** A u64 read as two's complement. */
  i64(): bigint {
    return BigInt.asIntN(64, this.u64());
  }

  raw(byteCount: number): Uint8Array {
    if (byteCount > this.remaining) {
      throw new CodecError(`${byteCount} bytes wanted at byte ${this.#at}, ${this.remaining} left`);
    }
    const start = this.#at;
    this.#at += byteCount;
    return this.#bytes.subarray(start, this.#at);
  }

  bytes(): Uint8Array {
    return this.raw(this.varint());
  }

  /** @throws CodecError unless all input was read. */
  end(): void {
    if (this.remaining !== 0) throw new CodecError(`${this.remaining} bytes too many`);
  }
}
