import { EMPTY_BYTES, type KeyValue } from '../../store/index.js';
import { crc32c } from './crc32c.js';
import { REPLACE_MEMBER } from './replace-member.js';

/**
 * The rows of the bucket `key`, byte for byte etcd's: the key is a revision, the value the protobuf
 * form of mvccpb.KeyValue, canonical (fields in number order, zero fields absent; a tombstone holds
 * the key alone). After the value stand four bytes of our own: the CRC-32C of row key and value,
 * little-endian, because LMDB has no checksums. Reading never answers from a row that fails it.
 */

/** A stored row is not what was written: the member cannot trust its backend and must stop. */
export class RowCorruptError extends Error {
  constructor(message: string) {
    super(`backend is corrupt: ${message}. ${REPLACE_MEMBER}`);
    this.name = 'RowCorruptError';
  }
}

/** Where a change stands in history: the revision, and its place within it. */
export interface RowPosition {
  readonly main: number;
  readonly sub: number;
  readonly tombstone: boolean;
}

export const ROW_CHECKSUM_BYTES = 4;
const PUT_KEY_BYTES = 17;
const TOMBSTONE_KEY_BYTES = 18;
export const ROW_KEY_BYTES_MAX = TOMBSTONE_KEY_BYTES;
const UNDERSCORE = 0x5f;
const TOMBSTONE_MARK = 0x74;
const TWO_POW_32 = 0x1_0000_0000;

const TAG_KEY = 0x0a;
const TAG_CREATE = 0x10;
const TAG_MOD = 0x18;
const TAG_VERSION = 0x20;
const TAG_VALUE = 0x2a;
const TAG_LEASE = 0x30;

/** Tags, the longest four integers, and the lengths of key and value. */
const OVERHEAD_BYTES_MAX = 64;
const CHUNK_BYTES = 65_536;

function writeUint64(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / TWO_POW_32);
  const low = value >>> 0;
  bytes[at] = high >>> 24;
  bytes[at + 1] = high >>> 16;
  bytes[at + 2] = high >>> 8;
  bytes[at + 3] = high;
  bytes[at + 4] = low >>> 24;
  bytes[at + 5] = low >>> 16;
  bytes[at + 6] = low >>> 8;
  bytes[at + 7] = low;
}

function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

/** Writes the key of a row at `start`. @returns where it ends */
export function writeRowKey(
  bytes: Uint8Array,
  start: number,
  main: number,
  sub: number,
  tombstone: boolean,
): number {
  writeUint64(bytes, start, main);
  bytes[start + 8] = UNDERSCORE;
  writeUint64(bytes, start + 9, sub);
  if (!tombstone) return start + PUT_KEY_BYTES;
  bytes[start + PUT_KEY_BYTES] = TOMBSTONE_MARK;
  return start + TOMBSTONE_KEY_BYTES;
}

/** The key of a row: 17 bytes, 18 for a tombstone. */
export function encodeRowKey(main: number, sub: number, tombstone: boolean): Uint8Array {
  const key = new Uint8Array(tombstone ? TOMBSTONE_KEY_BYTES : PUT_KEY_BYTES);
  writeRowKey(key, 0, main, sub, tombstone);
  return key;
}

const lookupKey = new Uint8Array(PUT_KEY_BYTES);

/** The key of a put's row, for an immediate look-up: the next call overwrites it. */
export function lookupRowKey(main: number, sub: number): Uint8Array {
  writeRowKey(lookupKey, 0, main, sub, false);
  return lookupKey;
}

/** @throws RowCorruptError when `key` is not the key of a row */
export function decodeRowKey(key: Uint8Array): RowPosition {
  const tombstone = key.length === TOMBSTONE_KEY_BYTES;
  if (
    (!tombstone && key.length !== PUT_KEY_BYTES) ||
    key[8] !== UNDERSCORE ||
    (tombstone && key[PUT_KEY_BYTES] !== TOMBSTONE_MARK)
  ) {
    throw new RowCorruptError(`a row key of ${key.length} bytes is not a revision`);
  }
  return {
    main: readUint32(key, 0) * TWO_POW_32 + readUint32(key, 4),
    sub: readUint32(key, 9) * TWO_POW_32 + readUint32(key, 13),
    tombstone,
  };
}

function writeVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest >= TWO_POW_32) {
    bytes[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  rest >>>= 0;
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

function writeVarint64(bytes: Uint8Array, start: number, value: bigint): number {
  let at = start;
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    bytes[at++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  bytes[at++] = Number(rest);
  return at;
}

/** Whether a row that was just encoded is a tombstone: its key is all that it holds. */
export function isTombstoneRow(row: Uint8Array): boolean {
  let keyLength = 0;
  let scale = 1;
  let at = 1;
  for (let more = true; more; at++) {
    const byte = row[at] as number;
    keyLength += (byte & 0x7f) * scale;
    scale *= 128;
    more = byte > 0x7f;
  }
  return at + keyLength + ROW_CHECKSUM_BYTES === row.length;
}

const scratchKey = new Uint8Array(TOMBSTONE_KEY_BYTES);

function checksum(
  main: number,
  sub: number,
  tombstone: boolean,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const keyLength = writeRowKey(scratchKey, 0, main, sub, tombstone);
  return crc32c(bytes, crc32c(scratchKey, 0, 0, keyLength), start, end);
}

function copyInto(target: Uint8Array, at: number, source: Uint8Array): number {
  const length = source.length;
  // A call of set costs more than copying a few bytes one by one.
  if (length > 48) target.set(source, at);
  else for (let i = 0; i < length; i++) target[at + i] = source[i] as number;
  return at + length;
}

/**
 * Makes stored rows, one after the other. Rows lie side by side in chunks, so that most cost no
 * allocation of their own, not even a view, and a backend finds them at addresses that it already
 * knows. A chunk that is full is left to those who know of rows in it.
 */
export class RowEncoder {
  #chunk = new Uint8Array(CHUNK_BYTES);
  #start = 0;
  #at = 0;
  #checksum = 0;

  /** What the row made last lies in, from {@link start} to {@link end}. */
  get chunk(): Uint8Array {
    return this.#chunk;
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#at;
  }

  /** The checksum of the row made last. */
  get lastChecksum(): number {
    return this.#checksum;
  }

  #reserve(byteCount: number): void {
    if (this.#at + byteCount <= this.#chunk.length) return;
    this.#chunk = new Uint8Array(Math.max(byteCount, CHUNK_BYTES));
    this.#at = 0;
  }

  put(kv: KeyValue, sub: number): void {
    const { key, value } = kv;
    this.#reserve(key.length + value.length + OVERHEAD_BYTES_MAX);
    const bytes = this.#chunk;
    let at = this.#at;
    bytes[at++] = TAG_KEY;
    at = writeVarint(bytes, at, key.length);
    at = copyInto(bytes, at, key);
    bytes[at++] = TAG_CREATE;
    at = writeVarint(bytes, at, kv.createRevision);
    bytes[at++] = TAG_MOD;
    at = writeVarint(bytes, at, kv.modRevision);
    bytes[at++] = TAG_VERSION;
    at = writeVarint(bytes, at, kv.version);
    if (value.length > 0) {
      bytes[at++] = TAG_VALUE;
      at = writeVarint(bytes, at, value.length);
      at = copyInto(bytes, at, value);
    }
    if (kv.lease !== 0n) {
      bytes[at++] = TAG_LEASE;
      at = writeVarint64(bytes, at, kv.lease);
    }
    this.#finish(kv.modRevision, sub, false, at);
  }

  tombstone(key: Uint8Array, main: number, sub: number): void {
    this.#reserve(key.length + OVERHEAD_BYTES_MAX);
    let at = this.#at;
    this.#chunk[at++] = TAG_KEY;
    at = writeVarint(this.#chunk, at, key.length);
    this.#finish(main, sub, true, copyInto(this.#chunk, at, key));
  }

  #finish(main: number, sub: number, tombstone: boolean, end: number): void {
    const bytes = this.#chunk;
    const start = this.#at;
    const sum = checksum(main, sub, tombstone, bytes, start, end);
    bytes[end] = sum;
    bytes[end + 1] = sum >>> 8;
    bytes[end + 2] = sum >>> 16;
    bytes[end + 3] = sum >>> 24;
    this.#checksum = sum;
    this.#start = start;
    this.#at = end + ROW_CHECKSUM_BYTES;
  }
}

/**
 * Reads stored rows, one after the other: `open` checks a row and finds its fields, which the
 * properties then give without copying. Used again for the next row.
 */
export class RowReader {
  #bytes: Uint8Array = EMPTY_BYTES;
  #at = 0;
  #end = 0;
  #main = 0;
  #keyStart = 0;
  #keyEnd = 0;
  #valueStart = 0;
  #valueEnd = 0;
  #lease = 0n;
  createRevision = 0;
  version = 0;

  get lease(): bigint {
    return this.#lease;
  }

  /** A view into the row. */
  get key(): Uint8Array {
    return this.#bytes.subarray(this.#keyStart, this.#keyEnd);
  }

  /**
   * @param length how much of `bytes` is the row
   * @throws RowCorruptError when the checksum does not match or the fields make no sense
   */
  open(
    main: number,
    sub: number,
    tombstone: boolean,
    bytes: Uint8Array,
    length: number = bytes.length,
  ): void {
    const end = length - ROW_CHECKSUM_BYTES;
    this.#main = main;
    if (end < 0) this.#fail('too short');
    const stored =
      ((bytes[end] as number) |
        ((bytes[end + 1] as number) << 8) |
        ((bytes[end + 2] as number) << 16) |
        ((bytes[end + 3] as number) << 24)) >>>
      0;
    if (stored !== checksum(main, sub, tombstone, bytes, 0, end)) this.#fail('wrong checksum');
    this.#bytes = bytes;
    this.#at = 0;
    this.#end = end;
    this.#parse(tombstone);
  }

  #parse(tombstone: boolean): void {
    let mod = 0;
    this.createRevision = 0;
    this.version = 0;
    this.#keyStart = this.#keyEnd = this.#valueStart = this.#valueEnd = 0;
    this.#lease = 0n;
    while (this.#at < this.#end) {
      const tag = this.#bytes[this.#at++] as number;
      if (tag === TAG_KEY || tag === TAG_VALUE) {
        const length = this.#varint();
        const start = this.#at;
        this.#at += length;
        if (this.#at > this.#end) this.#fail('a field leaves the row');
        if (tag === TAG_KEY) {
          this.#keyStart = start;
          this.#keyEnd = this.#at;
        } else {
          this.#valueStart = start;
          this.#valueEnd = this.#at;
        }
      } else if (tag === TAG_CREATE) this.createRevision = this.#varint();
      else if (tag === TAG_MOD) mod = this.#varint();
      else if (tag === TAG_VERSION) this.version = this.#varint();
      else if (tag === TAG_LEASE) this.#lease = this.#varint64();
      else this.#fail(`field tag ${tag}`);
    }
    if (this.#keyStart === this.#keyEnd) this.#fail('no key');
    if (mod !== (tombstone ? 0 : this.#main)) this.#fail('it speaks of another revision');
  }

  /** The pair of the opened row. Its bytes are views into the row. */
  keyValue(withValue: boolean): KeyValue {
    return {
      key: this.key,
      value:
        withValue && this.#valueEnd > this.#valueStart
          ? this.#bytes.subarray(this.#valueStart, this.#valueEnd)
          : EMPTY_BYTES,
      createRevision: this.createRevision,
      modRevision: this.#main,
      version: this.version,
      lease: this.#lease,
    };
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.#bytes[this.#at++] as number;
      if (this.#at > this.#end) this.#fail('an integer leaves the row');
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) this.#fail('an integer is too large');
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }

  #varint64(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#bytes[this.#at++] as number;
      if (this.#at > this.#end || shift > 63n) this.#fail('a lease id is too long');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
  }

  #fail(what: string): never {
    throw new RowCorruptError(`row of revision ${this.#main}: ${what}`);
  }
}
