/**
 * Where a test that says nothing about durability puts its servers' data: in memory if the machine
 * has such a folder, and room in it, because there a sync costs nothing, else where temporary files
 * go.
 */
import { accessSync, constants, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const MEMORY_FOLDER = '/dev/shm';
/** Members whose disk is nearly full take no writes. */
const ROOM_BYTES = 2 ** 31;

export function scratchFolder(): string {
  try {
    accessSync(MEMORY_FOLDER, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY_FOLDER);
    return bavail * bsize >= ROOM_BYTES ? MEMORY_FOLDER : tmpdir();
  } catch {
    return tmpdir();
  }
}
