import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { isCoordinationError } from '../errors.js';
import type { Leadership } from './leadership.js';

type Work<T> = (term: number, signal: AbortSignal, leadership: Leadership) => Promise<T> | T;

/** How one term ended: by the work itself, or by the loss of the leadership under it. */
type Outcome<T> = { readonly kind: 'done'; readonly result: T } | { readonly kind: 'lost' };

/**
 * The loop that owns a worker: never two at once, because the next campaign begins only when the
 * last work has ended, however long it takes to notice its signal.
 */
export async function runWhileLeader<T>(
  context: RecipeContext,
  campaign: (options: WaitOptions) => Promise<Leadership>,
  work: Work<T>,
  options: WaitOptions,
): Promise<T | undefined> {
  using scope = new CancelScope(context.store, options, context.closed);
  const stopped = (): boolean => options.signal?.aborted === true;
  while (!stopped()) {
    const leadership = await campaign({ signal: scope.signal }).catch((error: unknown) => {
      if (stopped() || isPassing(error)) return undefined;
      throw error;
    });
    if (leadership === undefined) continue;
    const outcome = await serve(leadership, scope, work);
    if (outcome.kind === 'done') return outcome.result;
    if (!stopped()) scope.check();
  }
  return undefined;
}

/** One term: the work fails or ends by itself, or ends because its signal was aborted. */
async function serve<T>(
  leadership: Leadership,
  scope: CancelScope,
  work: Work<T>,
): Promise<Outcome<T>> {
  const term = new AbortController();
  const end = (): void => {
    if (!term.signal.aborted) term.abort(leadership.signal.reason ?? scope.signal.reason);
  };
  leadership.signal.addEventListener('abort', end, { once: true });
  scope.signal.addEventListener('abort', end, { once: true });
  if (leadership.signal.aborted || scope.signal.aborted) end();
  try {
    const result = await work(leadership.term, term.signal, leadership);
    return term.signal.aborted ? { kind: 'lost' } : { kind: 'done', result };
  } catch (error) {
    // Work that was told to stop may end in any way it likes.
    if (!term.signal.aborted) throw error;
    return { kind: 'lost' };
  } finally {
    leadership.signal.removeEventListener('abort', end);
    scope.signal.removeEventListener('abort', end);
    await leadership[Symbol.asyncDispose]();
  }
}

/** A campaign that failed for such a reason is simply begun again. */
function isPassing(error: unknown): boolean {
  return isCoordinationError(error, 'SessionLost') || isCoordinationError(error, 'LockLost');
}
