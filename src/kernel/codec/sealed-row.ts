import { ByteWriter, ByteReader, CodecError } from './bytes.js';
import { crc32c } from './crc32c.js';
import { REPLACE_MEMBER } from './replace-member.js';

/**
 * Small rows of the backend, which has no checksums of its own: a body followed by the CRC-32C of
 * key and body, so that neither a flipped bit nor a row in another's place is believed.
 */

const CHECKSUM_BYTES = 4;

/** The row to store under `key`. */
export function sealRow(key: Uint8Array, body: Uint8Array): Uint8Array {
  return new ByteWriter(body.length + CHECKSUM_BYTES)
    .raw(body)
    .u32(crc32c(body, crc32c(key)))
    .finish();
}

/**
 * The body of a row without which the member cannot go on.
 * @param name of the row's kind, for the error
 * @throws CodecError when the row is not the one that was sealed for `key`
 */
export function unsealRow(name: string, key: Uint8Array, row: Uint8Array): Uint8Array {
  const body = bodyOf(key, row);
  if (body === undefined) {
    throw new CodecError(`backend is corrupt: wrong checksum of ${name}. ${REPLACE_MEMBER}`);
  }
  return body;
}

/** The body of a stored row; undefined when it is not the one that was sealed for `key`. */
export function bodyOf(key: Uint8Array, row: Uint8Array): Uint8Array | undefined {
  const end = row.length - CHECKSUM_BYTES;
  if (end < 0) return undefined;
  const body = row.subarray(0, end);
  return new ByteReader(row, end).u32() === crc32c(body, crc32c(key)) ? body : undefined;
}
