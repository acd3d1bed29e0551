import { IndexLeaf, type IndexRecord, LEAF_BYTES, LEAF_KEYS } from './index-leaf.js';

const BRANCH_CHILDREN = 96;

type IndexNode = IndexBranch | IndexLeaf;

/** An inner node: children in key order, and for each how many live keys are below it. */
interface IndexBranch {
  readonly children: IndexNode[];
  /** A lower bound of the keys in each child, above all keys of the child before; the first is unused. */
  readonly bounds: Uint8Array[];
  readonly live: number[];
}

const NO_BOUND = new Uint8Array(0);

/**
 * Every key that has a row, in byte order: a B-tree in memory. Counts of live keys per subtree make
 * the size of any range cost O(log n). `seek` leaves `leaf` and `slot` at what it found; whoever reads
 * them moves on through `leaf.next`. Any insertion or removal makes a position worthless.
 */
export class OrderedIndex {
  /** Where the last `seek` ended: the first key at or after the one asked for, or one past a leaf's last. */
  leaf: IndexLeaf;
  slot = 0;
  readonly first: IndexLeaf;
  #root: IndexNode;
  #height = 0;
  #live = 0;
  #keys = 0;
  /** The branches on the way to `leaf`, by height, and which child was taken. */
  readonly #path: IndexBranch[] = [];
  readonly #taken: number[] = [];

  constructor() {
    this.first = new IndexLeaf();
    this.leaf = this.first;
    this.#root = this.first;
  }

  /** Keys that are not deleted. */
  get liveCount(): number {
    return this.#live;
  }

  /** Keys that have a row, deleted ones included. */
  get keyCount(): number {
    return this.#keys;
  }

  /** Finds the place of `key`. @returns whether it is there */
  seek(key: Uint8Array): boolean {
    let node = this.#root;
    let lowMatch = 0;
    let highMatch = 0;
    for (let height = this.#height; height > 0; height--) {
      const { bounds, children } = node as IndexBranch;
      let low = 0;
      let high = children.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >>> 1;
        const bound = bounds[middle] as Uint8Array;
        const shared = bound.length < key.length ? bound.length : key.length;
        let at = lowMatch < highMatch ? lowMatch : highMatch;
        while (at < shared && bound[at] === key[at]) at++;
        const order =
          at < shared ? (bound[at] as number) - (key[at] as number) : bound.length - key.length;
        if (order <= 0) {
          low = middle;
          lowMatch = at;
        } else {
          high = middle - 1;
          highMatch = at;
        }
      }
      this.#path[height] = node as IndexBranch;
      this.#taken[height] = low;
      node = children[low] as IndexNode;
    }
    this.leaf = node as IndexLeaf;
    const place = this.leaf.search(key, lowMatch, highMatch);
    this.slot = place >>> 1;
    return (place & 1) === 1;
  }

  /** How many live keys come before `key`. Seeks it. */
  rank(key: Uint8Array): number {
    this.seek(key);
    let before = this.leaf.liveBefore(this.slot);
    for (let height = this.#height; height > 0; height--) {
      const { live } = this.#path[height] as IndexBranch;
      const taken = this.#taken[height] as number;
      for (let at = 0; at < taken; at++) before += live[at] as number;
    }
    return before;
  }

  /** Adds `key`, for which a `seek` has just failed. */
  insert(key: Uint8Array, record: IndexRecord): void {
    const { leaf, slot } = this;
    if (
      leaf.count === LEAF_KEYS ||
      (leaf.count > 1 && leaf.byteCount + key.length > LEAF_BYTES)
    ) {
      // Keys that arrive in order leave full leaves behind, others halves.
      const at = slot === leaf.count ? slot : leaf.count >>> 1;
      const right = leaf.split(at);
      if (slot >= at) right.insert(slot - at, key, record);
      else leaf.insert(slot, key, record);
      this.#addChild(1, right, right.key(0), leaf.live, right.live);
    } else {
      leaf.insert(slot, key, record);
      if (record.place % 2 === 0) this.#addLive(1);
    }
    this.#keys++;
    if (record.place % 2 === 0) this.#live++;
  }

  /** Gives the key that was just found by `seek` a newer revision. */
  supersede(record: IndexRecord): void {
    const change = this.leaf.supersede(this.slot, record);
    if (change === 0) return;
    this.#live += change;
    this.#addLive(change);
  }

  /** Removes a deleted key with all that is known of it. */
  remove(key: Uint8Array): void {
    if (!this.seek(key)) throw new Error('a key to be removed from the index is not there');
    const { leaf, slot } = this;
    if (leaf.isLive(slot)) throw new Error('a live key was to be removed from the index');
    leaf.remove(slot);
    this.#keys--;
    if (this.#height === 0) return;
    const parent = this.#path[1] as IndexBranch;
    const at = this.#taken[1] as number;
    if (leaf.count === 0 && leaf !== this.first) {
      leaf.unlink();
      this.#removeChild(1);
    } else if (leaf.count < LEAF_KEYS / 4) {
      if (!this.#merge(parent, at)) this.#merge(parent, at - 1);
    }
  }

  /** Puts the child after `at` into the child at `at`, if both have the same parent and fit. */
  #merge(parent: IndexBranch, at: number): boolean {
    if (at < 0 || at + 1 >= parent.children.length) return false;
    const left = parent.children[at] as IndexLeaf;
    const right = parent.children[at + 1] as IndexLeaf;
    if (left.count + right.count > (LEAF_KEYS * 3) / 4) return false;
    if (left.byteCount + right.byteCount > LEAF_BYTES) return false;
    left.absorbNext(right);
    parent.live[at] = left.live;
    this.#taken[1] = at + 1;
    this.#removeChild(1);
    return true;
  }

  #addLive(change: number): void {
    for (let height = this.#height; height > 0; height--) {
      const { live } = this.#path[height] as IndexBranch;
      const taken = this.#taken[height] as number;
      live[taken] = (live[taken] as number) + change;
    }
  }

  /** Adds `child` to the right of the one taken at `height`, with the counts of both from now on. */
  #addChild(
    height: number,
    child: IndexNode,
    bound: Uint8Array,
    leftLive: number,
    childLive: number,
  ): void {
    if (height > this.#height) {
      this.#root = {
        children: [this.#root, child],
        bounds: [NO_BOUND, bound],
        live: [leftLive, childLive],
      };
      this.#height = height;
      return;
    }
    const parent = this.#path[height] as IndexBranch;
    const at = this.#taken[height] as number;
    parent.children.splice(at + 1, 0, child);
    parent.bounds.splice(at + 1, 0, bound);
    parent.live.splice(at, 1, leftLive, childLive);
    if (parent.children.length <= BRANCH_CHILDREN) {
      this.#recountAbove(height);
      return;
    }
    const last = at + 2 === parent.children.length;
    const half = last ? at + 1 : parent.children.length >>> 1;
    const right: IndexBranch = {
      children: parent.children.splice(half),
      bounds: parent.bounds.splice(half),
      live: parent.live.splice(half),
    };
    const rightBound = right.bounds[0] as Uint8Array;
    this.#addChild(height + 1, right, rightBound, sum(parent.live), sum(right.live));
  }

  #recountAbove(height: number): void {
    for (let above = height + 1; above <= this.#height; above++) {
      const below = this.#path[above - 1] as IndexBranch;
      const { live } = this.#path[above] as IndexBranch;
      live[this.#taken[above] as number] = sum(below.live);
    }
  }

  #removeChild(height: number): void {
    const parent = this.#path[height] as IndexBranch;
    const at = this.#taken[height] as number;
    parent.children.splice(at, 1);
    parent.bounds.splice(at, 1);
    parent.live.splice(at, 1);
    if (parent.children.length === 0) {
      this.#removeChild(height + 1);
      return;
    }
    while (this.#height > 0 && (this.#root as IndexBranch).children.length === 1) {
      this.#root = (this.#root as IndexBranch).children[0] as IndexNode;
      this.#height--;
    }
  }
}

function sum(numbers: readonly number[]): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
