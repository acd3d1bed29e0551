import { compareBytes } from '../../store/index.js';
import type { IndexLeaf } from './index-leaf.js';

export type IndexNode = IndexBranch | IndexLeaf;

/** Children of one branch. */
export const BRANCH_CHILDREN = 96;

/** Six bytes of `key` from `at` on as one number, zeros for those that are missing. */
function headOf(key: Uint8Array, at: number): number {
  const high = ((key[at] ?? 0) << 16) | ((key[at + 1] ?? 0) << 8) | (key[at + 2] ?? 0);
  const low = ((key[at + 3] ?? 0) << 16) | ((key[at + 4] ?? 0) << 8) | (key[at + 5] ?? 0);
  return high * 0x100_0000 + low;
}

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at++;
  return at;
}

/**
 * An inner node of the index: children in key order, and for each how many live keys are below it.
 * A search mostly compares numbers that lie side by side: of each bound the six bytes that follow
 * what all bounds of the branch begin with.
 */
export class IndexBranch {
  readonly children: IndexNode[];
  /**
   * A lower bound of the keys in each child, above all keys of the child before; the first is
   * unused.
   */
  readonly bounds: Uint8Array[];
  readonly live: number[];
  /** How many bytes all bounds have in common. */
  prefixLength = 0;
  readonly #heads = new Float64Array(BRANCH_CHILDREN + 1);

  constructor(children: IndexNode[], bounds: Uint8Array[], live: number[]) {
    this.children = children;
    this.bounds = bounds;
    this.live = live;
    this.boundsChanged();
  }

  get totalLive(): number {
    let total = 0;
    for (const count of this.live) total += count;
    return total;
  }

  /** To be called after every change of `bounds`. */
  boundsChanged(): void {
    const { bounds } = this;
    const first = bounds[1];
    const last = bounds.at(-1);
    if (first === undefined || last === undefined) {
      this.prefixLength = 0;
      return;
    }
    this.prefixLength = sharedLength(first, last);
    for (let at = 1; at < bounds.length; at++) {
      this.#heads[at] = headOf(bounds[at] as Uint8Array, this.prefixLength);
    }
  }

  /**
   * Which child holds `key` or would.
   * @param known how many bytes of `key` are known to equal those of every bound
   */
  find(key: Uint8Array, known: number): number {
    const { bounds, prefixLength } = this;
    let high = bounds.length - 1;
    if (high === 0) return 0;
    const first = bounds[1] as Uint8Array;
    for (let at = known; at < prefixLength; at++) {
      const order = (key[at] ?? -1) - (first[at] as number);
      if (order < 0) return 0;
      if (order > 0) return high;
    }
    const head = headOf(key, prefixLength);
    const heads = this.#heads;
    let low = 0;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const bound = heads[middle] as number;
      const isAbove =
        bound === head ? compareBytes(bounds[middle] as Uint8Array, key) > 0 : bound > head;
      if (isAbove) high = middle - 1;
      else low = middle;
    }
    return low;
  }
}
