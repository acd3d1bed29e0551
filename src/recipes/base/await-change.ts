import { Observable, type Subscription } from 'rxjs';
import type { Timer } from '../../ports/clock.js';
import {
  isStoreError,
  type RevisionBatch,
  type Store,
  type WatchRequest,
} from '../../store/index.js';
import type { CancelScope } from './cancel-scope.js';
import { TIMING } from './timing.js';

/**
 * Resolves when one of the watches reports anything, when one breaks in a way that calls for
 * reading again, or after `pollMs`. It never says that something happened: the caller reads and
 * decides. So a lost event costs one poll interval and never the wait. All watches are gone when it
 * settles. The batch is there for those who can see in it that all is lost.
 */
export async function awaitChange(
  store: Store,
  scope: CancelScope,
  watches: readonly (WatchRequest | Observable<RevisionBatch>)[],
  pollMs: number,
): Promise<RevisionBatch | undefined> {
  const subscriptions: Subscription[] = [];
  let timer: Timer | undefined;
  const changed = new Promise<RevisionBatch | 'poll' | 'broken'>((resolve) => {
    timer = store.clock.timer(pollMs, () => resolve('poll'));
    for (const watch of watches) {
      const subscription = (watch instanceof Observable ? watch : store.watch(watch)).subscribe({
        next: resolve,
        // History is gone: what happened can only be learned by reading, and at once.
        error: (error) => resolve(isStoreError(error, 'Compacted') ? 'poll' : 'broken'),
      });
      subscriptions.push(subscription);
    }
  });
  try {
    const outcome = await scope.race(changed);
    if (outcome === 'broken') await scope.pause(TIMING.retryMaxMs);
    return typeof outcome === 'string' ? undefined : outcome;
  } finally {
    timer?.cancel();
    for (const subscription of subscriptions) subscription.unsubscribe();
  }
}
