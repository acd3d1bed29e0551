import { closeSync, fstatSync, openSync } from 'node:fs';
import { damagedFile } from './damaged-file.js';
import { LmdbPages, NO_PAGE, readTree, type LmdbTree } from './lmdb-pages.js';
import { LmdbWalk } from './lmdb-walk.js';

/**
 * Looks at an LMDB file before lmdb does, because lmdb believes every number that it finds: it ends
 * the process, by a signal, over a file that is something else, was cut short, or has a damaged
 * page that leads out of it. Judges the structure alone; what rows hold they say by their
 * checksums.
 */

const MAGIC = 0xbeefc0de;
const FORMAT_VERSION = 2;
const META_PAGE_FLAG = 8;
const PAGE_BYTES_MIN = 256;
const PAGE_BYTES_MAX = 65_536;
/** More address space than a process has. */
const MAP_BYTES_MAX = 2 ** 47;

/** Where the fields of a page stand that describes the whole file. */
const FLAGS_AT = 18;
const MAGIC_AT = 24;
const VERSION_AT = 28;
const ADDRESS_AT = 32;
const MAP_BYTES_AT = 40;
const FREE_TREE_AT = 48;
const MAIN_TREE_AT = 96;
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;
const HEAD_BYTES = 160;

/** What a file says of itself, as of one transaction. */
interface Meta {
  readonly pageBytes: number;
  readonly lastPage: number;
  readonly transaction: number;
  readonly freeTree: LmdbTree;
  readonly mainTree: LmdbTree;
}

/**
 * A missing or empty file is fine: lmdb makes a new one.
 * @throws Error that says what is wrong, in words that follow "cannot open …:"
 */
export function checkLmdbFile(path: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r+');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  try {
    const { size } = fstatSync(descriptor);
    if (size > 0) checkPages(descriptor, size);
  } finally {
    closeSync(descriptor);
  }
}

function checkPages(descriptor: number, size: number): void {
  const first = readMeta(descriptor, 0, 0);
  const second = readMeta(descriptor, first.pageBytes, 1);
  if (second.pageBytes !== first.pageBytes) throw damagedFile('it has pages of two sizes');
  checkOrder(first.transaction, second.transaction);
  const newest = second.transaction > first.transaction ? second : first;
  const pages = new LmdbPages(descriptor, size, newest);
  new LmdbWalk(pages).check(newest.mainTree, newest.freeTree);
}

/**
 * Transactions are numbered one by one, and the even ones are in the first page. A file without
 * any, or one that was just copied, has zeros there.
 */
function checkOrder(first: number, second: number): void {
  const placed = first % 2 === 0 && (second % 2 === 1 || second === 0);
  const follows = first === 0 || Math.abs(first - second) === 1;
  if (!placed || !follows) {
    throw damagedFile(
      `it has the transactions ${first} and ${second}, which do not follow each other`,
    );
  }
}

function readMeta(descriptor: number, offset: number, page: number): Meta {
  const head = LmdbPages.readBytes(descriptor, offset, HEAD_BYTES);
  const pageBytes = head?.getUint32(FREE_TREE_AT, true) ?? 0;
  if (
    head === undefined ||
    head.getUint32(MAGIC_AT, true) !== MAGIC ||
    pageBytes < PAGE_BYTES_MIN ||
    pageBytes > PAGE_BYTES_MAX ||
    (pageBytes & (pageBytes - 1)) !== 0
  ) {
    throw new Error('its file is not one of LMDB');
  }
  const version = head.getUint32(VERSION_AT, true);
  if (version !== FORMAT_VERSION) {
    throw new Error(`its file has version ${version} of LMDB's format, not ${FORMAT_VERSION}`);
  }
  const mapBytes = Number(head.getBigUint64(MAP_BYTES_AT, true));
  const lastPage = Number(head.getBigUint64(LAST_PAGE_AT, true));
  const isSound =
    head.getUint16(FLAGS_AT, true) === META_PAGE_FLAG &&
    Number(head.getBigUint64(0, true)) === page &&
    head.getBigUint64(ADDRESS_AT, true) === 0n &&
    mapBytes <= MAP_BYTES_MAX &&
    lastPage >= 1 &&
    lastPage < NO_PAGE;
  if (!isSound) throw damagedFile(`it has a page ${page} that does not describe it`);
  return {
    pageBytes,
    lastPage,
    transaction: Number(head.getBigUint64(TRANSACTION_AT, true)),
    freeTree: readTree(head, FREE_TREE_AT),
    mainTree: readTree(head, MAIN_TREE_AT),
  };
}
