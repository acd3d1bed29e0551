import type { Observable } from 'rxjs';
import type { Compare } from '../../store/index.js';
import type { Guarded } from '../base/guarded.js';
import type { GuardedTxn } from '../compose/guarded-txn.js';
import type { CoordinationError, LossCause } from '../errors.js';
import type { LockHold } from './lock-hold.js';

/**
 * What everything that is held has in common, for as long as `signal` says so. The signal is
 * aborted before the server can give it to another: at a local deadline that falls before the end
 * of the lease, when the session ends, and at release. It is also aborted when somebody takes the
 * key away by hand, as soon as that is heard of.
 *
 * @example
 * const useIt = async (held: HeldHandle): Promise<void> => {
 *   await load(held.signal, held.fence);
 * };
 * await coord.lock('jobs', {}, useIt);
 * await using reading = await coord.readWriteLock('index').read();
 * await useIt(reading);
 */
export class HeldHandle implements AsyncDisposable, Guarded {
  readonly #hold: LockHold;
  readonly #giveBack: () => Promise<void>;
  #released: Promise<void> | undefined;

  constructor(hold: LockHold, giveBack: () => Promise<void>) {
    this.#hold = hold;
    this.#giveBack = giveBack;
  }

  get name(): string {
    return this.#hold.terms.name;
  }

  /** The key that stands for this hold. */
  get key(): string {
    return this.#hold.terms.place.key;
  }

  /**
   * A number that is larger for every later holder. A resource outside the store is protected when
   * it refuses numbers smaller than the largest it has seen.
   */
  get fence(): number {
    return this.#hold.terms.place.createRevision;
  }

  /**
   * Aborted when the hold is lost or given back; the reason is a CoordinationError that says what
   * was known at that moment.
   */
  get signal(): AbortSignal {
    return this.#hold.ownership.signal;
  }

  /**
   * Emits the cause if the hold is lost, also to late subscribers; completes at the end of the
   * hold. When the key disappeared, it first asks why, for two seconds at most.
   */
  get lost$(): Observable<LossCause> {
    return this.#hold.ownership.lost$;
  }

  /**
   * Returns when it is held at this moment, by the clock and not by what timers said.
   * @throws CoordinationError `LockLost`, `NotOwner` after release, `Unavailable` while a jump of
   * the wall clock is being looked into
   */
  assertHeld(): void {
    this.#hold.ownership.assert();
  }

  /** Milliseconds until the hold ends unless its session is renewed; 0 when it has ended. */
  expiresIn(): number {
    return this.#hold.ownership.expiresIn();
  }

  /** The condition "this hold still exists", for any transaction. */
  guard(): Compare | readonly Compare[] {
    return { key: this.key, target: 'create', operator: '=', operand: this.fence };
  }

  /**
   * A transaction that happens only while this hold exists; more conditions can be added.
   *
   * @example
   * await held.txn().put('balance', '7').commitOrThrow();
   */
  txn(): GuardedTxn {
    return this.#hold.newTxn().if(this);
  }

  /**
   * Gives it back. Calling it again gives the same answer.
   * @throws CoordinationError `LockLost` when it had been lost before, so that the work that it was
   * to protect may have met another holder
   */
  release(): Promise<void> {
    this.#released ??= this.#giveBack();
    return this.#released;
  }

  /** Gives it back and never throws: the work that was done has the last word. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch((error: CoordinationError) => error);
  }
}
