import type { Store, TxnRequest, TxnResult } from '../../store/index.js';
import { CancelScope } from './cancel-scope.js';
import type { Session } from './session.js';

/**
 * Sends the transaction that ends an ownership until it is answered, or until the session is over,
 * which ends the ownership as well. Its comparison must name this one ownership, so that trying
 * again cannot touch a later one. Answers `gone` when the ownership had ended before and not by our
 * hand.
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
    if (!scope.signal.aborted) throw error;
    return 'given-back';
  }
}
