import { BRANCH_CHILDREN, IndexBranch, type IndexNode } from './index-branch.js';
import { IndexLeaf, type IndexRecord, LEAF_BYTES, LEAF_KEYS } from './index-leaf.js';

const NO_BOUND = new Uint8Array(0);

/** Children that each branch of an index begins with that is built at once: room to grow. */
const FILLED_CHILDREN = 64;

/**
 * Every key that has a row, in byte order: a B-tree in memory. Counts of live keys per subtree make
 * the size of any range cost O(log n). `seek` leaves `leaf` and `slot` at what it found; whoever
 * reads them moves on through `leaf.next`. Any insertion or removal makes a position worthless.
 */
export class OrderedIndex {
  /**
   * Where the last `seek` ended: the first key at or after the one asked for, or one past a leaf's
   * last.
   */
  leaf: IndexLeaf;
  slot = 0;
  #first: IndexLeaf;
  #root: IndexNode;
  #height = 0;
  #live = 0;
  #keys = 0;
  /** The branches on the way to `leaf`, by height, and which child was taken. */
  readonly #path: IndexBranch[] = [];
  readonly #taken: number[] = [];

  constructor() {
    this.#first = new IndexLeaf();
    this.leaf = this.#first;
    this.#root = this.#first;
  }

  /** The leaf with the lowest keys. */
  get first(): IndexLeaf {
    return this.#first;
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
      const branch = node as IndexBranch;
      const taken = branch.find(key, lowMatch < highMatch ? lowMatch : highMatch);
      // Between two bounds of the branch a key begins as all of them do.
      if (taken > 0 && taken + 1 < branch.children.length) {
        lowMatch = Math.max(lowMatch, branch.prefixLength);
        highMatch = Math.max(highMatch, branch.prefixLength);
      }
      this.#path[height] = branch;
      this.#taken[height] = taken;
      node = branch.children[taken] as IndexNode;
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
    if (leaf.count === LEAF_KEYS || (leaf.count > 1 && leaf.byteCount + key.length > LEAF_BYTES)) {
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
    if (leaf.count === 0 && leaf !== this.#first) {
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

  /** Takes over leaves in key order, none of them empty, as all of an index without a key. */
  fill(leaves: readonly IndexLeaf[]): void {
    const [first] = leaves;
    if (this.#keys > 0) throw new Error('an index that has keys was to be filled');
    if (first === undefined) return;
    let before: IndexLeaf | undefined;
    for (const leaf of leaves) {
      leaf.previous = before;
      if (before !== undefined) before.next = leaf;
      before = leaf;
      this.#keys += leaf.count;
      this.#live += leaf.live;
    }
    let level: Level = {
      nodes: leaves,
      bounds: leaves.map((leaf) => leaf.key(0)),
      live: leaves.map((leaf) => leaf.live),
    };
    for (; level.nodes.length > 1; this.#height++) level = branchesOver(level);
    this.#root = level.nodes[0] as IndexNode;
    this.#first = first;
    this.leaf = first;
    this.slot = 0;
  }

  #addLive(change: number): void {
    for (let height = this.#height; height > 0; height--) {
      const { live } = this.#path[height] as IndexBranch;
      const taken = this.#taken[height] as number;
      live[taken] = (live[taken] as number) + change;
    }
  }

  /**
   * Adds `child` to the right of the one taken at `height`, with the counts of both from now on.
   */
  #addChild(
    height: number,
    child: IndexNode,
    bound: Uint8Array,
    leftLive: number,
    childLive: number,
  ): void {
    if (height > this.#height) {
      this.#root = new IndexBranch([this.#root, child], [NO_BOUND, bound], [leftLive, childLive]);
      this.#height = height;
      return;
    }
    const parent = this.#path[height] as IndexBranch;
    const at = this.#taken[height] as number;
    parent.children.splice(at + 1, 0, child);
    parent.bounds.splice(at + 1, 0, bound);
    parent.live.splice(at, 1, leftLive, childLive);
    parent.boundsChanged();
    if (parent.children.length <= BRANCH_CHILDREN) {
      this.#recountAbove(height);
      return;
    }
    const last = at + 2 === parent.children.length;
    const half = last ? at + 1 : parent.children.length >>> 1;
    const right = new IndexBranch(
      parent.children.splice(half),
      parent.bounds.splice(half),
      parent.live.splice(half),
    );
    parent.boundsChanged();
    const rightBound = right.bounds[0] as Uint8Array;
    this.#addChild(height + 1, right, rightBound, parent.totalLive, right.totalLive);
  }

  #recountAbove(height: number): void {
    for (let above = height + 1; above <= this.#height; above++) {
      const below = this.#path[above - 1] as IndexBranch;
      const { live } = this.#path[above] as IndexBranch;
      live[this.#taken[above] as number] = below.totalLive;
    }
  }

  #removeChild(height: number): void {
    const parent = this.#path[height] as IndexBranch;
    const at = this.#taken[height] as number;
    parent.children.splice(at, 1);
    parent.bounds.splice(at, 1);
    parent.live.splice(at, 1);
    parent.boundsChanged();
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

/** Nodes of one height, in key order, with a lower bound and the live keys of each. */
interface Level {
  readonly nodes: readonly IndexNode[];
  readonly bounds: readonly Uint8Array[];
  readonly live: readonly number[];
}

/** The branches above the nodes of a level, which they share out evenly. */
function branchesOver({ nodes, bounds, live }: Level): Level {
  const count = Math.ceil(nodes.length / FILLED_CHILDREN);
  const above: { nodes: IndexBranch[]; bounds: Uint8Array[]; live: number[] } = {
    nodes: [],
    bounds: [],
    live: [],
  };
  for (let at = 0; at < count; at++) {
    const from = Math.floor((at * nodes.length) / count);
    const to = Math.floor(((at + 1) * nodes.length) / count);
    const branch = new IndexBranch(
      nodes.slice(from, to),
      bounds.slice(from, to),
      live.slice(from, to),
    );
    above.nodes.push(branch);
    above.bounds.push(bounds[from] as Uint8Array);
    above.live.push(branch.totalLive);
  }
  return above;
}
