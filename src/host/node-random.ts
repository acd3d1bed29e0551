import { randomBytes, randomInt } from 'node:crypto';
import type { Random } from '../ports/random.js';

/**
 * Unpredictable numbers from the operating system. There is no seed, so nothing can be repeated.
 */
export class NodeRandom implements Random {
  below(bound: number): number {
    return randomInt(bound);
  }

  int63(): bigint {
    for (;;) {
      const value = randomBytes(8).readBigUInt64LE() >> 1n;
      if (value !== 0n) return value;
    }
  }

  hex(byteCount: number): string {
    return randomBytes(byteCount).toString('hex');
  }

  /** A stream without a seed has nothing to share: every split is as random as this one. */
  split(_name: string): Random {
    return new NodeRandom();
  }
}
