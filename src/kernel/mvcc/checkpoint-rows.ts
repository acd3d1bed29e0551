import { ByteReader, ByteWriter, CodecError } from '../codec/bytes.js';
import { crc32c } from '../codec/crc32c.js';
import { bodyOf, sealRow } from '../codec/sealed-row.js';

/**
 * The rows of the index's checkpoint in the bucket `meta`: one that says what the checkpoint is of,
 * and numbered ones that hold the leaves. Names, bytes and checksums only; when a checkpoint is
 * written, believed and removed is not decided here.
 */

const NAME = new TextEncoder().encode('indexCheckpoint');
const FORMAT = 1;
const CHECKSUM_BYTES = 4;

/** Every row of a checkpoint has a key from here on, */
export const CHECKPOINT_FROM = NAME;
/** and below this. */
export const CHECKPOINT_TO = Uint8Array.of(...NAME, 0xff);
/** The row that is written last: without it there is no checkpoint. */
export const CHECKPOINT_KEY = NAME;

/** What a checkpoint says of itself. */
export interface CheckpointHeader {
  readonly revision: number;
  readonly rollingHash: number;
  /** Rows in the bucket `key`. */
  readonly rowCount: number;
  /** -1 when nothing was compacted. */
  readonly compactRevision: number;
  readonly keyCount: number;
  readonly liveCount: number;
  /** Rows that hold leaves, */
  readonly leafRowCount: number;
  /** their bytes, */
  readonly byteCount: number;
  /** and the checksum over their checksums, which ties them to each other and to this row. */
  readonly leafRowsChecksum: number;
}

export function encodeCheckpointHeader(header: CheckpointHeader): Uint8Array {
  const writer = new ByteWriter(64)
    .varint(FORMAT)
    .varint(header.revision)
    .u32(header.rollingHash)
    .varint(header.rowCount)
    .signed(header.compactRevision)
    .varint(header.keyCount)
    .varint(header.liveCount)
    .varint(header.leafRowCount)
    .varint(header.byteCount)
    .u32(header.leafRowsChecksum);
  return sealRow(CHECKPOINT_KEY, writer.finish());
}

/** @throws CodecError when it is damaged or of another format */
export function decodeCheckpointHeader(row: Uint8Array): CheckpointHeader {
  const reader = new ByteReader(unseal('the index checkpoint', CHECKPOINT_KEY, row));
  const format = reader.varint();
  if (format !== FORMAT) throw new CodecError(`an index checkpoint of format ${format}`);
  const header = {
    revision: reader.varint(),
    rollingHash: reader.u32(),
    rowCount: reader.varint(),
    compactRevision: reader.signed(),
    keyCount: reader.varint(),
    liveCount: reader.varint(),
    leafRowCount: reader.varint(),
    byteCount: reader.varint(),
    leafRowsChecksum: reader.u32(),
  };
  reader.end();
  return header;
}

export function leafRowKey(number: number): Uint8Array {
  const at = NAME.length;
  const key = new Uint8Array(at + 4);
  key.set(NAME);
  new DataView(key.buffer).setUint32(at, number);
  return key;
}

export function sealLeafRow(number: number, leaves: Uint8Array): Uint8Array {
  return sealRow(leafRowKey(number), leaves);
}

/** @throws CodecError when it is damaged or in another's place */
export function unsealLeafRow(number: number, row: Uint8Array): Uint8Array {
  return unseal(`row ${number} of the index checkpoint`, leafRowKey(number), row);
}

/** What is wrong with a copy costs no more than time: no advice goes with it. */
function unseal(name: string, key: Uint8Array, row: Uint8Array): Uint8Array {
  const body = bodyOf(key, row);
  if (body === undefined) throw new CodecError(`wrong checksum of ${name}`);
  return body;
}

/** The checksum of rows so far, `previous`, and of one more. */
export function addLeafRow(previous: number, row: Uint8Array): number {
  return crc32c(row, previous, Math.max(0, row.length - CHECKSUM_BYTES));
}
