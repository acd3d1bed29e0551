import { readFile } from 'node:fs/promises';
import type { SavedBytes } from '../ports/saved-bytes.js';
import { errnoOf } from './disk-failure.js';
import { replaceFile } from './replace-file.js';

const FILE_MODE = 0o600;

/**
 * Bytes that are kept in a file, readable by its owner alone and replaced as a whole. The directory
 * must exist. Two processes that share a path overwrite each other, and never mix.
 *
 * @example
 * const saved = savedFile('/var/lib/billing/config.json');
 * const config = coord.config('billing/', Settings, { cache: { saved } });
 */
export function savedFile(path: string): SavedBytes {
  return {
    load: async () => {
      try {
        return new Uint8Array(await readFile(path));
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    save: (bytes) => replaceFile(path, bytes, FILE_MODE),
  };
}
