// Proves that the checksum is CRC-32C whatever the length, that parts continue each other, and that
// the way in which long inputs are read gives what one bit after the other gives.
import assert from 'node:assert/strict';
import { crc32c } from '../../../src/kernel/codec/crc32c.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';

const seed = Number(process.env['TIDELOCK_SEED'] ?? 1);

function bitByBit(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

describe('crc32c', () => {
  it('gives the check value of the standard', () => {
    assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe3069283);
    assert.equal(crc32c(new Uint8Array(0)), 0);
  });

  it('gives the same for any length, place and division into parts', () => {
    const random = new SimRandom(seed);
    const memory = Uint8Array.from({ length: 20_000 }, () => random.below(256));
    for (let round = 0; round < 200; round++) {
      // A view that begins anywhere, and a part of it.
      const bytes = memory.subarray(random.below(100));
      const start = random.below(100);
      const length = random.below(round % 2 === 0 ? 100 : 15_000);
      const end = start + length;
      const middle = start + random.below(length + 1);
      const expected = bitByBit(bytes.subarray(start, end));
      const message = `TIDELOCK_SEED=${seed} round ${round}: ${length} bytes`;
      assert.equal(crc32c(bytes, 0, start, end), expected, message);
      const first = crc32c(bytes, 0, start, middle);
      assert.equal(crc32c(bytes, first, middle, end), expected, `${message} in parts`);
    }
  });
});
