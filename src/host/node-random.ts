import { randomFillSync, randomInt } from 'node:crypto';
import type { Random } from '../ports/random.js';

/** Asked of the system at once: a small piece costs as much as all of this. */
const POOL_BYTES = 4096;

const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;

/** Bytes that nobody gets twice; they are the pool's, and to be read before the next call. */
function take(byteCount: number): Buffer {
  if (byteCount > POOL_BYTES) return randomFillSync(Buffer.alloc(byteCount));
  if (used + byteCount > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  used += byteCount;
  return pool.subarray(used - byteCount, used);
}

/**
 * Unpredictable numbers from the operating system. There is no seed, so nothing can be repeated.
 */
export class NodeRandom implements Random {
  below(bound: number): number {
    return randomInt(bound);
  }

  int63(): bigint {
    for (;;) {
      const value = take(8).readBigUInt64LE() >> 1n;
      if (value !== 0n) return value;
    }
  }

  hex(byteCount: number): string {
    return take(byteCount).toString('hex');
  }

  /** A stream without a seed has nothing to share: every split is as random as this one. */
  split(_name: string): Random {
    return new NodeRandom();
  }
}
