// Proves that batches of frames are the protobuf of their description, whatever the sizes, and that
// hostile bytes come out as an error of this room.
import assert from 'node:assert/strict';
import { fromBinary } from '@bufbuild/protobuf';
import { FrameBatchSchema } from '../../src/wire/gen/tidelock/peer/v1/peer_pb.js';
import { PEER_METHODS } from '../../src/wire/peer.js';
import { WireError } from '../../src/wire/wire-error.js';

const { requestSerialize, requestDeserialize } = PEER_METHODS.exchange;

describe('PEER_METHODS', () => {
  it('writes and reads frames of every size of length', () => {
    const frames = [0, 1, 63, 64, 65, 127, 128, 16_383, 16_384, 2_097_152].map((size) =>
      new Uint8Array(size).fill(size % 251),
    );
    const bytes = requestSerialize(frames);
    assert.deepEqual(
      fromBinary(FrameBatchSchema, bytes).frames.map((frame) => Buffer.from(frame).toString('hex')),
      frames.map((frame) => Buffer.from(frame).toString('hex')),
    );
    const read = requestDeserialize(bytes);
    assert.equal(read.length, frames.length);
    read.forEach((frame, at) => assert.ok(Buffer.from(frame).equals(frames[at] as Uint8Array)));
    assert.deepEqual(requestDeserialize(requestSerialize([])), []);
  });

  it('skips what a newer member may add, and refuses what is cut', () => {
    const bytes = Buffer.concat([Buffer.from([0x10, 7]), requestSerialize([Buffer.from('abc')])]);
    assert.equal(Buffer.from(requestDeserialize(bytes)[0] ?? []).toString(), 'abc');
    for (const cut of [bytes.length - 1, 3]) {
      assert.throws(() => requestDeserialize(bytes.subarray(0, cut)), WireError);
    }
  });

  it('is called by its full name', () => {
    assert.equal(PEER_METHODS.exchange.path, '/tidelock.peer.v1.Peer/Exchange');
    assert.ok(PEER_METHODS.exchange.requestStream && PEER_METHODS.exchange.responseStream);
    assert.equal(PEER_METHODS.members.path, '/tidelock.peer.v1.Peer/Members');
  });
});
