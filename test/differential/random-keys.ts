// Keys, range ends and values for random requests: few keys, so that requests collide, among them
// those at the edges of byte order.
import type { SimRandom } from '../../src/simulation/sim-random.js';

const KEYS: readonly (readonly number[])[] = [
  [0x61],
  [0x61, 0x00],
  [0x61, 0x62],
  [0x61, 0xff],
  [0x62],
  [0x62, 0x00, 0xff],
  [0x63],
  [0x7a],
  [0x00],
  [0x01],
  [0x80],
  [0xc3, 0x28],
  [0xff],
  [0xff, 0xff],
];

/** A key; now and then none. */
export function randomKey(random: SimRandom): Uint8Array {
  if (random.below(40) === 0) return new Uint8Array(0);
  return Uint8Array.from(KEYS[random.below(KEYS.length)] ?? []);
}

/** The end of a range: often none, often open, often before the start. */
export function randomRangeEnd(random: SimRandom): Uint8Array {
  switch (random.below(8)) {
    case 0:
    case 1:
      return new Uint8Array(0);
    case 2:
    case 3:
      return Uint8Array.of(0);
    case 4:
      return Uint8Array.of(random.below(256));
    default:
      return Uint8Array.from(KEYS[random.below(KEYS.length)] ?? []);
  }
}

/** Up to a handful of any bytes; now and then a lot of them. */
export function randomBytes(random: SimRandom): Uint8Array {
  const length = random.below(100) === 0 ? 1000 + random.below(5000) : random.below(5);
  return Uint8Array.from({ length }, () => random.below(256));
}
