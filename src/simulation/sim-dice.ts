import type { Random } from '../ports/random.js';

/**
 * Quick chance for what is drawn thousands of times a simulated second, such as latencies: sfc32,
 * seeded by another Random. It has no streams of its own; not for secrets.
 */
export class SimDice {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(random: Random) {
    this.#a = random.below(2 ** 31);
    this.#b = random.below(2 ** 31);
    this.#c = random.below(2 ** 31);
    for (let i = 0; i < 12; i++) this.#next();
  }

  /** An integer in [0, bound). `bound` is between 1 and 2^31. */
  below(bound: number): number {
    return Math.floor((this.#next() / 2 ** 32) * bound);
  }

  /** A number in [low, high), in steps fine enough that two draws are seldom equal. */
  between(low: number, high: number): number {
    return low + ((high - low) * this.#next()) / 2 ** 32;
  }

  /** True `perMille` times of a thousand. */
  chance(perMille: number): boolean {
    return perMille > 0 && this.below(1000) < perMille;
  }

  /** One of several. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}
