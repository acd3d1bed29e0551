/**
 * Proves that every kind of peer message survives its bytes unchanged, and that bytes which are not
 * one raise CodecError and nothing else, without work out of proportion to their length.
 */
import assert from 'node:assert/strict';
import { ByteWriter, CodecError } from '../../../src/kernel/codec/bytes.js';
import { decodePeerMessage, encodePeerMessage } from '../../../src/kernel/codec/peer-message.js';
import type { Message } from '../../../src/kernel/raft/messages.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';

const BIG = 2 ** 52;
const envelope = { from: 1n, to: 0xffff_ffff_ffff_fffen, term: 300 };
const MESSAGES: readonly Message[] = [
  {
    kind: 'vote',
    ...envelope,
    lastIndex: BIG,
    lastTerm: 299,
    force: true,
    commit: 9,
    commitTerm: 3,
  },
  {
    kind: 'preVote',
    ...envelope,
    lastIndex: 0,
    lastTerm: 0,
    force: false,
    commit: 0,
    commitTerm: 0,
  },
  { kind: 'voteResponse', ...envelope, granted: true, commit: BIG, commitTerm: 300 },
  { kind: 'preVoteResponse', ...envelope, granted: false, commit: 0, commitTerm: 0 },
  { kind: 'append', ...envelope, prevIndex: 5, prevTerm: 2, entries: [], commit: 4 },
  {
    kind: 'append',
    ...envelope,
    prevIndex: BIG,
    prevTerm: 2,
    entries: [
      { kind: 'normal', term: 2, index: BIG + 1, data: new Uint8Array(0) },
      { kind: 'config', term: 300, index: BIG + 2, data: new Uint8Array([0, 255, 128]) },
      { kind: 'normal', term: 300, index: BIG + 3, data: new Uint8Array(1000).fill(7) },
    ],
    commit: BIG,
  },
  { kind: 'appendAccepted', ...envelope, matchIndex: 127 },
  { kind: 'appendRejected', ...envelope, rejectedIndex: 128, hintIndex: 3, hintTerm: 2 },
  { kind: 'heartbeat', ...envelope, commit: 7, readRound: 0 },
  { kind: 'heartbeatResponse', ...envelope, readRound: 9 },
  { kind: 'readIndex', ...envelope, context: BIG },
  { kind: 'readIndexResponse', ...envelope, context: 1, index: 2 },
  {
    kind: 'snapshot',
    ...envelope,
    mark: {
      index: BIG,
      term: 299,
      confState: {
        voters: [1n, 2n],
        learners: [],
        votersOutgoing: [1n, 3n, 4n],
        learnersNext: [4n],
        autoLeave: true,
      },
    },
  },
  { kind: 'timeoutNow', ...envelope },
];

/** Decodes, or says that it cannot; anything but a CodecError fails the test. */
function attempt(bytes: Uint8Array): Message | undefined {
  try {
    return decodePeerMessage(bytes);
  } catch (error) {
    assert.ok(error instanceof CodecError, String(error));
    return undefined;
  }
}

describe('peer messages in bytes', () => {
  for (const message of MESSAGES) {
    it(`${message.kind} comes back as it went`, () => {
      assert.deepEqual(decodePeerMessage(encodePeerMessage(message)), message);
    });

    it(`${message.kind} cut short or with a tail is refused`, () => {
      const bytes = encodePeerMessage(message);
      for (let length = 0; length < bytes.length; length++) {
        assert.equal(attempt(bytes.subarray(0, length)), undefined, `${length} bytes`);
      }
      assert.equal(attempt(new Uint8Array([...bytes, 0])), undefined);
    });
  }

  it('does not copy the data of entries', () => {
    const bytes = encodePeerMessage(MESSAGES[5] as Message);
    const message = decodePeerMessage(bytes);
    assert.ok(message.kind === 'append');
    assert.equal(message.entries[2]?.data.buffer, bytes.buffer);
  });

  it('refuses other versions and unknown kinds', () => {
    const bytes = encodePeerMessage(MESSAGES[0] as Message);
    assert.throws(() => decodePeerMessage(bytes.with(0, 2)), /version 2/);
    assert.throws(() => decodePeerMessage(bytes.with(1, 13)), /kind 13/);
  });

  it('believes no count of entries that cannot be there', () => {
    const writer = new ByteWriter().u8(1).u8(4).u64(1n).u64(2n).varint(3);
    writer
      .varint(0)
      .varint(0)
      .varint(0)
      .varint(2 ** 50);
    assert.throws(() => decodePeerMessage(writer.finish()), /cannot be in/);
  });

  it('believes no count of ids that cannot be there', () => {
    const writer = new ByteWriter().u8(1).u8(11).u64(1n).u64(2n).varint(3);
    writer
      .varint(4)
      .varint(1)
      .bool(false)
      .varint(2 ** 40);
    assert.throws(() => decodePeerMessage(writer.finish()), /ids cannot be in/);
  });

  it('takes any flipped and any random bytes for a message or for garbage, never worse', () => {
    const seed = Number(process.env['TIDELOCK_SEED'] ?? 11);
    const random = new SimRandom(seed);
    for (let round = 0; round < 5000; round++) {
      const origin = encodePeerMessage(MESSAGES[random.below(MESSAGES.length)] as Message);
      const at = random.below(Math.min(origin.length, 40));
      const message = attempt(origin.with(at, random.below(256)));
      // What does decode has one meaning only.
      if (message !== undefined) {
        assert.deepEqual(attempt(encodePeerMessage(message)), message, `TIDELOCK_SEED=${seed}`);
      }
      const noise = Uint8Array.from({ length: 2 + random.below(60) }, () => random.below(256));
      attempt(noise.with(0, 1).with(1, random.below(13)));
    }
  });
});
