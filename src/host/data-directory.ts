import { chmod, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DataDirectoryError } from './data-directory-error.js';
import type { DataDirectoryErrorKind } from './data-directory-error.js';
import { DirectoryLock, LOCK_PREFIX } from './directory-lock.js';
import { errnoOf } from './disk-failure.js';

/**
 * The directory in which one member keeps everything. It is ours alone: private, locked, and marked
 * with its format, so that no other program's files and no other format are ever touched. It looks
 * before it writes: a directory that is refused is left as it was.
 */

/** The format of everything in the directory; raised when an older program could not read it. */
const DATA_FORMAT = 1;

const VERSION_FILE = 'VERSION';
const VERSION_UNFINISHED = 'VERSION.tmp';
/** There once a member has lived here; empty. */
const MEMBER_FILE = 'MEMBER';
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/**
 * What may lie in a directory that is otherwise empty; the second is of freshly made file systems.
 */
const HARMLESS: readonly string[] = [VERSION_UNFINISHED, 'lost+found'];

const KINDS: ReadonlyMap<string, readonly [DataDirectoryErrorKind, string]> = new Map([
  ['EROFS', ['read-only', 'the file system is read-only']],
  ['EACCES', ['denied', 'this user may not use it; check its owner and mode']],
  ['EPERM', ['denied', 'this user may not use it; check its owner and mode']],
  ['ENOTDIR', ['not-a-directory', 'a part of the path is not a directory']],
  ['ENOSPC', ['full', 'the disk is full']],
  ['EDQUOT', ['full', 'the disk quota is used up']],
]);

function explain(directory: string, failure: unknown): unknown {
  const errno = errnoOf(failure);
  if (errno === undefined) return failure;
  const [kind, detail] = KINDS.get(errno) ?? ['io', `cannot be used (${errno})`];
  return new DataDirectoryError(kind, directory, detail);
}

export class DataDirectory {
  /** Absolute. */
  readonly path: string;
  /** Whether this call made it what it is. */
  readonly isNew: boolean;
  readonly #lock: DirectoryLock;
  /** Whether there was nothing at all. */
  readonly #wasMade: boolean;
  #hadMember: boolean;

  private constructor(path: string, found: Found, lock: DirectoryLock) {
    this.path = path;
    this.isNew = found.isNew;
    this.#wasMade = found.wasMade;
    this.#hadMember = found.hadMember;
    this.#lock = lock;
  }

  /**
   * Opens the data directory of a member, or makes one where there is nothing or an empty
   * directory, and locks it until `close`.
   * @throws DataDirectoryError
   */
  static async open(path: string): Promise<DataDirectory> {
    const directory = resolve(path);
    try {
      const wasMade = await make(directory);
      if (!wasMade) await checkExisting(directory);
      const lock = await DirectoryLock.acquire(directory);
      try {
        const isNew = !(await isMarked(directory));
        if (isNew) await mark(directory);
        const hadMember = (await readdir(directory)).includes(MEMBER_FILE);
        return new DataDirectory(directory, { wasMade, isNew, hadMember }, lock);
      } catch (failure) {
        // The first failure is the one to tell; a lock that stays is seen to be nobody's.
        await lock.release().catch(() => undefined);
        throw failure;
      }
    } catch (failure) {
      throw explain(directory, failure);
    }
  }

  /**
   * Refuses a directory in which a member lived whose log is gone: it would begin anew, and break
   * what it had promised to the others.
   * @param hasLog whether there is a log
   * @throws DataDirectoryError
   */
  checkMember(hasLog: boolean): void {
    if (hasLog || !this.#hadMember) return;
    const advice =
      'put its files back; or remove the member from its cluster, add it anew, and start it on an ' +
      'empty directory';
    throw new DataDirectoryError('lost', this.path, `its member's log is gone; ${advice}`);
  }

  /** A member lives here whose log is durable: from now on the log must be there. */
  async noteMember(): Promise<void> {
    if (this.#hadMember) return;
    const file = await open(join(this.path, MEMBER_FILE), 'w', FILE_MODE);
    await file.close();
    await syncDirectory(this.path);
    this.#hadMember = true;
  }

  /** Lets another process have the directory. Closing twice does nothing. */
  async close(): Promise<void> {
    await this.#lock.release();
  }

  /**
   * Closes a directory in which nothing was put, and takes back what `open` made of it, so that
   * nothing stays of a member that could not begin. The lock is given back in any case.
   * @throws DataDirectoryError
   */
  async discard(): Promise<void> {
    try {
      if (this.isNew) await rm(join(this.path, VERSION_FILE), { force: true });
    } catch (failure) {
      await this.#lock.release().catch(() => undefined);
      throw explain(this.path, failure);
    }
    await this.#lock.release();
    if (!this.#wasMade) return;
    await rmdir(this.path).catch((failure: unknown) => {
      // Somebody else has put something there by now, and it is theirs.
      if (errnoOf(failure) !== 'ENOTEMPTY') throw explain(this.path, failure);
    });
  }
}

/** What a directory was before it was opened. */
interface Found {
  readonly wasMade: boolean;
  readonly isNew: boolean;
  readonly hadMember: boolean;
}

/**
 * Makes the directory and its parents, each durable; false when it was there. One by one, for
 * Node's own recursion reports a read-only file system as a missing directory.
 */
async function make(directory: string): Promise<boolean> {
  const parent = dirname(directory);
  try {
    await mkdir(directory, { mode: DIRECTORY_MODE });
  } catch (failure) {
    if (errnoOf(failure) === 'EEXIST') return false;
    if (errnoOf(failure) !== 'ENOENT' || parent === directory) throw failure;
    await make(parent);
    await mkdir(directory, { mode: DIRECTORY_MODE });
  }
  await syncDirectory(parent);
  return true;
}

async function checkExisting(directory: string): Promise<void> {
  const found = await stat(directory);
  if (!found.isDirectory()) {
    throw new DataDirectoryError('not-a-directory', directory, 'is not a directory');
  }
  const { uid, mode } = found;
  const own = process.getuid?.() ?? uid;
  // One of root's that this user may write to is how volumes are handed to containers.
  if (uid !== own && uid !== 0) {
    const detail = `belongs to user ${uid}, and this process runs as user ${own}`;
    throw new DataDirectoryError('denied', directory, detail);
  }
  await isMarked(directory);
  if (uid === own && (mode & 0o077) !== 0) await chmod(directory, DIRECTORY_MODE);
}

/** Whether it is a data directory of this format; false when it is as good as empty. */
async function isMarked(directory: string): Promise<boolean> {
  const names = await readdir(directory);
  if (!names.includes(VERSION_FILE)) {
    const stranger = names.find(
      (name) => !name.startsWith(LOCK_PREFIX) && !HARMLESS.includes(name),
    );
    if (stranger === undefined) return false;
    const detail = `holds ${stranger} and no ${VERSION_FILE}, so it is not ours; name an empty one`;
    throw new DataDirectoryError('foreign', directory, detail);
  }
  const text = await readFile(join(directory, VERSION_FILE), 'utf8');
  const format = /^tidelock (\d+)\n?$/.exec(text)?.[1];
  if (format === undefined) {
    const detail = `its ${VERSION_FILE} is not Tidelock's; name an empty directory`;
    throw new DataDirectoryError('foreign', directory, detail);
  }
  if (Number(format) === DATA_FORMAT) return true;
  const detail = `has format ${format}, and this version of Tidelock reads format ${DATA_FORMAT}`;
  throw new DataDirectoryError('version', directory, detail);
}

async function mark(directory: string): Promise<void> {
  const unfinished = join(directory, VERSION_UNFINISHED);
  const file = await open(unfinished, 'w', FILE_MODE);
  try {
    await file.writeFile(`tidelock ${DATA_FORMAT}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, join(directory, VERSION_FILE));
  await syncDirectory(directory);
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
