import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/**
 * Looks at the first two pages of an LMDB file before lmdb does, because lmdb ends the process, by
 * a signal, over a file that is something else or was cut short. Says nothing about the pages
 * behind.
 */

const META_OFFSET = 24;
const MAGIC = 0xbeefc0de;
const PAGE_SIZE_OFFSET = 48;
const LAST_PAGE_OFFSET = 144;
const TRANSACTION_OFFSET = 152;
const HEAD_BYTES = 160;
const PAGE_BYTES_MIN = 256;
const PAGE_BYTES_MAX = 65_536;

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
  const first = readHead(descriptor, 0);
  const pageBytes = first?.getUint32(PAGE_SIZE_OFFSET, true) ?? 0;
  if (first === undefined || pageBytes < PAGE_BYTES_MIN || pageBytes > PAGE_BYTES_MAX) {
    throw new Error('its file is not one of LMDB');
  }
  const second = readHead(descriptor, pageBytes);
  if (second === undefined) throw new Error('its file is not one of LMDB');
  const newest =
    second.getBigUint64(TRANSACTION_OFFSET, true) > first.getBigUint64(TRANSACTION_OFFSET, true)
      ? second
      : first;
  const neededBytes = (newest.getBigUint64(LAST_PAGE_OFFSET, true) + 1n) * BigInt(pageBytes);
  if (BigInt(size) < neededBytes) {
    throw new Error(`its file has ${size} bytes, at least ${neededBytes} were written`);
  }
}

/** The head of a page that describes the whole file, or undefined when it is no such page. */
function readHead(descriptor: number, offset: number): DataView | undefined {
  const bytes = new Uint8Array(HEAD_BYTES);
  if (readSync(descriptor, bytes, 0, HEAD_BYTES, offset) < HEAD_BYTES) return undefined;
  const head = new DataView(bytes.buffer);
  return head.getUint32(META_OFFSET, true) === MAGIC ? head : undefined;
}
