// Proves that integers come back as they were written, up to the largest, and that no bytes are
// read as anything but a safe integer.
import assert from 'node:assert/strict';
import { ByteReader, ByteWriter, CodecError } from '../../../src/kernel/codec/bytes.js';

describe('integers of variable length', () => {
  it('come back, in eight bytes at most', () => {
    for (let bits = 0; bits <= 53; bits++) {
      for (const value of [2 ** bits - 1, 2 ** Math.min(bits, 52)]) {
        const bytes = new ByteWriter().varint(value).finish();
        assert.ok(bytes.length <= 8);
        const reader = new ByteReader(bytes);
        assert.equal(reader.varint(), value);
        reader.end();
      }
    }
  });

  it('are refused when they are too large, or too long', () => {
    const full = (count: number, last: number): Uint8Array =>
      Uint8Array.of(...Array.from({ length: count }, () => 0xff), last);
    const blank = (count: number): Uint8Array =>
      Uint8Array.of(...Array.from({ length: count }, () => 0x80), 0);
    const odd = [full(7, 0x10), full(8, 0x01), blank(8), blank(9), blank(200)];
    for (const bytes of odd) assert.throws(() => new ByteReader(bytes).varint(), CodecError);
  });
});
