import { Peer } from './gen/tidelock/peer/v1/peer_pb.js';
import { messageMethod } from './message-method.js';
import type { MethodDefinition } from './method.js';
import { WireReader } from './wire-reader.js';

/**
 * The rpcs that members have for each other. Batches of frames are written in one piece of exactly
 * their size, and read as views of what arrived; what is in a frame is nobody's business here.
 */
const EXCHANGE: MethodDefinition<readonly Uint8Array[], readonly Uint8Array[]> = {
  ...messageMethod(Peer.method.exchange),
  requestSerialize: encodeFrameBatch,
  requestDeserialize: decodeFrameBatch,
  responseSerialize: encodeFrameBatch,
  responseDeserialize: decodeFrameBatch,
};

/** The rpcs of the Peer service. It stands on the peer port alone, so not among `SERVICES`. */
export const PEER_METHODS = {
  exchange: EXCHANGE,
  members: messageMethod(Peer.method.members),
} as const;

/** Field 1 with a length. */
const FRAME_TAG = 0x0a;

function encodeFrameBatch(frames: readonly Uint8Array[]): Buffer {
  let size = 0;
  for (const { length } of frames) size += 1 + varintSize(length) + length;
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const frame of frames) {
    bytes[at++] = FRAME_TAG;
    let rest = frame.length;
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    bytes.set(frame, at);
    at += frame.length;
  }
  return bytes;
}

/** @throws WireError */
function decodeFrameBatch(bytes: Uint8Array): readonly Uint8Array[] {
  const reader = new WireReader(bytes);
  const frames: Uint8Array[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) reader.collectBytes(frames);
    else reader.skip();
  }
  return frames;
}

function varintSize(value: number): number {
  return value < 0x80 ? 1 : Math.ceil((32 - Math.clz32(value)) / 7);
}
