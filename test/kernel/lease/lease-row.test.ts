// Proves that lease rows come back as they were written, sort by id, and that a row that was
// damaged or never written by this kernel is refused by name instead of becoming another lease.
import assert from 'node:assert/strict';
import { ByteWriter, CodecError } from '../../../src/kernel/codec/bytes.js';
import { crc32c } from '../../../src/kernel/codec/crc32c.js';
import {
  decodeLeaseRow,
  encodeLeaseKey,
  encodeLeaseRow,
} from '../../../src/kernel/lease/lease-row.js';
import { compareBytes, LIMITS } from '../../../src/store/index.js';

const ROW = {
  id: 0x1234_5678_9abc_def0n,
  ttlSeconds: 300,
  remainingTtlSeconds: 7,
  grantIndex: 300,
};

/** A row with a right checksum and any body. */
function forged(key: Uint8Array, body: Uint8Array): Uint8Array {
  return new ByteWriter()
    .raw(body)
    .u32(crc32c(body, crc32c(key)))
    .finish();
}

function refuses(key: Uint8Array, value: Uint8Array, message: RegExp): void {
  assert.throws(
    () => decodeLeaseRow(key, value),
    (error) => error instanceof CodecError && message.test(error.message),
  );
}

describe('lease rows', () => {
  it('come back as they were', () => {
    const rows = [
      ROW,
      { id: 1n, ttlSeconds: 1, remainingTtlSeconds: 0, grantIndex: 1 },
      {
        id: -5n,
        ttlSeconds: LIMITS.leaseTtlMaxSeconds,
        remainingTtlSeconds: 0,
        grantIndex: 2 ** 40,
      },
      { id: 2n ** 63n - 1n, ttlSeconds: 2, remainingTtlSeconds: 2, grantIndex: 0 },
    ];
    for (const row of rows) {
      assert.deepEqual(decodeLeaseRow(encodeLeaseKey(row.id), encodeLeaseRow(row)), row);
    }
  });

  it('have keys of eight bytes in the order of their ids', () => {
    assert.deepEqual(encodeLeaseKey(258n), Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 2));
    assert.ok(compareBytes(encodeLeaseKey(255n), encodeLeaseKey(256n)) < 0);
  });

  it('are refused after any single bit has flipped, in the key too', () => {
    const key = encodeLeaseKey(ROW.id);
    const value = encodeLeaseRow(ROW);
    for (const bytes of [key, value]) {
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const at = bit >> 3;
        bytes[at] = (bytes[at] as number) ^ (1 << (bit & 7));
        refuses(key, value, /^backend is corrupt: lease row [0-9a-f]{16}: .* replace this member/);
        bytes[at] = (bytes[at] as number) ^ (1 << (bit & 7));
      }
    }
    assert.deepEqual(decodeLeaseRow(key, value), ROW);
  });

  it('are refused when they are cut, too long, or of another version', () => {
    const key = encodeLeaseKey(ROW.id);
    const value = encodeLeaseRow(ROW);
    for (let length = 0; length < value.length; length++) {
      refuses(key, value.subarray(0, length), /too few|checksum/);
    }
    refuses(key.subarray(1), value, /key of 7 bytes/);
    refuses(key, forged(key, Uint8Array.of(2, 9, 0, 5, 0)), /1 bytes too many/);
    refuses(key, forged(key, Uint8Array.of(1, 9, 0)), /version 1/);
    refuses(key, forged(key, Uint8Array.of(2, 9)), /input ends/);
  });

  it('are refused when no lease can be so', () => {
    const key = encodeLeaseKey(ROW.id);
    const none = encodeLeaseKey(0n);
    refuses(none, forged(none, Uint8Array.of(2, 9, 0, 5)), /id 0/);
    refuses(key, forged(key, Uint8Array.of(2, 0, 0, 5)), /TTL of 0 s/);
    refuses(key, forged(key, Uint8Array.of(2, 9, 10, 5)), /10 s are left of 9 s/);
    const long = new ByteWriter()
      .u8(2)
      .varint(LIMITS.leaseTtlMaxSeconds + 1)
      .u8(0)
      .u8(5)
      .finish();
    refuses(key, forged(key, long), /TTL of 9000000001 s/);
  });
});
