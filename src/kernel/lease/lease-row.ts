import { LIMITS } from '../../store/index.js';
import { ByteReader, ByteWriter, CodecError } from '../codec/bytes.js';
import { crc32c } from '../codec/crc32c.js';
import { REPLACE_MEMBER } from '../codec/replace-member.js';

/**
 * Leases as the backend keeps them: one row each in bucket `lease`, under the id in eight bytes,
 * most significant first. The row carries a checksum over key and value, because the backend has
 * none: a flipped bit must not become another lease's time to live.
 */
export interface LeaseRow {
  readonly id: bigint;
  /** What was granted. */
  readonly ttlSeconds: number;
  /** What was left at the last checkpoint; 0 when there was none since it was last renewed. */
  readonly remainingTtlSeconds: number;
  /** The index of the log entry that granted it. */
  readonly grantIndex: number;
}

const KEY_BYTES = 8;
const VERSION = 2;
const CHECKSUM_BYTES = 4;

export function encodeLeaseKey(id: bigint): Uint8Array {
  const key = new Uint8Array(KEY_BYTES);
  new DataView(key.buffer).setBigInt64(0, id);
  return key;
}

export function encodeLeaseRow(row: LeaseRow): Uint8Array {
  const writer = new ByteWriter(32);
  writer.u8(VERSION).varint(row.ttlSeconds).varint(row.remainingTtlSeconds).varint(row.grantIndex);
  const body = writer.finish();
  return writer
    .raw(body)
    .u32(checksum(encodeLeaseKey(row.id), body))
    .finish();
}

/**
 * @throws CodecError that names the row, for anything that {@link encodeLeaseRow} does not write
 */
export function decodeLeaseRow(key: Uint8Array, value: Uint8Array): LeaseRow {
  try {
    return decode(key, value);
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    const name = Array.from(key, (byte) => byte.toString(16).padStart(2, '0')).join('');
    const what = `lease row ${name}: ${error.message}`;
    throw new CodecError(`backend is corrupt: ${what}. ${REPLACE_MEMBER}`);
  }
}

function decode(key: Uint8Array, value: Uint8Array): LeaseRow {
  if (key.length !== KEY_BYTES) throw new CodecError(`key of ${key.length} bytes instead of 8`);
  const bodyBytes = value.length - CHECKSUM_BYTES;
  if (bodyBytes < 0) throw new CodecError(`${value.length} bytes are too few`);
  const body = value.subarray(0, bodyBytes);
  const stored = new ByteReader(value, bodyBytes).u32();
  if (stored !== checksum(key, body)) throw new CodecError('the checksum does not match');
  const reader = new ByteReader(body);
  const version = reader.u8();
  if (version !== VERSION) throw new CodecError(`version ${version} is not known`);
  const ttlSeconds = reader.varint();
  const remainingTtlSeconds = reader.varint();
  const grantIndex = reader.varint();
  reader.end();
  const id = new DataView(key.buffer, key.byteOffset, KEY_BYTES).getBigInt64(0);
  if (id === 0n) throw new CodecError('id 0 stands for no lease');
  if (ttlSeconds < 1 || ttlSeconds > LIMITS.leaseTtlMaxSeconds) {
    throw new CodecError(`a TTL of ${ttlSeconds} s cannot have been granted`);
  }
  if (remainingTtlSeconds > ttlSeconds) {
    throw new CodecError(`${remainingTtlSeconds} s are left of ${ttlSeconds} s`);
  }
  return { id, ttlSeconds, remainingTtlSeconds, grantIndex };
}

function checksum(key: Uint8Array, body: Uint8Array): number {
  return crc32c(body, crc32c(key));
}
