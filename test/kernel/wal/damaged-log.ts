// Small logs to be damaged, and what a restart says of them.
import assert from 'node:assert/strict';
import { WalCorruptError } from '../../../src/kernel/wal/wal-corrupt-error.js';
import type { WalContent } from '../../../src/kernel/wal/wal.js';
import type { SimDisk } from '../../../src/simulation/sim-disk.js';
import {
  contentOf,
  create,
  entryAt,
  lastSegmentOf,
  markAt,
  newDisk,
  stateAt,
} from './wal-fixture.js';

/** Content, or undefined when the log was refused; anything else than a clear refusal fails. */
export async function contentOrRefusal(disk: SimDisk): Promise<WalContent | undefined> {
  try {
    return await contentOf(disk);
  } catch (failure) {
    assert.ok(failure instanceof WalCorruptError, String(failure));
    assert.match(failure.message, /^the write-ahead log is damaged: wal\/.*, byte \d+: .+/);
    return undefined;
  }
}

/** A disk whose file has other bytes. */
export async function withContent(
  disk: SimDisk,
  path: string,
  bytes: Uint8Array,
): Promise<SimDisk> {
  const copy = disk.crash('lost');
  const file = await copy.open(path);
  await file.truncate(bytes.length);
  await file.writeDurably(bytes, 0);
  return copy;
}

/** A small log over three segments, as a crash leaves it: no note at its end that all is synced. */
export async function smallLog(): Promise<SimDisk> {
  const disk = newDisk();
  const wal = await create(disk, 512);
  await wal.append([entryAt(1, 1, 200)], stateAt(1, 0), true);
  await wal.append([entryAt(2, 1, 100), entryAt(3, 1, 0)], undefined, true);
  await wal.mark(markAt(1, 1));
  await wal.append([entryAt(4, 1, 100)], stateAt(1, 3), true);
  // Some sectors blank although they were written, and one with a single byte in it.
  const data = new Uint8Array(2000);
  data[1000] = 1;
  await wal.append([{ ...entryAt(5), data }], stateAt(1, 4), true);
  return disk.crash('lost');
}

/** The segment of a log with two small entries. */
export async function wholeLog(): Promise<Uint8Array> {
  const disk = newDisk();
  const wal = await create(disk, 8192);
  await wal.append([entryAt(1)], undefined, true);
  await wal.append([entryAt(2)], undefined, true);
  return disk.read(await lastSegmentOf(disk));
}
