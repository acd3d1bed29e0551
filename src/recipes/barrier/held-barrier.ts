import { HeldKey, type KeyHold } from '../base/key-hold.js';
import type { CoordinationError } from '../errors.js';

/**
 * A barrier that is held closed for as long as `signal` says so. It opens when it is opened here,
 * when the session ends, and when somebody else opens it.
 *
 * @example
 * const closed = await coord.barrier('migration').hold();
 * if (closed.ok) {
 *   await migrate(closed.held.signal);
 *   await closed.held.open();
 * }
 */
export class HeldBarrier extends HeldKey implements AsyncDisposable {
  readonly #hold: KeyHold;

  constructor(hold: KeyHold) {
    super(hold);
    this.#hold = hold;
  }

  /**
   * Opens the barrier. Calling it again gives the same answer.
   * @throws CoordinationError `LockLost` when it had been opened before, by the end of the session
   * or by somebody else
   */
  open(): Promise<void> {
    return this.#hold.finish();
  }

  /** Opens the barrier and never throws: the work that was done has the last word. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.open().catch((error: CoordinationError) => error);
  }
}
