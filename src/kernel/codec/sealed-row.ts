import { ByteWriter, ByteReader, CodecError } from './bytes.js';
import { crc32c } from './crc32c.js';

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
 * The body of a stored row.
 * @param name of the row's kind, for the error
 * @throws CodecError when the row is not the one that was sealed for `key`
 */
export function unsealRow(name: string, key: Uint8Array, row: Uint8Array): Uint8Array {
  const end = row.length - CHECKSUM_BYTES;
  const body = row.subarray(0, Math.max(0, end));
  if (end < 0 || new ByteReader(row, end).u32() !== crc32c(body, crc32c(key))) {
    throw new CodecError(`backend is corrupt: wrong checksum of ${name}`);
  }
  return body;
}
