import type { Compare } from '../../store/index.js';
import { HeldHandle } from './held-handle.js';

/**
 * A lock that is held.
 *
 * @example
 * await coord.lock('billing', {}, async (held) => {
 *   await held.txn().put('balance', '7').commitOrThrow();
 *   await fetch(url, { signal: held.signal, headers: fenceHeaders(held) });
 * });
 */
export class HeldLock extends HeldHandle {
  /** The condition "this hold still exists", for any transaction. */
  override guard(): Compare {
    return { key: this.key, target: 'create', operator: '=', operand: this.fence };
  }
}
