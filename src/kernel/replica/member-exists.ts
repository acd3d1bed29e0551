import type { Disk } from '../../ports/disk.js';
import { Wal } from '../wal/wal.js';

/** Where the log lies, as the bootstrap has it. */
const WAL_DIRECTORY = 'wal';

/**
 * Whether a member lives in this directory already. Then what it was told about its cluster at its
 * start counts for nothing: its log says who it is. Reads nothing but names.
 *
 * @example
 * if (!(await memberExists(ports.disk))) log.info('a new member begins here');
 */
export function memberExists(disk: Disk): Promise<boolean> {
  return Wal.exists(disk, WAL_DIRECTORY);
}
