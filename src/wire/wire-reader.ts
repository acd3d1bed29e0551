import { EMPTY_BYTES } from '../store/index.js';
import { WireError } from './wire-error.js';

/**
 * Reads protobuf straight into store types, field by field, without message objects in between. A
 * length is never trusted, a field of another type than expected is skipped like an unknown one,
 * and nothing but {@link WireError} can come of hostile input. Short byte fields are copies; long
 * ones are views that keep the whole input alive, unless read as `ownBytes`.
 */
const VARINT = 0;
const FIXED_64 = 1;
const LENGTH = 2;
const GROUP_START = 3;
const GROUP_END = 4;
const FIXED_32 = 5;

const TWO_POW_32 = 0x1_0000_0000;
/** Longest field that is copied: up to here V8 keeps arrays on its own heap, at next to no cost. */
const COPY_BYTES_MAX = 64;
/** Messages inside messages beyond which input is refused; nested transactions go deepest. */
const DEPTH_MAX = 100;

/** Two halves in, 64 bits out; every platform of Node is little-endian. */
const halves = new Uint32Array(2);
const asSigned = new BigInt64Array(halves.buffer);
const asUnsigned = new BigUint64Array(halves.buffer);

const decoder = new TextDecoder('utf-8', { fatal: true });

export class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #end: number;
  #type = VARINT;
  #depth = 0;
  /** The last varint: bits 0 to 31 and 32 to 63, both unsigned. */
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  /** How many messages are open around the current one. */
  get depth(): number {
    return this.#depth;
  }

  /** Moves to the next field of the current message and returns its number; 0 at the end. */
  next(): number {
    if (this.#at >= this.#end) return 0;
    this.#varint();
    const tag = this.#low;
    const field = tag >>> 3;
    if (field === 0 || this.#high !== 0) throw this.#malformed('impossible field number');
    this.#type = tag & 7;
    return field;
  }

  /** The field as an integer that fits a number; signed, as int64, int32 and enums are. */
  int64(current: number): number {
    if (!this.#expect(VARINT)) return current;
    this.#varint();
    return (this.#high | 0) * TWO_POW_32 + this.#low;
  }

  /** The field as a full int64. */
  bigint64(current: bigint): bigint {
    if (!this.#expect(VARINT)) return current;
    this.#varint();
    if (this.#low === 0 && this.#high === 0) return 0n;
    halves[0] = this.#low;
    halves[1] = this.#high;
    return asSigned[0] as bigint;
  }

  /** The field as a full uint64. */
  biguint64(current: bigint): bigint {
    if (!this.#expect(VARINT)) return current;
    this.#varint();
    halves[0] = this.#low;
    halves[1] = this.#high;
    return asUnsigned[0] as bigint;
  }

  bool(current: boolean): boolean {
    if (!this.#expect(VARINT)) return current;
    this.#varint();
    return this.#low !== 0 || this.#high !== 0;
  }

  bytes(current: Uint8Array): Uint8Array {
    if (!this.#expect(LENGTH)) return current;
    const length = this.#length();
    if (length === 0) return EMPTY_BYTES;
    const start = this.#at;
    this.#at += length;
    const source = this.#bytes;
    if (length > COPY_BYTES_MAX) {
      return new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset + start, length);
    }
    const copy = new Uint8Array(length);
    for (let i = 0; i < length; i++) copy[i] = source[start + i] as number;
    return copy;
  }

  /** As {@link bytes}, but sharing no memory with the input: for what may live much longer. */
  ownBytes(current: Uint8Array): Uint8Array {
    const bytes = this.bytes(current);
    return bytes.length > COPY_BYTES_MAX ? bytes.slice() : bytes;
  }

  text(current: string): string {
    if (!this.#expect(LENGTH)) return current;
    const length = this.#length();
    this.#at += length;
    try {
      return decoder.decode(this.#bytes.subarray(this.#at - length, this.#at));
    } catch (error) {
      throw new WireError('malformed protobuf: a string is not UTF-8', { cause: error });
    }
  }

  /** The field as a message, read to its end by `read`. */
  message<T>(read: (reader: WireReader) => T, current: T): T {
    if (!this.#expect(LENGTH)) return current;
    const outerEnd = this.#end;
    const length = this.#length();
    const end = this.#at + length;
    this.#enter();
    this.#end = end;
    const value = read(this);
    if (this.#at !== end) throw this.#malformed('a field runs past its message');
    this.#end = outerEnd;
    this.#depth--;
    return value;
  }

  /** Appends the field to a repeated message field. */
  collect<T>(read: (reader: WireReader) => T, into: T[]): void {
    if (this.#type === LENGTH) into.push(this.message<T | undefined>(read, undefined) as T);
    else this.skip();
  }

  /** Appends the field to a repeated bytes field. */
  collectBytes(into: Uint8Array[]): void {
    if (this.#type === LENGTH) into.push(this.bytes(EMPTY_BYTES));
    else this.skip();
  }

  /** Appends the integers of a repeated field, packed or not. */
  integers(into: number[]): void {
    if (this.#type !== LENGTH) {
      const value = this.int64(Number.NaN);
      if (!Number.isNaN(value)) into.push(value);
      return;
    }
    const length = this.#length();
    const end = this.#at + length;
    this.#type = VARINT;
    while (this.#at < end) into.push(this.int64(0));
    if (this.#at !== end) throw this.#malformed('a packed field runs past its end');
  }

  /** Passes over the current field. */
  skip(): void {
    switch (this.#type) {
      case VARINT:
        this.#varint();
        return;
      case FIXED_64:
        this.#pass(8);
        return;
      case LENGTH:
        this.#pass(this.#length());
        return;
      case FIXED_32:
        this.#pass(4);
        return;
      case GROUP_START:
        this.#skipGroup();
        return;
      default:
        throw this.#malformed('impossible wire type');
    }
  }

  /** Whether the current field has this wire type; if not it is passed over. */
  #expect(type: number): boolean {
    if (this.#type === type) return true;
    this.skip();
    return false;
  }

  #skipGroup(): void {
    this.#enter();
    for (;;) {
      if (this.next() === 0) throw this.#malformed('a group has no end');
      if (this.#type === GROUP_END) break;
      this.skip();
    }
    this.#depth--;
  }

  #enter(): void {
    this.#depth++;
    if (this.#depth > DEPTH_MAX) throw this.#malformed('messages are nested too deep');
  }

  #pass(byteCount: number): void {
    if (byteCount > this.#end - this.#at) throw this.#malformed('the message is truncated');
    this.#at += byteCount;
  }

  #length(): number {
    this.#varint();
    if (this.#high !== 0 || this.#low > this.#end - this.#at) {
      throw this.#malformed('the message is truncated');
    }
    return this.#low;
  }

  #varint(): void {
    const bytes = this.#bytes;
    if (this.#at < this.#end) {
      const byte = bytes[this.#at] as number;
      if (byte < 0x80) {
        this.#at++;
        this.#low = byte;
        this.#high = 0;
        return;
      }
    }
    this.#longVarint();
  }

  #longVarint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) throw this.#malformed('the message is truncated');
      const byte = this.#bytes[this.#at++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        if (shift === 63 && byte > 1) break;
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw this.#malformed('an integer has more than 64 bits');
  }

  #malformed(what: string): WireError {
    return new WireError(`malformed protobuf: ${what} (near byte ${this.#at})`);
  }
}
