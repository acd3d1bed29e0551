import { type Bucket, BUCKETS } from '../../ports/backend.js';
import { type ByteReader, ByteWriter, CodecError } from '../codec/bytes.js';
import type { SnapshotMark } from '../raft/types.js';

/**
 * The bytes of a state image, as far as its writer and its reader must agree: a header, chunks of
 * rows, a trailer, and zeros up to a multiple of 512. Each part ends in a CRC-32C that continues
 * the one of the part before, so that a part is believed only after all that came before it. The
 * page docs/data-directory.md shows it byte by byte.
 */

/** The first eight bytes: "TDLSTATE". */
export const IMAGE_MAGIC = Uint8Array.of(0x54, 0x44, 0x4c, 0x53, 0x54, 0x41, 0x54, 0x45);
export const IMAGE_VERSION = 1;
/** Magic, version, length of the header's body. */
export const IMAGE_START_BYTES = 16;
/** Kind and length, before the body of a chunk or of the trailer. */
export const PART_START_BYTES = 5;
export const CHECKSUM_BYTES = 4;
export const CHUNK_KIND = 1;
export const TRAILER_KIND = 2;
/** `etcdctl snapshot restore` wants the size of a database to be a multiple of this. */
export const IMAGE_ALIGNMENT_BYTES = 512;

/** What an image says of itself before its rows. */
export interface ImageHeader {
  readonly clusterId: bigint;
  /** Who made it. */
  readonly memberId: bigint;
  /** The last log entry whose effects the rows hold, and who took part then. */
  readonly mark: SnapshotMark;
  readonly revision: number;
  readonly rollingHash: number;
  /** -1 when nothing was compacted. */
  readonly compactRevision: number;
}

/** What an image says of itself after its rows. */
export interface ImageTrailer {
  readonly rowCounts: Readonly<Record<Bucket, number>>;
  /** Bytes before the trailer. */
  readonly contentBytes: number;
}

export function encodeHeaderBody(header: ImageHeader): Uint8Array {
  const { mark } = header;
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = mark.confState;
  const writer = new ByteWriter(128).u64(header.clusterId).u64(header.memberId);
  writer.varint(mark.index).varint(mark.term);
  for (const ids of [voters, learners, votersOutgoing, learnersNext]) {
    writer.varint(ids.length);
    for (const id of ids) writer.u64(id);
  }
  writer.bool(autoLeave).varint(header.revision).u32(header.rollingHash);
  return writer.signed(header.compactRevision).finish();
}

/** @throws CodecError */
export function readHeaderBody(reader: ByteReader): ImageHeader {
  const clusterId = reader.u64();
  const memberId = reader.u64();
  const index = reader.varint();
  const term = reader.varint();
  const confState = {
    voters: readIds(reader),
    learners: readIds(reader),
    votersOutgoing: readIds(reader),
    learnersNext: readIds(reader),
    autoLeave: reader.bool(),
  };
  const header = {
    clusterId,
    memberId,
    mark: { index, term, confState },
    revision: reader.varint(),
    rollingHash: reader.u32(),
    compactRevision: reader.signed(),
  };
  reader.end();
  return header;
}

function readIds(reader: ByteReader): readonly bigint[] {
  const count = reader.varint();
  if (count * 8 > reader.remaining) throw new CodecError(`${count} ids do not fit`);
  return Array.from({ length: count }, () => reader.u64());
}

export function encodeTrailerBody(trailer: ImageTrailer): Uint8Array {
  const writer = new ByteWriter(64);
  for (const bucket of BUCKETS) writer.varint(trailer.rowCounts[bucket]);
  return writer.varint(trailer.contentBytes).finish();
}

/** @throws CodecError */
export function readTrailerBody(reader: ByteReader): ImageTrailer {
  const rowCounts: Partial<Record<Bucket, number>> = {};
  for (const bucket of BUCKETS) rowCounts[bucket] = reader.varint();
  const contentBytes = reader.varint();
  reader.end();
  return { rowCounts: rowCounts as Record<Bucket, number>, contentBytes };
}

/** Zeros that an image of so many bytes ends in. */
export function paddingOf(byteCount: number): number {
  return (IMAGE_ALIGNMENT_BYTES - (byteCount % IMAGE_ALIGNMENT_BYTES)) % IMAGE_ALIGNMENT_BYTES;
}
