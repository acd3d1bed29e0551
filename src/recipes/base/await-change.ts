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
 * Resolves when one of the watches reports anything, or after `pollMs`. When one of them fails,
 * that is soon, and meanwhile the others are still heard. It never says that something happened:
 * the caller reads and decides. So a lost event costs one poll interval and never the wait. All
 * watches are gone when it settles. The batch is there for those who can see in it that all is
 * lost.
 */
export async function awaitChange(
  store: Store,
  scope: CancelScope,
  watches: readonly (WatchRequest | Observable<RevisionBatch>)[],
  pollMs: number,
): Promise<RevisionBatch | undefined> {
  const subscriptions: Subscription[] = [];
  const timers: Timer[] = [];
  const changed = new Promise<RevisionBatch | undefined>((resolve) => {
    const pollAfter = (ms: number): void => {
      timers.push(store.clock.timer(ms, () => resolve(undefined)));
    };
    const failed = (error: unknown): void => {
      // History is gone: what happened can only be learned by reading, and at once.
      if (isStoreError(error, 'Compacted')) resolve(undefined);
      else pollAfter(TIMING.retryMaxMs);
    };
    pollAfter(pollMs);
    for (const watch of watches) {
      const events = watch instanceof Observable ? watch : store.watch(watch);
      subscriptions.push(events.subscribe({ next: resolve, error: failed }));
    }
  });
  try {
    return await scope.race(changed);
  } finally {
    for (const timer of timers) timer.cancel();
    for (const subscription of subscriptions) subscription.unsubscribe();
  }
}
