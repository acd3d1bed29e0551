/**
 * Where a test that says nothing about durability puts its servers' data: in memory if the machine
 * has such a folder, because there a sync costs nothing, else where temporary files go.
 */
import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';

const MEMORY_FOLDER = '/dev/shm';

export function scratchFolder(): string {
  try {
    accessSync(MEMORY_FOLDER, constants.W_OK);
    return MEMORY_FOLDER;
  } catch {
    return tmpdir();
  }
}
