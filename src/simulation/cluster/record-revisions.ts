import type { Kernel, WatchCursor } from '../../kernel/index.js';
import type { Clock } from '../../ports/clock.js';
import { isStoreError } from '../../store/index.js';
import type { HistoryRecorder } from '../clients/history-recorder.js';

/** Pause before a watch that came too late is opened again. */
const REOPEN_MS = 20;

/**
 * Takes the merged truth of all revisions from what a member applies. A watch ends where history
 * was discarded before it came there, as after a snapshot: then it is opened again, at what the
 * others have shown by now. So it is both told of each revision and looks for it.
 */
export function recordRevisions(
  kernel: Kernel,
  history: HistoryRecorder,
  process: { readonly isAlive: boolean; readonly clock: Clock },
): void {
  kernel.store.revisions$.subscribe((batch) => {
    if (process.isAlive) history.addRevision(batch);
  });
  const open = (): void => {
    if (!process.isAlive) return;
    const cursor = openAt(kernel, history.nextRevision);
    if (cursor === undefined) return;
    let isOver = false;
    const drain = (): void => {
      while (process.isAlive && !isOver) {
        const batches = cursor.take(64);
        for (const batch of batches) history.addRevision(batch);
        if (batches.length > 0) continue;
        isOver = cursor.closed || cursor.compactRevision !== undefined;
        if (isOver) process.clock.timer(REOPEN_MS, open);
        return;
      }
    };
    cursor.onReady = drain;
    drain();
  };
  open();
}

/** Undefined on a member that has stopped itself, and whose process has not ended yet. */
function openAt(kernel: Kernel, startRevision: number): WatchCursor | undefined {
  try {
    return kernel.openWatch({ key: '\0', rangeEnd: '\0', startRevision });
  } catch (error) {
    if (isStoreError(error, 'Stopped')) return undefined;
    throw error;
  }
}
