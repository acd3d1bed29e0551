import { compareBytes } from '../../store/index.js';

/**
 * Half-open byte ranges, found by a point that they contain: a balanced (AVL) search tree ordered
 * by range, each node knowing the greatest end below it. It holds each range once; what belongs to
 * equal ranges shares the value. It looks only at byte order and knows nothing of watchers.
 */
export class IntervalTree<T> {
  #root: Node<T> | undefined;
  #size = 0;

  /** Different ranges in the tree. */
  get size(): number {
    return this.#size;
  }

  /** The value of exactly this range, made by `make` if it is new. `end` null: without end. */
  obtain(start: Uint8Array, end: Uint8Array | null, make: () => T): T {
    let node = this.#root;
    while (node !== undefined) {
      const order = compareRanges(start, end, node);
      if (order === 0) return node.value;
      node = order < 0 ? node.left : node.right;
    }
    const value = make();
    this.#root = insert(this.#root, newNode(start, end, value));
    this.#size++;
    return value;
  }

  /** Forgets exactly this range. A missing one is left alone. */
  delete(start: Uint8Array, end: Uint8Array | null): void {
    let node = this.#root;
    while (node !== undefined) {
      const order = compareRanges(start, end, node);
      if (order === 0) break;
      node = order < 0 ? node.left : node.right;
    }
    if (node === undefined) return;
    this.#root = remove(this.#root, start, end);
    this.#size--;
  }

  /**
   * Calls `visit` with the value of each range that contains `point`, in the order of the ranges.
   */
  visitContaining(point: Uint8Array, visit: (value: T) => void): void {
    visitContaining(this.#root, point, visit);
  }

  /** Calls `visit` with every value. */
  visitAll(visit: (value: T) => void): void {
    visitAll(this.#root, visit);
  }
}

interface Node<T> {
  readonly start: Uint8Array;
  readonly end: Uint8Array | null;
  readonly value: T;
  left: Node<T> | undefined;
  right: Node<T> | undefined;
  height: number;
  /** The greatest end in this subtree. */
  endMax: Uint8Array | null;
}

function newNode<T>(start: Uint8Array, end: Uint8Array | null, value: T): Node<T> {
  return { start, end, value, left: undefined, right: undefined, height: 1, endMax: end };
}

function compareEnds(a: Uint8Array | null, b: Uint8Array | null): number {
  if (a === null) return b === null ? 0 : 1;
  return b === null ? -1 : compareBytes(a, b);
}

function compareRanges<T>(start: Uint8Array, end: Uint8Array | null, node: Node<T>): number {
  return compareBytes(start, node.start) || compareEnds(end, node.end);
}

function refresh<T>(node: Node<T>): void {
  const { left, right } = node;
  node.height = Math.max(left?.height ?? 0, right?.height ?? 0) + 1;
  let endMax = node.end;
  if (left !== undefined && compareEnds(left.endMax, endMax) > 0) endMax = left.endMax;
  if (right !== undefined && compareEnds(right.endMax, endMax) > 0) endMax = right.endMax;
  node.endMax = endMax;
}

function lean<T>(node: Node<T>): number {
  return (node.left?.height ?? 0) - (node.right?.height ?? 0);
}

function rotateRight<T>(node: Node<T>, left: Node<T>): Node<T> {
  node.left = left.right;
  left.right = node;
  refresh(node);
  refresh(left);
  return left;
}

function rotateLeft<T>(node: Node<T>, right: Node<T>): Node<T> {
  node.right = right.left;
  right.left = node;
  refresh(node);
  refresh(right);
  return right;
}

/** The root of the subtree after one of its sides grew or shrank by one. */
function balance<T>(node: Node<T>): Node<T> {
  refresh(node);
  const { left, right } = node;
  const leaning = lean(node);
  if (leaning > 1 && left !== undefined) {
    if (lean(left) < 0 && left.right !== undefined) node.left = rotateLeft(left, left.right);
    return rotateRight(node, node.left as Node<T>);
  }
  if (leaning < -1 && right !== undefined) {
    if (lean(right) > 0 && right.left !== undefined) node.right = rotateRight(right, right.left);
    return rotateLeft(node, node.right as Node<T>);
  }
  return node;
}

function insert<T>(node: Node<T> | undefined, added: Node<T>): Node<T> {
  if (node === undefined) return added;
  if (compareRanges(added.start, added.end, node) < 0) node.left = insert(node.left, added);
  else node.right = insert(node.right, added);
  return balance(node);
}

function remove<T>(
  node: Node<T> | undefined,
  start: Uint8Array,
  end: Uint8Array | null,
): Node<T> | undefined {
  if (node === undefined) return undefined;
  const order = compareRanges(start, end, node);
  if (order < 0) node.left = remove(node.left, start, end);
  else if (order > 0) node.right = remove(node.right, start, end);
  else {
    if (node.left === undefined) return node.right;
    if (node.right === undefined) return node.left;
    let next = node.right;
    while (next.left !== undefined) next = next.left;
    next.right = remove(node.right, next.start, next.end);
    next.left = node.left;
    return balance(next);
  }
  return balance(node);
}

function visitContaining<T>(
  from: Node<T> | undefined,
  point: Uint8Array,
  visit: (value: T) => void,
): void {
  let node = from;
  while (node !== undefined) {
    if (node.endMax !== null && compareBytes(node.endMax, point) <= 0) return;
    visitContaining(node.left, point, visit);
    if (compareBytes(node.start, point) > 0) return;
    if (node.end === null || compareBytes(point, node.end) < 0) visit(node.value);
    node = node.right;
  }
}

function visitAll<T>(node: Node<T> | undefined, visit: (value: T) => void): void {
  if (node === undefined) return;
  visitAll(node.left, visit);
  visit(node.value);
  visitAll(node.right, visit);
}
