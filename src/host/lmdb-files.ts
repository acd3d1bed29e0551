import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, rmdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The files of an LMDB environment, and the step that puts a whole new environment in the place of
 * an old one. The step is one renaming: a crash leaves the old file or the new one. The new one is
 * on the disk before it gets the name. This file knows names, never what is in them.
 */

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
export const DATA_FILE = 'data.mdb';
const LOCK_FILE = 'lock.mdb';
/** Directories in which the next environment is made; what a crash left there is of no use. */
const NEXT_PREFIX = 'next-';

/** Makes the directory of an environment and removes what was never finished in it. */
export function prepareDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
  for (const name of readdirSync(directory)) {
    if (name.startsWith(NEXT_PREFIX)) rmSync(join(directory, name), { recursive: true });
  }
}

/**
 * Makes the directory for the environment that will follow.
 * @param number must never have been used by this process: lmdb would take two files for one
 */
export function makeNextDirectory(directory: string, number: number): string {
  const next = join(directory, `${NEXT_PREFIX}${number}`);
  mkdirSync(next, { mode: DIRECTORY_MODE });
  return next;
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}

/** Closes the files of an open environment to other users. */
export function closeToOthers(directory: string): void {
  for (const name of [DATA_FILE, LOCK_FILE]) chmodSync(join(directory, name), FILE_MODE);
}

/** What was written to the environment in `directory` is on the disk when it resolves. */
export async function syncData(directory: string): Promise<void> {
  await sync(join(directory, DATA_FILE));
}

/** Gives the files in `next` the names of those in `directory`; durable after `syncNames`. */
export function takeOver(next: string, directory: string): void {
  renameSync(join(next, DATA_FILE), join(directory, DATA_FILE));
  renameSync(join(next, LOCK_FILE), join(directory, LOCK_FILE));
  rmdirSync(next);
}

export async function syncNames(directory: string): Promise<void> {
  await sync(directory);
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
