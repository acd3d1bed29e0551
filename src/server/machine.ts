import { join } from 'node:path';
import { DataDirectory } from '../host/data-directory.js';
import { LmdbBackend } from '../host/lmdb-backend.js';
import { NodeClock } from '../host/node-clock.js';
import { NodeDisk } from '../host/node-disk.js';
import { NodeRandom } from '../host/node-random.js';
import type { World } from './member.js';

/** Where the backend lies inside the data directory; the log has a directory of its own. */
const BACKEND_DIRECTORY = 'db';

/**
 * Locks a data directory and says how to open what is in it, on this machine. The lock is released
 * last, after everything in the directory is closed.
 * @throws DataDirectoryError
 */
export async function openMachine(dataDir: string): Promise<World> {
  const directory = await DataDirectory.open(dataDir);
  return {
    disk: new NodeDisk(directory.path),
    openBackend: () => LmdbBackend.open(join(directory.path, BACKEND_DIRECTORY)),
    clock: new NodeClock(),
    random: new NodeRandom(),
    directory,
    release: () => directory.close(),
  };
}
