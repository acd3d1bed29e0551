/**
 * The envelope of everything that one member sends to another: which cluster, from whom, to whom,
 * from which data directory and from which start of the process. What is inside depends on the
 * kind, and other files read it. A frame ends with a checksum of all before: an entry that changed
 * on its way would otherwise go into a log under a checksum of its own. Reading trusts nothing; a
 * frame that no member writes raises a CodecError.
 */
import { ByteReader, ByteWriter, CodecError } from './bytes.js';
import { crc32c } from './crc32c.js';

const VERSION = 2;

/** The position in this list is the byte on the wire; a new kind goes to the end. */
const FRAME_KINDS = [
  'raft',
  'forward',
  'taken',
  'call',
  'answer',
  'snapshot',
  'refused',
  'challenge',
  'alive',
  'pledges',
] as const;

export type FrameKind = (typeof FRAME_KINDS)[number];

/** Who speaks, as every frame says it. */
export interface FrameOrigin {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** Drawn when the data directory was made: two directories are never one member. */
  readonly directoryNonce: bigint;
  /** Drawn at each start of the process. */
  readonly startNonce: bigint;
}

export interface Frame {
  readonly kind: FrameKind;
  readonly origin: FrameOrigin;
  readonly to: bigint;
  /** A view into the frame. */
  readonly body: Uint8Array;
}

export const FRAME_HEADER_BYTES = 42;
export const FRAME_CHECKSUM_BYTES = 4;

/** Writes frames of one member; the part of the envelope that never changes is made once. */
export class FrameWriter {
  readonly #from: Uint8Array;
  readonly #directory: Uint8Array;

  constructor(origin: FrameOrigin) {
    this.#from = new ByteWriter(16).u64(origin.clusterId).u64(origin.memberId).finish();
    this.#directory = new ByteWriter(16).u64(origin.directoryNonce).u64(origin.startNonce).finish();
  }

  frame(kind: FrameKind, to: bigint, body: Uint8Array): Uint8Array {
    const writer = new ByteWriter(FRAME_HEADER_BYTES + body.length + FRAME_CHECKSUM_BYTES)
      .u8(VERSION)
      .u8(FRAME_KINDS.indexOf(kind))
      .raw(this.#from)
      .u64(to)
      .raw(this.#directory)
      .raw(body);
    // The writer is this frame's own, so that its bytes need no copy.
    return writer.u32(crc32c(writer.written())).written();
  }
}

/** @throws CodecError on anything but what {@link FrameWriter} wrote */
export function readFrame(bytes: Uint8Array): Frame {
  const length = bytes.length - FRAME_CHECKSUM_BYTES;
  if (length < FRAME_HEADER_BYTES) throw new CodecError(`a frame of ${bytes.length} bytes`);
  const sealed = bytes.subarray(0, length);
  const reader = new ByteReader(sealed);
  const version = reader.u8();
  if (version !== VERSION) throw new CodecError(`frame version ${version}, expected ${VERSION}`);
  if (new ByteReader(bytes, length).u32() !== crc32c(sealed)) {
    throw new CodecError('a frame changed on its way');
  }
  const at = reader.u8();
  const kind = FRAME_KINDS[at];
  if (kind === undefined) throw new CodecError(`${at} is no kind of frame`);
  const clusterId = reader.u64();
  const memberId = reader.u64();
  const to = reader.u64();
  const directoryNonce = reader.u64();
  const startNonce = reader.u64();
  const origin = { clusterId, memberId, directoryNonce, startNonce };
  return { kind, origin, to, body: reader.raw(reader.remaining) };
}
