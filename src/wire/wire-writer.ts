import { type BytesInput, StoreError } from '../store/index.js';

/**
 * Writes protobuf from the last byte to the first, so that the length of a nested message is known
 * when it is its turn: no second pass, no sizes to keep in step. Callers therefore write fields in
 * descending order, and repeated ones from the last to the first. Fields that hold their default
 * are left out, as proto3 has it, except by the methods that say otherwise.
 */
const VARINT = 0;
const LENGTH = 2;

const SCRATCH_BYTES = 65_536;
const TWO_POW_32 = 0x1_0000_0000;

/** 64 bits in, two halves out; every platform of Node is little-endian. */
const halves = new Uint32Array(2);
const asSigned = new BigInt64Array(halves.buffer);

export class WireWriter {
  readonly #capacity: number;
  #buffer: Buffer;
  /** Where the first written byte is. */
  #at: number;

  constructor(capacity: number = SCRATCH_BYTES) {
    this.#capacity = capacity;
    this.#buffer = Buffer.allocUnsafeSlow(capacity);
    this.#at = capacity;
  }

  /** Bytes written so far; a mark for {@link wrap}. */
  get length(): number {
    return this.#buffer.length - this.#at;
  }

  /**
   * An integer, safe or not: what is beyond 2^53 in magnitude has lost its low bits already.
   * @throws StoreError `InvalidArgument` when it is none
   */
  int64(field: number, value: number): void {
    if (value !== 0) this.int64Always(field, value);
  }

  int64Always(field: number, value: number): void {
    if (!Number.isInteger(value)) {
      throw new StoreError('InvalidArgument', `${value} is not a whole number`);
    }
    if (value >= 0 && value < TWO_POW_32) this.#varint(value, 0);
    else if (value > 0 && value <= Number.MAX_SAFE_INTEGER) {
      this.#varint(value % TWO_POW_32, Math.floor(value / TWO_POW_32));
    } else this.#bits64(BigInt(value));
    this.#tag(field, VARINT);
  }

  bigint64(field: number, value: bigint): void {
    if (value !== 0n) this.bigint64Always(field, value);
  }

  /** @throws StoreError `InvalidArgument` when it does not fit: nothing is ever cut to 64 bits */
  bigint64Always(field: number, value: bigint): void {
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) {
      throw new StoreError(
        'InvalidArgument',
        `${String(value)} is not a signed integer of 64 bits`,
      );
    }
    this.#bits64(value);
    this.#tag(field, VARINT);
  }

  /** An id that uses all 64 bits, without a sign. */
  uint64(field: number, value: bigint): void {
    if (value === 0n) return;
    this.#bits64(value);
    this.#tag(field, VARINT);
  }

  bool(field: number, value: boolean | undefined): void {
    if (value !== true) return;
    this.#varint(1, 0);
    this.#tag(field, VARINT);
  }

  /** @throws StoreError `InvalidArgument` when it is neither text nor bytes */
  bytes(field: number, value: BytesInput | undefined): void {
    if (value !== undefined && value.length !== 0) this.bytesAlways(field, value);
  }

  /** @throws StoreError `InvalidArgument` when it is neither text nor bytes */
  bytesAlways(field: number, value: BytesInput): void {
    if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
      throw new StoreError('InvalidArgument', 'a key or value is neither text nor bytes');
    }
    const mark = this.length;
    if (typeof value === 'string') this.#text(value);
    else this.raw(value);
    this.wrap(field, mark);
  }

  /** Bytes that are already protobuf. */
  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#buffer.set(bytes, at);
  }

  /** Makes everything written since `length` was `mark` the content of a message or bytes field. */
  wrap(field: number, mark: number): void {
    this.#varint(this.length - mark, 0);
    this.#tag(field, LENGTH);
  }

  /** What was written, in a buffer of its own and of its exact size; the writer starts anew. */
  finish(): Buffer {
    const length = this.length;
    const written = Buffer.allocUnsafe(length);
    this.#buffer.copy(written, 0, this.#at);
    this.reset();
    return written;
  }

  /** As {@link finish}, for bytes that live long: they share no memory with others. */
  finishOwned(): Uint8Array {
    const written = new Uint8Array(this.length);
    written.set(this.#buffer.subarray(this.#at));
    this.reset();
    return written;
  }

  /** Forgets what was written, as must be done before a message in case an earlier one failed. */
  reset(): void {
    if (this.#buffer.length > this.#capacity) this.#buffer = Buffer.allocUnsafeSlow(this.#capacity);
    this.#at = this.#buffer.length;
  }

  #text(value: string): void {
    const length = Buffer.byteLength(value);
    const at = this.#reserve(length);
    this.#buffer.write(value, at, length, 'utf8');
  }

  #tag(field: number, type: number): void {
    this.#varint(((field << 3) | type) >>> 0, 0);
  }

  #bits64(value: bigint): void {
    asSigned[0] = value;
    this.#varint(halves[0] as number, halves[1] as number);
  }

  /** The 64 bits given by two unsigned halves. */
  #varint(lowBits: number, highBits: number): void {
    let low = lowBits;
    let high = highBits;
    let at = this.#reserve(low < 0x80 && high === 0 ? 1 : varintSize(low, high));
    while (high !== 0 || low > 0x7f) {
      this.#buffer[at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#buffer[at] = low;
  }

  /** Makes room in front and returns where it begins. May replace the buffer: name it after. */
  #reserve(byteCount: number): number {
    if (byteCount > this.#at) this.#grow(byteCount);
    this.#at -= byteCount;
    return this.#at;
  }

  #grow(byteCount: number): void {
    const length = this.length;
    let capacity = this.#buffer.length * 2;
    while (capacity < length + byteCount) capacity *= 2;
    const grown = Buffer.allocUnsafeSlow(capacity);
    this.#buffer.copy(grown, capacity - length, this.#at);
    this.#buffer = grown;
    this.#at = capacity - length;
  }
}

function varintSize(low: number, high: number): number {
  const bits = high === 0 ? 32 - Math.clz32(low) : 64 - Math.clz32(high);
  return Math.ceil(bits / 7);
}
