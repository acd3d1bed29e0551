/**
 * The repository around a compiled house test: its root folder, and the files git tracks in it.
 * Only what is tracked is judged, so that a file still being written disturbs nobody.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the repository; house tests run from build/test/house. */
export const ROOT: string = fileURLToPath(new URL('../../../', import.meta.url));

/** The reason to skip when this is not a git checkout, such as an unpacked archive. */
export function checkoutMissing(): string | undefined {
  return existsSync(join(ROOT, '.git')) ? undefined : 'this is not a git checkout';
}

/** Tracked files that exist, by their paths from the root, sorted. */
export function trackedFiles(): readonly string[] {
  // A checkout that belongs to another user, as in many containers, is still ours to read.
  const list = ['-c', 'safe.directory=*', 'ls-files', '-z'];
  const output = execFileSync('git', list, { cwd: ROOT, encoding: 'utf8' });
  return output
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(ROOT, path)))
    .toSorted();
}
