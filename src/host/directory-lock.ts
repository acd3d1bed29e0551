import { randomBytes, randomInt } from 'node:crypto';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DataDirectoryError } from './data-directory-error.js';
import { isAlive, ownIdentity } from './process-identity.js';
import type { ProcessIdentity } from './process-identity.js';

/**
 * Keeps a directory to one process, on machines where Node offers no file lock. Each contender
 * first puts down a file of its own, whose name says who it is, and only then looks for others: of
 * two that come at once at least one sees the other and steps back. A file of a process that is
 * gone can be removed by anyone at any time, for nobody else ever has that name; so taking over
 * from the dead needs no agreement.
 */

export const LOCK_PREFIX = 'LOCK-';
const PATTERN = /^LOCK-(\d+)-(\d+)-([0-9a-f]+)-[0-9a-f]+$/;
const FILE_MODE = 0o600;
/** Contenders that met step back and try again, so that one of them gets it. */
const ATTEMPTS = 5;
const PAUSE_MS_MAX = 40;

function parseLockName(name: string): ProcessIdentity | undefined {
  const match = PATTERN.exec(name);
  if (match === null) return undefined;
  const [, pid, start, boot] = match;
  return { pid: Number(pid), start: start ?? '0', boot: boot ?? '0' };
}

export class DirectoryLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Locks `directory` for this process. A second lock in one process is refused like any other.
   * @throws DataDirectoryError `locked`; whatever the file system says otherwise
   */
  static async acquire(directory: string): Promise<DirectoryLock> {
    const own = await ownIdentity();
    const token = randomBytes(8).toString('hex');
    const name = `${LOCK_PREFIX}${own.pid}-${own.start}-${own.boot}-${token}`;
    const path = join(directory, name);
    for (let attempt = 1; ; attempt++) {
      await (await open(path, 'wx', FILE_MODE)).close();
      const holder = await findOther(directory, name).catch(async (failure: unknown) => {
        await rm(path, { force: true });
        throw failure;
      });
      if (holder === undefined) return new DirectoryLock(path);
      await rm(path, { force: true });
      if (attempt === ATTEMPTS) throw lockedBy(directory, holder);
      await wait(randomInt(1, PAUSE_MS_MAX));
    }
  }

  /** Lets the directory go. Releasing twice does nothing. */
  async release(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

/** Another live contender or holder; files of the dead are removed on the way. */
async function findOther(directory: string, own: string): Promise<ProcessIdentity | undefined> {
  let found: ProcessIdentity | undefined;
  for (const name of await readdir(directory)) {
    const identity = parseLockName(name);
    if (identity === undefined || name === own) continue;
    if (await isAlive(identity)) found = identity;
    else await rm(join(directory, name), { force: true });
  }
  return found;
}

function lockedBy(directory: string, holder: ProcessIdentity): DataDirectoryError {
  const who = holder.pid === process.pid ? 'this process' : `process ${holder.pid}`;
  const advice = 'stop it, or give this member a data directory of its own';
  return new DataDirectoryError('locked', directory, `in use by ${who}; ${advice}`);
}
