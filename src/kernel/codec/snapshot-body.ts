/**
 * What is inside the frames by which a state image goes from one member to another: an offer, the
 * asking for pieces, the pieces, and the two words that end it. Plain data both ways, under a
 * checksum of its own: a frame that was damaged on its way is as good as lost. Reading raises a
 * CodecError for what is not written here.
 */
import { ByteReader, ByteWriter, CodecError } from './bytes.js';
import { crc32c } from './crc32c.js';

/** The position in this list is the byte on the wire; a new kind goes to the end. */
const KINDS = ['offer', 'fetch', 'piece', 'gone', 'done'] as const;

export type SnapshotBody =
  /** The sender leads in `term` and has an image of the state at `index`. */
  | {
      readonly kind: 'offer';
      readonly imageId: bigint;
      readonly term: number;
      readonly index: number;
      readonly revision: number;
    }
  /** Everything before `position` has arrived; `again` asks anew for what was sent after it. */
  | {
      readonly kind: 'fetch';
      readonly imageId: bigint;
      readonly position: number;
      readonly again: boolean;
    }
  | {
      readonly kind: 'piece';
      readonly imageId: bigint;
      readonly position: number;
      readonly isLast: boolean;
      readonly bytes: Uint8Array;
    }
  /** There is no such image, or not any more. */
  | { readonly kind: 'gone'; readonly imageId: bigint }
  /** The image has arrived and is durable, or `ok` is false and it is refused. */
  | { readonly kind: 'done'; readonly imageId: bigint; readonly ok: boolean };

const PIECE_OVERHEAD_BYTES = 32;
const CHECKSUM_BYTES = 4;

export function encodeSnapshotBody(body: SnapshotBody): Uint8Array {
  const hint = body.kind === 'piece' ? body.bytes.length + PIECE_OVERHEAD_BYTES : 64;
  const writer = new ByteWriter(hint).u8(KINDS.indexOf(body.kind)).u64(body.imageId);
  switch (body.kind) {
    case 'offer':
      writer.varint(body.term).varint(body.index).varint(body.revision);
      break;
    case 'fetch':
      writer.varint(body.position).bool(body.again);
      break;
    case 'piece':
      writer.varint(body.position).bool(body.isLast).raw(body.bytes);
      break;
    case 'done':
      writer.bool(body.ok);
      break;
    case 'gone':
      break;
  }
  const bytes = writer.u32(0).finish();
  const end = bytes.length - CHECKSUM_BYTES;
  bytes.set(new ByteWriter(CHECKSUM_BYTES).u32(crc32c(bytes, 0, 0, end)).finish(), end);
  return bytes;
}

/**
 * The bytes of a piece are a view into `bytes`.
 * @throws CodecError
 */
export function decodeSnapshotBody(bytes: Uint8Array): SnapshotBody {
  const end = bytes.length - CHECKSUM_BYTES;
  if (end < 0 || new ByteReader(bytes, end).u32() !== crc32c(bytes, 0, 0, end)) {
    throw new CodecError('a snapshot frame with a wrong checksum');
  }
  const reader = new ByteReader(bytes.subarray(0, end));
  const kindByte = reader.u8();
  const kind = KINDS[kindByte];
  if (kind === undefined) throw new CodecError(`snapshot frame of unknown kind ${kindByte}`);
  const body = readFields(reader, kind);
  reader.end();
  return body;
}

function readFields(reader: ByteReader, kind: SnapshotBody['kind']): SnapshotBody {
  const imageId = reader.u64();
  switch (kind) {
    case 'offer':
      return {
        kind,
        imageId,
        term: reader.varint(),
        index: reader.varint(),
        revision: reader.varint(),
      };
    case 'fetch':
      return { kind, imageId, position: reader.varint(), again: reader.bool() };
    case 'piece': {
      const position = reader.varint();
      const isLast = reader.bool();
      return { kind, imageId, position, isLast, bytes: reader.raw(reader.remaining) };
    }
    case 'done':
      return { kind, imageId, ok: reader.bool() };
    case 'gone':
      return { kind, imageId };
  }
}
