import { damagedFile } from './damaged-file.js';
import {
  BRANCH_FLAG,
  LEAF_FLAG,
  type LmdbPages,
  type LmdbTree,
  NO_PAGE,
  OVERFLOW_FLAG,
  PAGE_HEAD_BYTES,
  PAGE_UPPER_AT,
  readHead,
  readNumber,
  readTree,
  TREE_BYTES,
} from './lmdb-pages.js';

/**
 * Goes through all pages of an LMDB file that its trees lead to, and says what is wrong with the
 * first that lmdb could not walk through safely: a number that leads out of the file or out of a
 * page, a page of another kind or with two owners, a tree that is not what its record says, a page
 * that is in use and free. From the roots down it reads branch pages; the leaves, nearly all of the
 * file, it reads at the end, in the order of the file.
 */

const DEPTH_MAX = 31;
const FIRST_PAGE = 2;
const NODE_HEAD_BYTES = 8;
const KEY_BYTES_MAX = 1024;
const READ_TOGETHER_PAGES = 256;
/** Flags of a node. */
const OWN_PAGES = 1;
const IS_TREE = 2;
const OWN_PAGES_BYTES = 24;
/**
 * Flags of a tree that say what its keys are: numbers for the free pages alone, otherwise bytes.
 */
const KEY_FLAGS = 0x7e;
const NUMBER_KEYS = 8;
/** Owners of pages, from here on the places of the trees. */
const UNUSED = 0;
const USED = 1;
const FIRST_TREE = 2;
const TREES_MAX = 200;

interface Counted {
  readonly name: string;
  readonly record: LmdbTree;
  readonly kind: 'free' | 'main' | 'rows';
  branchPages: number;
  leafPages: number;
  overflowPages: number;
  entries: number;
}

/** A leaf in a buffer, and where its parts are. */
interface Leaf {
  readonly bytes: DataView;
  readonly at: number;
  readonly page: number;
  readonly tree: Counted;
}

export class LmdbWalk {
  readonly #pages: LmdbPages;
  readonly #owners: Uint8Array;
  readonly #trees: Counted[] = [];

  constructor(pages: LmdbPages) {
    this.#pages = pages;
    this.#owners = new Uint8Array(pages.lastPage + 1);
  }

  /** @throws Error that says what is wrong */
  check(main: LmdbTree, free: LmdbTree): void {
    // The leaves of the main tree name the other trees.
    this.#walk('main', 'the list of buckets', main);
    this.#readLeaves();
    this.#walk('free', 'the list of free pages', free);
    this.#readLeaves();
    for (const tree of this.#trees) checkCounts(tree);
  }

  #walk(kind: Counted['kind'], name: string, record: LmdbTree): void {
    const tree: Counted = {
      ...{ name, record, kind },
      ...{ branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 },
    };
    const flags = kind === 'free' ? NUMBER_KEYS : 0;
    if ((record.flags & KEY_FLAGS) !== flags)
      throw damagedFile(`${name} has flags ${record.flags}`);
    this.#trees.push(tree);
    if (this.#trees.length > TREES_MAX)
      throw damagedFile('there are more buckets than were ever made');
    if (record.root === NO_PAGE) return;
    if (record.depth < 1 || record.depth > DEPTH_MAX) {
      throw damagedFile(`${name} has ${record.depth} levels`);
    }
    this.#descend(tree, record.root, record.depth);
  }

  #descend(tree: Counted, page: number, levels: number): void {
    if (levels === 1) {
      this.#own(page, 1, FIRST_TREE + this.#trees.length - 1, tree);
      tree.leafPages++;
      return;
    }
    this.#own(page, 1, USED, tree);
    tree.branchPages++;
    const bytes = this.#pages.read(page, 1);
    const count = this.#checkHead(bytes, 0, page, BRANCH_FLAG);
    if (count < 2) throw damagedFile(`page ${page} leads to ${count} others`);
    for (let index = 0; index < count; index++) {
      const node = this.#node(bytes, 0, page, index);
      const keyEnd = node + NODE_HEAD_BYTES + bytes.getUint16(node + 6, true);
      if (keyEnd > this.#pages.pageBytes)
        throw damagedFile(`page ${page} has a key beyond its end`);
      const low = bytes.getUint32(node, true);
      this.#descend(tree, bytes.getUint16(node + 4, true) * 0x1_0000_0000 + low, levels - 1);
    }
  }

  /** Reads the leaves of all trees that were walked and not read. */
  #readLeaves(): void {
    const { pageBytes, lastPage } = this.#pages;
    const buffer = new Uint8Array(READ_TOGETHER_PAGES * pageBytes);
    const bytes = new DataView(buffer.buffer);
    for (;;) {
      const treesBefore = this.#trees.length;
      for (let from = 0; from <= lastPage; from += READ_TOGETHER_PAGES) {
        const count = Math.min(READ_TOGETHER_PAGES, lastPage + 1 - from);
        const owners = this.#owners.subarray(from, from + count);
        if (!owners.some((owner) => owner >= FIRST_TREE)) continue;
        this.#pages.fill(buffer, from, count);
        for (let index = 0; index < count; index++) {
          const owner = owners[index] as number;
          if (owner < FIRST_TREE) continue;
          owners[index] = USED;
          const tree = this.#trees[owner - FIRST_TREE] as Counted;
          this.#readLeaf({ bytes, at: index * pageBytes, page: from + index, tree });
        }
      }
      if (this.#trees.length === treesBefore) return;
    }
  }

  #readLeaf(leaf: Leaf): void {
    const { bytes, at, page, tree } = leaf;
    const { pageBytes } = this.#pages;
    const count = this.#checkHead(bytes, at, page, LEAF_FLAG);
    if (count < 1) throw damagedFile(`page ${page} is empty`);
    tree.entries += count;
    for (let index = 0; index < count; index++) {
      const node = this.#node(bytes, at, page, index);
      const flags = bytes.getUint16(node + 4, true);
      const keyBytes = bytes.getUint16(node + 6, true);
      const size = bytes.getUint32(node, true);
      const data = node + NODE_HEAD_BYTES + keyBytes;
      const inPage = flags === OWN_PAGES ? OWN_PAGES_BYTES : size;
      if (keyBytes > KEY_BYTES_MAX || data + inPage > at + pageBytes) {
        throw damagedFile(`page ${page} has a row beyond its end`);
      }
      if (flags !== 0 || tree.kind === 'free') this.#readSpecial(leaf, flags, data, size);
    }
  }

  /** What is not a row within its page. */
  #readSpecial(leaf: Leaf, flags: number, data: number, size: number): void {
    const { bytes, page, tree } = leaf;
    if (flags === IS_TREE && tree.kind === 'main' && size === TREE_BYTES) {
      this.#walk('rows', `a bucket (page ${page})`, readTree(bytes, data));
      return;
    }
    if (flags !== OWN_PAGES && flags !== 0) throw damagedFile(`page ${page} has a row of no kind`);
    if (flags === OWN_PAGES) this.#ownOverflow(tree, bytes, data, size);
    if (tree.kind !== 'free') return;
    if (flags === 0) this.#checkFree(bytes, data, size, page);
    else {
      const first = readNumber(bytes, data);
      const value = this.#pages.read(first, readNumber(bytes, data + 16));
      this.#checkFree(value, PAGE_HEAD_BYTES, size, first);
    }
  }

  /** A value with pages of its own: which, and how many. */
  #ownOverflow(tree: Counted, bytes: DataView, data: number, size: number): void {
    const first = readNumber(bytes, data);
    const count = readNumber(bytes, data + 16);
    const needed = Math.ceil((PAGE_HEAD_BYTES + size) / this.#pages.pageBytes);
    if (count !== needed) throw damagedFile(`a value of ${size} bytes has ${count} pages`);
    this.#own(first, count, USED, tree);
    tree.overflowPages += count;
    const head = this.#pages.readHead(first);
    if (head.number !== first || head.flags !== OVERFLOW_FLAG || head.pages !== count) {
      throw damagedFile(`page ${first} is not the beginning of a value`);
    }
  }

  /** A list of free pages: a count, then single pages, and runs as a negative length and a page. */
  #checkFree(bytes: DataView, at: number, size: number, page: number): void {
    const count = size < 8 ? 0 : readNumber(bytes, at);
    if (size % 8 !== 0 || (count + 1) * 8 > size) {
      throw damagedFile(`page ${page} has a list of free pages that is longer than itself`);
    }
    for (let index = 1; index <= count; index++) {
      const entry = Number(bytes.getBigInt64(at + index * 8, true));
      if (entry === 0) continue;
      const length = entry < 0 ? -entry : 1;
      if (entry < 0) index++;
      const first = entry < 0 && index <= count ? readNumber(bytes, at + index * 8) : entry;
      // A run that was used up keeps its place.
      if (first === 0) continue;
      if (first < FIRST_PAGE || first + length - 1 > this.#pages.lastPage) {
        throw damagedFile(`free pages ${first} and on are not in the file`);
      }
      if (this.#owners.subarray(first, first + length).some((owner) => owner !== UNUSED)) {
        throw damagedFile(`pages from ${first} on are free and in use`);
      }
    }
  }

  #own(first: number, count: number, owner: number, tree: Counted): void {
    if (first < FIRST_PAGE || first + count - 1 > this.#pages.lastPage) {
      throw damagedFile(`${tree.name} leads to page ${first}, which is not in the file`);
    }
    this.#pages.mustHold(first + count - 1);
    for (let page = first; page < first + count; page++) {
      if (this.#owners[page] !== UNUSED) throw damagedFile(`two ways lead to page ${page}`);
      this.#owners[page] = owner;
    }
  }

  /** @returns the number of nodes */
  #checkHead(bytes: DataView, at: number, page: number, flags: number): number {
    const head = readHead(bytes, at);
    const room = this.#pages.pageBytes - PAGE_HEAD_BYTES;
    const isSound =
      head.number === page &&
      head.transaction <= this.#pages.transaction &&
      head.flags === flags &&
      head.lower % 2 === 0 &&
      head.lower <= head.upper &&
      head.upper <= room;
    if (!isSound) throw damagedFile(`page ${page} has no sound head`);
    return head.lower / 2;
  }

  /** Where a node begins whose head is in its page. */
  #node(bytes: DataView, at: number, page: number, index: number): number {
    const { pageBytes } = this.#pages;
    const place = bytes.getUint16(at + PAGE_HEAD_BYTES + index * 2, true);
    const end = PAGE_HEAD_BYTES + place + NODE_HEAD_BYTES;
    const upper = bytes.getUint16(at + PAGE_UPPER_AT, true);
    if (place < upper || end > pageBytes) throw damagedFile(`page ${page} has a node out of place`);
    return at + PAGE_HEAD_BYTES + place;
  }
}

function checkCounts(tree: Counted): void {
  const { record, name } = tree;
  for (const field of ['branchPages', 'leafPages', 'overflowPages', 'entries'] as const) {
    if (record[field] !== tree[field]) {
      throw damagedFile(`${name} has ${tree[field]} ${field}, and says ${record[field]}`);
    }
  }
}
