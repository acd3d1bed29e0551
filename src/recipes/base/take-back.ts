import type { TxnRequest, TxnResult } from '../../store/index.js';
import { CancelScope } from './cancel-scope.js';
import type { RecipeContext } from './context.js';
import type { Session } from './session.js';
import { TIMING } from './timing.js';

/** A write that nobody wants any more. */
export interface TakeBackTerms {
  /** Whose lease its keys have: the end of that ends them as well. */
  readonly session: Session;
  /** The write as it was sent last. */
  readonly lastWrite: Promise<unknown>;
  /** Whether one that was sent before may still take effect. */
  readonly isUnsure: boolean;
  /** What undoes it; its conditions must spare whatever later owners have. */
  readonly undo: TxnRequest;
}

/**
 * Undoes a write behind the caller's back. The write must have ended first, or it could arrive
 * after its own undoing; one whose fate is unknown is undone again later.
 */
export function takeBack(context: RecipeContext, terms: TakeBackTerms): void {
  const { store, closed } = context;
  const { session, undo } = terms;
  const run = async (): Promise<void> => {
    using scope = new CancelScope(store, {}, session.ended, closed);
    const isSure = await scope.race(terms.lastWrite.then(() => !terms.isUnsure).catch(() => false));
    await scope.retry(() => store.txn(undo));
    if (isSure) return;
    await undoLater(scope, session, () => store.txn(undo));
  };
  // What fails here is cleared away by the end of the lease.
  void context.track(run()).catch(() => undefined);
}

/**
 * Undoes a write of unknown fate again and again, at growing distances: nobody can say when it has
 * been held up for long enough to be lost. The end of the session ends it all.
 */
export async function undoLater(
  scope: CancelScope,
  { ttlMs }: Session,
  undo: () => Promise<TxnResult>,
): Promise<void> {
  for (let look = 0; look < TIMING.lateWriteLooks; look++) {
    await scope.pause(ttlMs * 2 ** look);
    await scope.retry(undo);
  }
}
