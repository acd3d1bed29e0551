import type { Random } from '../ports/random.js';

const MASK_64 = (1n << 64n) - 1n;
const GOLDEN_GAMMA = 0x9e3779b97f4a7c15n;
const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

/**
 * All the chance of a simulation, from one seed (the splitmix64 sequence). The same seed gives the
 * same numbers on every machine. A stream taken with `split` depends on the seed and on the name
 * alone, so drawing more numbers in one place never changes what another place sees. Not for
 * secrets.
 *
 * @example
 * const dice = new SimRandom(4711);
 * // The same two at every run.
 * console.log(dice.below(6) + 1, dice.below(6) + 1);
 */
export class SimRandom implements Random {
  readonly #seed: bigint;
  #state: bigint;

  /** @param seed - Any integer; numbers that differ give streams that differ. */
  constructor(seed: number | bigint) {
    this.#seed = mix(BigInt.asUintN(64, BigInt(seed)));
    this.#state = this.#seed;
  }

  below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 31) {
      throw new RangeError(`bound ${bound} is not an integer from 1 to 2^31`);
    }
    // Scaling 32 bits to a bound of at most 31 keeps the bias far below what a test could see.
    return Number(((this.#next() >> 32n) * BigInt(bound)) >> 32n);
  }

  int63(): bigint {
    for (;;) {
      const value = this.#next() >> 1n;
      if (value !== 0n) return value;
    }
  }

  hex(byteCount: number): string {
    let text = '';
    while (text.length < byteCount * 2) text += this.#next().toString(16).padStart(16, '0');
    return text.slice(0, byteCount * 2);
  }

  split(name: string): SimRandom {
    return new SimRandom(this.#seed ^ hashText(name));
  }

  #next(): bigint {
    this.#state = (this.#state + GOLDEN_GAMMA) & MASK_64;
    return mix(this.#state);
  }
}

/** The finaliser of splitmix64: every input bit reaches every output bit. */
function mix(input: bigint): bigint {
  let z = input;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK_64;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK_64;
  return z ^ (z >> 31n);
}

/** FNV-1a over the UTF-16 units of a name. */
function hashText(text: string): bigint {
  let hash = FNV_OFFSET;
  for (let i = 0; i < text.length; i++) {
    hash = ((hash ^ BigInt(text.charCodeAt(i))) * FNV_PRIME) & MASK_64;
  }
  return hash;
}
