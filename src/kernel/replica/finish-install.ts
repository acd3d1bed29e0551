import type { Disk } from '../../ports/disk.js';
import { clearImages, listImages } from '../snapshot/snapshot-files.js';
import type { Wal, WalContent } from '../wal/wal.js';
import type { AppliedState } from './applied-row.js';

/**
 * What a crash left of a state that was being installed. The backend takes the state up first and
 * the log begins anew after that, so the one may have it and the other not. Then the image is still
 * there, for it is removed last: its name is the proof that the backend did not get ahead of the
 * log in another way. A log that holds the last entry of the state is left as it is: what follows
 * that entry was promised. In every other case the images are waste, for nobody was told of them.
 * @returns what the log holds now
 * @throws DiskError
 */
export async function finishInstall(
  disk: Disk,
  wal: Wal,
  content: WalContent,
  applied: AppliedState | undefined,
): Promise<WalContent> {
  const images = await listImages(disk);
  const isInstalled =
    applied !== undefined &&
    images.some(({ index, term }) => index === applied.index && term === applied.term);
  let result = content;
  if (isInstalled && !logHolds(content, applied)) {
    const hardState = await wal.reset(applied);
    result = { ...content, hardState, mark: applied, entries: [] };
  }
  await clearImages(disk);
  return result;
}

/** Whether the log has the entry that was applied last, or begins behind it. */
export function logHolds({ mark, entries }: WalContent, applied: AppliedState): boolean {
  if (mark === undefined) return false;
  if (applied.index <= mark.index) return applied.index < mark.index || applied.term === mark.term;
  return entries[applied.index - mark.index - 1]?.term === applied.term;
}
