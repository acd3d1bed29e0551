import type { Store, TxnRequest, TxnResult } from '../../store/index.js';
import { CancelScope } from './cancel-scope.js';
import type { Session } from './session.js';

/**
 * Sends the transaction that ends an ownership until it is answered, or until the session is over,
 * which ends the ownership as well. Its comparison must name this one ownership, so that trying
 * again cannot touch a later one. Answers `gone` when the ownership had ended before and not by our
 * hand.
 * @throws CoordinationError `StoreRefused`; then it is tried again behind the caller's back
 * @param answered - Told of the answer when there is one.
 */
export async function giveBack(
  store: Store,
  session: Session,
  request: TxnRequest,
  answered: (result: TxnResult) => void = () => undefined,
): Promise<'given-back' | 'gone'> {
  using scope = new CancelScope(store, {}, session.ended);
  let unsure = false;
  try {
    const result = await scope.retry((failures) => {
      unsure ||= failures > 0;
      return store.txn(request);
    });
    answered(result);
    // After a lost answer the comparison fails because the first try succeeded.
    return result.succeeded || unsure ? 'given-back' : 'gone';
  } catch (error) {
    if (scope.signal.aborted) return 'given-back';
    giveBackLater(store, session, request);
    throw error;
  }
}

/**
 * Goes on with what the store has refused: an ownership that its owner has done with must not stay
 * for as long as the session lives. It ends with the session, which ends the ownership as well.
 */
export function giveBackLater(store: Store, session: Session, request: TxnRequest): void {
  const run = async (): Promise<void> => {
    using scope = new CancelScope(store, {}, session.ended);
    for (;;) {
      await scope.pause(session.ttlMs);
      try {
        await scope.retry(() => store.txn(request));
        return;
      } catch {
        // The store still refuses; or the session is over, and then so is this.
        scope.check();
      }
    }
  };
  // What ends it is the end of the session, and nobody waits for it.
  void run().catch(() => undefined);
}
