// Proves that a seed fixes every number, that a split depends on seed and name only, and that the
// numbers stay in their ranges and use all of them.
import assert from 'node:assert/strict';
import { SimRandom } from '../../src/simulation/sim-random.js';

describe('SimRandom', () => {
  it('repeats itself for a seed and differs between seeds', () => {
    const draw = (seed: number): string => {
      const random = new SimRandom(seed);
      return `${random.hex(16)} ${random.int63()} ${random.below(1000)}`;
    };
    assert.equal(draw(7), draw(7));
    assert.notEqual(draw(7), draw(8));
    assert.notEqual(draw(0), draw(-1));
  });

  it('splits by seed and name, whatever was drawn before', () => {
    const early = new SimRandom(7).split('disk').hex(8);
    const busy = new SimRandom(7);
    for (let i = 0; i < 50; i++) busy.below(10);
    assert.equal(busy.split('disk').hex(8), early);
    assert.notEqual(busy.split('network').hex(8), early);
    assert.notEqual(new SimRandom(8).split('disk').hex(8), early);
    assert.notEqual(
      new SimRandom(7).split('a').split('b').hex(8),
      new SimRandom(7).split('b').hex(8),
    );
  });

  it('draws every value below the bound about equally often, and refuses bad bounds', () => {
    const random = new SimRandom(1);
    const counts = [0, 0, 0, 0, 0];
    for (let i = 0; i < 5000; i++) {
      const value = random.below(5);
      counts[value] = (counts[value] ?? 0) + 1;
    }
    assert.equal(counts.length, 5);
    for (const count of counts) assert.ok(count > 850 && count < 1150, counts.join(' '));
    assert.equal(random.below(1), 0);
    assert.ok(random.below(2 ** 31) < 2 ** 31);
    for (const bad of [0, -1, 1.5, 2 ** 31 + 1]) assert.throws(() => random.below(bad), RangeError);
  });

  it('gives positive 63-bit integers and hexadecimal of the asked length', () => {
    const random = new SimRandom(3);
    for (let i = 0; i < 1000; i++) {
      const id = random.int63();
      assert.ok(id > 0n && id < 2n ** 63n);
    }
    assert.match(random.hex(1), /^[0-9a-f]{2}$/);
    assert.match(random.hex(20), /^[0-9a-f]{40}$/);
    assert.equal(random.hex(0), '');
  });
});
