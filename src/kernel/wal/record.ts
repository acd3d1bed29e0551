import type { ByteWriter } from '../codec/bytes.js';
import { crc32c } from '../codec/crc32c.js';

/**
 * The frame around everything in the log. One durable write is exactly one record, and a write
 * begins only after the one before it is durable; so a record at offset n says by being there that
 * all bytes before n had been synced. This file knows bytes and checksums, never their meaning.
 */

/**
 * Kinds of records: how a segment begins, raft's output, a snapshot mark, and "all before is
 * synced".
 */
export type RecordType = 'segment' | 'append' | 'mark' | 'synced';

/** What a write of the disk is atomic in. */
export const SECTOR_BYTES = 512;
/** Size of a header, and what records are aligned to: a header never straddles two sectors. */
export const HEADER_BYTES = 32;

const MAGIC = 0x4c_57_54; // "TWL" in the file
const TYPES: readonly RecordType[] = ['segment', 'append', 'mark', 'synced'];
const PAYLOAD_LENGTH_AT = 4;
const OFFSET_AT = 8;
const SEGMENT_AT = 12;
const SPARSE_SECTORS_AT = 16;
const PREVIOUS_AT = 20;
const CHAIN_AT = 24;
const HEADER_CRC_AT = 28;
/**
 * Every record ends in at least two of these, so that no part of it in a sector is almost empty.
 */
const FILL = 0xa5;
const FILL_BYTES_MIN = 2;

const HEADER_SPACE = new Uint8Array(HEADER_BYTES);
const FILLING = new Uint8Array(HEADER_BYTES + FILL_BYTES_MIN).fill(FILL);

/** Where a record goes, or is looked for. */
export interface RecordPlace {
  /** Byte of the file. */
  readonly offset: number;
  /** Sequence number of the segment; 32 bits of it are kept. */
  readonly segment: number;
  /**
   * Chain value of the segment's first record (0 for that record itself); salts header checksums.
   */
  readonly seed: number;
}

export interface RecordHeader {
  readonly type: RecordType;
  readonly payloadLength: number;
  readonly offset: number;
  readonly segment: number;
  /** Sectors after the first that hold fewer than two bytes other than zero of this record. */
  readonly sparseSectors: number;
  /** Chain value of the record before. */
  readonly previous: number;
  /** Checksum of this record, continued from `previous`. */
  readonly chain: number;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Bytes of the file that a record with such a payload takes. */
export function recordExtent(payloadLength: number): number {
  const needed = HEADER_BYTES + payloadLength + FILL_BYTES_MIN;
  return Math.ceil(needed / HEADER_BYTES) * HEADER_BYTES;
}

/** Leaves room for a header in an empty writer; the payload follows, then {@link sealRecord}. */
export function openRecord(writer: ByteWriter): ByteWriter {
  return writer.raw(HEADER_SPACE);
}

/**
 * Completes the record in `writer`; its chain value is `recordChain(bytes, 0, previous)`. The bytes
 * are the writer's own, for a copy of each record would be most of what the log allocates.
 */
export function sealRecord(
  writer: ByteWriter,
  type: RecordType,
  place: RecordPlace,
  previous: number,
): Uint8Array {
  const payloadLength = writer.length - HEADER_BYTES;
  const extent = recordExtent(payloadLength);
  const bytes = writer.raw(FILLING.subarray(0, extent - writer.length)).written();
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC | (TYPES.indexOf(type) << 24), true);
  view.setUint32(PAYLOAD_LENGTH_AT, payloadLength, true);
  view.setUint32(OFFSET_AT, place.offset, true);
  view.setUint32(SEGMENT_AT, place.segment >>> 0, true);
  const sparse = countSectors(bytes, 0, extent, place.offset, 1);
  view.setUint32(SPARSE_SECTORS_AT, sparse, true);
  view.setUint32(PREVIOUS_AT, previous, true);
  view.setUint32(CHAIN_AT, recordChain(bytes, 0, extent, previous), true);
  view.setUint32(HEADER_CRC_AT, crc32c(bytes, place.seed, 0, HEADER_CRC_AT), true);
  return bytes;
}

/** The chain value kept in the record that begins at `at`. */
export function chainOf(bytes: Uint8Array, at = 0): number {
  return viewOf(bytes).getUint32(at + CHAIN_AT, true);
}

/** The chain value that the `extent` bytes at `at` ought to have after `previous`. */
export function recordChain(
  bytes: Uint8Array,
  at: number,
  extent: number,
  previous: number,
): number {
  const header = crc32c(bytes, previous, at, at + CHAIN_AT);
  return crc32c(bytes, header, at + HEADER_BYTES, at + extent);
}

/**
 * The header at `at` if there is a sound one. Where it says that it belongs is for the caller to
 * compare with where it was found.
 */
export function parseHeader(bytes: Uint8Array, at: number, seed: number): RecordHeader | undefined {
  if (at + HEADER_BYTES > bytes.length) return undefined;
  const view = viewOf(bytes);
  const start = view.getUint32(at, true);
  const type = TYPES[start >>> 24];
  if ((start & 0xff_ffff) !== MAGIC || type === undefined) return undefined;
  if (view.getUint32(at + HEADER_CRC_AT, true) !== crc32c(bytes, seed, at, at + HEADER_CRC_AT)) {
    return undefined;
  }
  return {
    type,
    payloadLength: view.getUint32(at + PAYLOAD_LENGTH_AT, true),
    offset: view.getUint32(at + OFFSET_AT, true),
    segment: view.getUint32(at + SEGMENT_AT, true),
    sparseSectors: view.getUint32(at + SPARSE_SECTORS_AT, true),
    previous: view.getUint32(at + PREVIOUS_AT, true),
    chain: view.getUint32(at + CHAIN_AT, true),
  };
}

/**
 * Counts the sectors of the file, other than the one it begins in, in which the record at `at` has
 * at most `used` bytes that are not zero. `offset` is the record's place in the file.
 */
export function countSectors(
  bytes: Uint8Array,
  at: number,
  extent: number,
  offset: number,
  used: number,
): number {
  let count = 0;
  let start = SECTOR_BYTES - (offset % SECTOR_BYTES);
  for (; start < extent; start += SECTOR_BYTES) {
    const end = at + Math.min(start + SECTOR_BYTES, extent);
    if (!hasMoreThan(bytes, at + start, end, used)) count++;
  }
  return count;
}

/** Whether more than `used` bytes from `start` to `end` are not zero. */
export function hasMoreThan(bytes: Uint8Array, start: number, end: number, used: number): boolean {
  let rest = used;
  for (let at = start; at < end; at++) {
    if (bytes[at] === 0) continue;
    if (rest === 0) return true;
    rest--;
  }
  return false;
}
