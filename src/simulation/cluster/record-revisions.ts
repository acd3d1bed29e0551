import type { Kernel } from '../../kernel/index.js';
import type { RevisionBatch } from '../../store/index.js';
import type { HistoryRecorder } from '../clients/history-recorder.js';

/**
 * Takes the merged truth of all revisions from what a member applies. A watcher alone would come
 * too late where history is discarded at once, and a subscriber alone does not see what was there
 * before it; so it is both.
 */
export function recordRevisions(
  kernel: Kernel,
  history: HistoryRecorder,
  isAlive: () => boolean,
): void {
  const startRevision = history.nextRevision;
  kernel.store.revisions$.subscribe((batch: RevisionBatch) => {
    if (isAlive()) history.addRevision(batch);
  });
  const cursor = kernel.openWatch({ key: '\0', rangeEnd: '\0', startRevision });
  const drain = (): void => {
    while (isAlive()) {
      const batches = cursor.take(64);
      for (const batch of batches) history.addRevision(batch);
      if (batches.length === 0) return;
    }
  };
  cursor.onReady = drain;
  drain();
}
