// Proves that frames and what is inside them come back as they went out, and that anything else
// raises a CodecError and nothing worse.
import assert from 'node:assert/strict';
import { CodecError } from '../../../src/kernel/codec/bytes.js';
import {
  type Membership,
  readMembership,
  writeMembership,
} from '../../../src/kernel/codec/conf-change-codec.js';
import {
  readAnswer,
  readCall,
  readChallenge,
  readForward,
  readPledges,
  readRefused,
  readTaken,
  writeAnswer,
  writeCall,
  writeChallenge,
  writeForward,
  writePledges,
  writeRefused,
  writeTaken,
} from '../../../src/kernel/codec/peer-body.js';
import {
  FRAME_CHECKSUM_BYTES,
  FRAME_HEADER_BYTES,
  FrameWriter,
  readFrame,
} from '../../../src/kernel/codec/peer-frame.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { StoreError } from '../../../src/store/index.js';
import { testSeed } from '../../support/world.js';

const ORIGIN = {
  clusterId: 2n ** 64n - 1n,
  memberId: 5n,
  directoryNonce: 2n ** 63n,
  startNonce: 9n,
};
const BODY = Uint8Array.of(1, 2, 3);

const MEMBERSHIPS: readonly Membership[] = [
  {
    change: { steps: [{ kind: 'addLearner', id: 7n }], transition: 'simple' },
    members: {
      kind: 'add',
      member: { id: 7n, name: '', peerUrls: ['http://ä:1'], clientUrls: [], isLearner: true },
    },
    origin: { memberId: 1n, startNonce: 2n, sequence: 3 },
  },
  {
    change: {
      steps: [
        { kind: 'addVoter', id: 2n ** 64n - 1n },
        { kind: 'remove', id: 4n },
      ],
      transition: 'joint-auto',
    },
    members: { kind: 'remove', id: 4n },
    origin: { memberId: 0n, startNonce: 0n, sequence: 0 },
  },
  {
    change: { steps: [], transition: 'simple' },
    members: { kind: 'keepOnly', id: 4n },
    origin: { memberId: 1n, startNonce: 2n, sequence: 2 ** 40 },
  },
];

describe('frames between members', () => {
  it('say who speaks, to whom, and what', () => {
    const frame = new FrameWriter(ORIGIN).frame('call', 6n, BODY);
    assert.equal(frame.length, FRAME_HEADER_BYTES + BODY.length + FRAME_CHECKSUM_BYTES);
    assert.deepEqual(readFrame(frame), { kind: 'call', origin: ORIGIN, to: 6n, body: BODY });
  });

  it('of another version, or cut short, are refused', () => {
    const frame = new FrameWriter(ORIGIN).frame('raft', 6n, BODY);
    assert.throws(() => readFrame(frame.with(0, 3)), /version 3/);
    for (let length = 0; length < frame.length; length++) {
      assert.throws(() => readFrame(frame.subarray(0, length)), CodecError);
    }
  });

  it('of which any bit changed on its way are refused', () => {
    const frame = new FrameWriter(ORIGIN).frame('raft', 6n, BODY);
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const at = bit >> 3;
      const changed = frame.with(at, (frame[at] as number) ^ (1 << (bit & 7)));
      assert.throws(() => readFrame(changed), CodecError, `bit ${bit}`);
    }
  });

  it('carry their contents unchanged', () => {
    const forward = { term: 3, sequence: 2 ** 40, payload: BODY };
    assert.deepEqual(readForward(writeForward(forward)), forward);
    const taken = { term: 3, sequence: 0, startNonce: 2n ** 63n };
    assert.deepEqual(readTaken(writeTaken(taken)), taken);
    const pledges = [
      { id: 2n ** 64n - 1n, index: 2 ** 40, term: 7 },
      { id: 1n, index: 0, term: 0 },
    ];
    assert.deepEqual(readPledges(writePledges(pledges)), pledges);
    assert.throws(() => readPledges(writePledges(pledges).subarray(1)), CodecError);
    assert.throws(() => readPledges(Uint8Array.of(255, 255, 3)), CodecError);
    const call = { id: 12, name: 'näme', body: BODY };
    assert.deepEqual(readCall(writeCall(call)), call);
    const yes = { id: 1, startNonce: 4n, ok: true, body: BODY } as const;
    assert.deepEqual(readAnswer(writeAnswer(yes)), yes);
    const refused = { reason: 'amnesia', startNonce: 4n } as const;
    assert.deepEqual(readRefused(writeRefused(refused)), refused);
    const challenge = { startNonce: 1n, token: 2n };
    assert.deepEqual(readChallenge(writeChallenge(challenge)), challenge);
  });

  it('carry errors with their code, and take an unknown code for what it is', () => {
    const error = new StoreError('PeerUrlExists', 'said so');
    const answer = readAnswer(writeAnswer({ id: 1, startNonce: 4n, ok: false, error }));
    assert.ok(!answer.ok);
    assert.equal(answer.error.code, 'PeerUrlExists');
    assert.equal(answer.error.message, 'said so');
    const bytes = writeAnswer({ id: 1, startNonce: 4n, ok: false, error });
    const other = readAnswer(bytes.with(11, 0x51));
    assert.ok(!other.ok && other.error.code === 'Unknown');
  });
});

describe('config entries', () => {
  it('hold the change, what it means, and who asked', () => {
    for (const membership of MEMBERSHIPS) {
      assert.deepEqual(readMembership(writeMembership(membership)), membership);
    }
    assert.equal(readMembership(new Uint8Array(0)), undefined);
  });

  it('never raise anything but a CodecError', () => {
    const random = new SimRandom(testSeed());
    for (let round = 0; round < 3000; round++) {
      const source = MEMBERSHIPS[round % MEMBERSHIPS.length] as Membership;
      const bytes = writeMembership(source);
      const damaged = bytes.with(random.below(bytes.length), random.below(256));
      const cut = damaged.subarray(0, 1 + random.below(damaged.length));
      try {
        readMembership(cut);
      } catch (error) {
        assert.ok(error instanceof CodecError, String(error));
      }
    }
  });
});
