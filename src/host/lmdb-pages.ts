import { readSync } from 'node:fs';

/**
 * The pages of an LMDB file as bytes, and the few structures that lie in them. It reads and never
 * writes; whether what it read makes sense is for who asked. Numbers are little-endian, as on every
 * machine that we run on.
 */

/** Where the fields of a page stand. The first eight bytes are its own number. */
const PAGE_TRANSACTION_AT = 8;
const PAGE_FLAGS_AT = 18;
const PAGE_LOWER_AT = 20;
export const PAGE_UPPER_AT = 22;
/** Places of nodes are counted from here, and the list of them begins here. */
export const PAGE_HEAD_BYTES = 24;

export const BRANCH_FLAG = 1;
export const LEAF_FLAG = 2;
export const OVERFLOW_FLAG = 4;

/** Stands for the root of an empty tree; no file has so many pages. */
export const NO_PAGE = 2 ** 53;
const EMPTY_TREE = 0xffff_ffff_ffff_ffffn;

/** The record of a tree: a bucket, the list of buckets, or the list of free pages. */
export interface LmdbTree {
  readonly flags: number;
  /** Levels of pages, leaves included. */
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  readonly entries: number;
  /** `NO_PAGE` for an empty tree. */
  readonly root: number;
}

export const TREE_BYTES = 48;

/** Reads the record of a tree. */
export function readTree(bytes: DataView, at: number): LmdbTree {
  const root = bytes.getBigUint64(at + 40, true);
  return {
    flags: bytes.getUint16(at + 4, true),
    depth: bytes.getUint16(at + 6, true),
    branchPages: readNumber(bytes, at + 8),
    leafPages: readNumber(bytes, at + 16),
    overflowPages: readNumber(bytes, at + 24),
    entries: readNumber(bytes, at + 32),
    root: root === EMPTY_TREE ? NO_PAGE : Number(root),
  };
}

/** 64 bits as a number; inexact above 2^53, where nothing makes sense anyway. */
export function readNumber(bytes: DataView, at: number): number {
  return bytes.getUint32(at, true) + bytes.getUint32(at + 4, true) * 0x1_0000_0000;
}

/** The head of a page in a buffer that holds it from `at` on. */
export interface PageHead {
  readonly number: number;
  readonly transaction: number;
  readonly flags: number;
  readonly lower: number;
  readonly upper: number;
  /** In place of the last two, of a value that has pages of its own: how many. */
  readonly pages: number;
}

export function readHead(bytes: DataView, at: number): PageHead {
  return {
    number: readNumber(bytes, at),
    transaction: readNumber(bytes, at + PAGE_TRANSACTION_AT),
    flags: bytes.getUint16(at + PAGE_FLAGS_AT, true),
    lower: bytes.getUint16(at + PAGE_LOWER_AT, true),
    upper: bytes.getUint16(at + PAGE_UPPER_AT, true),
    pages: bytes.getUint32(at + PAGE_LOWER_AT, true),
  };
}

/** An LMDB file, page by page. */
export class LmdbPages {
  readonly pageBytes: number;
  /** The highest page that was ever used. */
  readonly lastPage: number;
  /** The last transaction. */
  readonly transaction: number;
  readonly #descriptor: number;
  readonly #size: number;

  constructor(
    descriptor: number,
    size: number,
    facts: Readonly<Record<'pageBytes' | 'lastPage' | 'transaction', number>>,
  ) {
    this.#descriptor = descriptor;
    this.#size = size;
    this.pageBytes = facts.pageBytes;
    this.lastPage = facts.lastPage;
    this.transaction = facts.transaction;
  }

  /** Bytes of a file; undefined when it ends before. */
  static readBytes(descriptor: number, offset: number, length: number): DataView | undefined {
    const bytes = new Uint8Array(length);
    if (readSync(descriptor, bytes, 0, length, offset) < length) return undefined;
    return new DataView(bytes.buffer);
  }

  /**
   * Says that the file must hold `page`. It may end before its last page when that one is free.
   * @throws Error
   */
  mustHold(page: number): void {
    const neededBytes = (page + 1) * this.pageBytes;
    if (this.#size >= neededBytes) return;
    throw new Error(`its file has ${this.#size} bytes, at least ${neededBytes} were written`);
  }

  /** `count` pages from `page` on. */
  read(page: number, count: number): DataView {
    return this.#mustRead(page, count * this.pageBytes);
  }

  /** The first bytes of a page. */
  readHead(page: number): PageHead {
    return readHead(this.#mustRead(page, PAGE_HEAD_BYTES), 0);
  }

  /** Fills `target` from `page` on, as far as the file goes. */
  fill(target: Uint8Array, page: number, count: number): void {
    const offset = page * this.pageBytes;
    readSync(this.#descriptor, target, 0, count * this.pageBytes, offset);
  }

  #mustRead(page: number, length: number): DataView {
    const bytes = LmdbPages.readBytes(this.#descriptor, page * this.pageBytes, length);
    if (bytes === undefined) throw new Error(`its file ends in page ${page}`);
    return bytes;
  }
}
