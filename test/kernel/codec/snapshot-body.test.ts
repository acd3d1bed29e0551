// What members say to each other about a state image comes back as it was, and nothing that was cut
// short or changed is taken for it.
import assert from 'node:assert/strict';
import { CodecError } from '../../../src/kernel/codec/bytes.js';
import {
  decodeSnapshotBody,
  encodeSnapshotBody,
  type SnapshotBody,
} from '../../../src/kernel/codec/snapshot-body.js';

const imageId = 0x7fff_0000_1234_5678n;
const BODIES: readonly SnapshotBody[] = [
  { kind: 'offer', imageId, term: 12, index: 2 ** 40, revision: 3 },
  { kind: 'fetch', imageId, position: 2 ** 41, again: true },
  { kind: 'fetch', imageId, position: 0, again: false },
  { kind: 'piece', imageId, position: 7, isLast: false, bytes: Uint8Array.of(1, 2, 3) },
  { kind: 'piece', imageId, position: 7, isLast: true, bytes: new Uint8Array(0) },
  { kind: 'gone', imageId },
  { kind: 'done', imageId, ok: false },
];

describe('snapshot body', () => {
  it('comes back as it was', () => {
    for (const body of BODIES) {
      assert.deepEqual(decodeSnapshotBody(encodeSnapshotBody(body)), body);
    }
  });

  it('is refused when it was cut short, made longer or changed', () => {
    for (const body of BODIES) {
      const bytes = encodeSnapshotBody(body);
      for (let length = 0; length < bytes.length; length++) {
        assert.throws(() => decodeSnapshotBody(bytes.subarray(0, length)), CodecError);
      }
      assert.throws(() => decodeSnapshotBody(Uint8Array.of(...bytes, 0)), CodecError);
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const changed = bytes.slice();
        changed[bit >>> 3] = (changed[bit >>> 3] as number) ^ (1 << (bit & 7));
        assert.throws(() => decodeSnapshotBody(changed), CodecError);
      }
    }
  });
});
