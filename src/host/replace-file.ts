import { randomBytes } from 'node:crypto';
import * as files from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Files that are replaced as a whole: the new content is written beside the old one, is on the
 * medium before it takes its name, and the name is on the medium when it is done. A reader finds
 * the old file or the new one, also after a loss of power; a failure leaves the old one.
 */

/** Where the new content of a file waits for its name; in the same directory, hidden. */
export function stagingPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.new`);
}

/** Writes a new file that is on the medium when it resolves; on failure there is none. */
export async function writeStaged(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const file = await files.open(path, 'wx', mode);
  try {
    // The mode given to open is cut by the umask, and a file for others to read must be readable.
    await file.chmod(mode);
    await file.writeFile(bytes);
    await file.sync();
  } catch (error) {
    await files.rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** Gives a staged file its name, in place of the one that has it. */
export async function putInPlace(staged: string, path: string): Promise<void> {
  await files.rename(staged, path);
  const directory = await files.open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Replaces a file. Rejects with what the host says; the old file is then as it was. */
export async function replaceFile(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const staged = stagingPath(path);
  await writeStaged(staged, bytes, mode);
  try {
    await putInPlace(staged, path);
  } catch (error) {
    await files.rm(staged, { force: true });
    throw error;
  }
}
