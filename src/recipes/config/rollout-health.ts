import { CancelScope } from '../base/cancel-scope.js';
import type { Store } from '../../store/index.js';

/** When a value counts as good after it was applied. */
export interface HealthTerms {
  /** Whether the instance is well; what it throws means that it is not. Undefined: always. */
  readonly healthy: ((signal: AbortSignal) => boolean | Promise<boolean>) | undefined;
  /** How long it must be well without a break, in milliseconds. */
  readonly soakMs: number;
  /** How long it may take, beyond `soakMs`, until it has been well for so long. */
  readonly timeoutMs: number;
  /** How often it is asked. */
  readonly pollMs: number;
}

/** Shortest time between two questions. */
const PAUSE_MIN_MS = 1;

/**
 * Asks until an instance has been well for the whole soak time, in one stretch.
 * @throws Error when that takes too long, and the reason of `scope` when it ends
 */
export async function soak(store: Store, scope: CancelScope, terms: HealthTerms): Promise<void> {
  const { healthy, soakMs, pollMs } = terms;
  if (healthy === undefined) return scope.pause(soakMs);
  const timeoutMs = soakMs + terms.timeoutMs;
  using limit = new CancelScope(store, { timeoutMs }, scope.ended);
  let wellSinceMs: number | undefined;
  let why = 'it says that it is not well';
  for (;;) {
    try {
      const isWell = await limit.race(Promise.resolve(healthy(limit.signal)));
      const nowMs = store.clock.monotonic();
      wellSinceMs = isWell ? (wellSinceMs ?? nowMs) : undefined;
      if (wellSinceMs !== undefined && nowMs - wellSinceMs >= soakMs) return;
      const leftMs = wellSinceMs === undefined ? pollMs : wellSinceMs + soakMs - nowMs;
      // A timer may ring a hair early, and what is left then is too short to be waited for.
      await limit.pause(Math.max(PAUSE_MIN_MS, Math.min(pollMs, leftMs)));
    } catch (error) {
      scope.check();
      if (limit.signal.aborted) throw new Error(`not healthy within ${timeoutMs} ms: ${why}`);
      wellSinceMs = undefined;
      why = error instanceof Error ? error.message : String(error);
      await scope.pause(pollMs);
    }
  }
}
