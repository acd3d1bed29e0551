/**
 * What is inside the frames by which a state image goes from one member to another: an offer, the
 * asking for pieces, the pieces, and the two words that end it. Plain data both ways; reading raises
 * a CodecError for what is not written here.
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
      writer.varint(body.position).bool(body.isLast).u32(crc32c(body.bytes)).raw(body.bytes);
      break;
    case 'done':
      writer.bool(body.ok);
      break;
    case 'gone':
      break;
  }
  return writer.finish();
}

/**
 * The bytes of a piece are a view into `bytes`.
 * @throws CodecError, also for a piece with a wrong checksum
 */
export function decodeSnapshotBody(bytes: Uint8Array): SnapshotBody {
  const reader = new ByteReader(bytes);
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
      const checksum = reader.u32();
      const piece = reader.raw(reader.remaining);
      if (crc32c(piece) !== checksum) throw new CodecError('a piece with a wrong checksum');
      return { kind, imageId, position, isLast, bytes: piece };
    }
    case 'done':
      return { kind, imageId, ok: reader.bool() };
    case 'gone':
      return { kind, imageId };
  }
}
