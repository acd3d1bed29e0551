// Proves that chance from the system does not repeat itself, however it is asked for in pieces.
import assert from 'node:assert/strict';
import { NodeRandom } from '../../src/host/node-random.js';

describe('NodeRandom', () => {
  const random = new NodeRandom();

  it('gives as many bytes as were asked for, and none twice', () => {
    const seen = new Set<string>();
    for (let n = 0; n < 2000; n++) {
      const bytes = random.hex(16);
      assert.match(bytes, /^[0-9a-f]{32}$/);
      seen.add(bytes);
    }
    assert.equal(seen.size, 2000);
    assert.equal(random.hex(0), '');
    assert.equal(random.hex(5000).length, 10_000);
    assert.equal(new Set(random.hex(64).match(/.{16}/g)).size, 8);
  });

  it('does not give to one what it gave to another', () => {
    const other = random.split('other');
    assert.notEqual(other.hex(16), random.hex(16));
  });

  it('gives positive integers of 63 bits', () => {
    const seen = new Set<bigint>();
    for (let n = 0; n < 1000; n++) {
      const id = random.int63();
      assert.ok(id > 0n && id < 2n ** 63n);
      seen.add(id);
    }
    assert.equal(seen.size, 1000);
  });
});
