import type { Observable } from 'rxjs';
import type { Compare } from '../../store/index.js';
import type { RecipeContext } from '../base/context.js';
import type { CoordinationError, LossCause } from '../errors.js';
import { giveBack } from '../base/give-back.js';
import { Ownership } from '../base/ownership.js';
import type { QueuePlace } from '../base/queue-place.js';

interface HoldTerms {
  readonly name: string;
  readonly place: QueuePlace;
  /** The revision at which the place was seen to be the first. */
  readonly revision: number;
  /** Whether the session exists for this hold alone. */
  readonly closesSession: boolean;
}

/** One hold of a lock, from grant to release, however many views of it an owner was given. */
export class LockHold {
  readonly terms: HoldTerms;
  readonly ownership: Ownership;
  readonly #context: RecipeContext;

  constructor(context: RecipeContext, terms: HoldTerms) {
    this.#context = context;
    this.terms = terms;
    const { place, name, revision } = terms;
    this.ownership = new Ownership(context, place.session, {
      what: `lock "${name}"`,
      key: place.key,
      revision,
      isMine: (kv) => kv.createRevision === place.createRevision,
    });
  }

  /** @throws CoordinationError `LockLost` when the lock was lost before */
  async release(): Promise<void> {
    const { loss } = this.ownership;
    this.ownership.end();
    try {
      if (loss !== undefined) throw this.ownership.lostError(loss);
      await this.#delete();
    } finally {
      this.terms.place.sweep();
      if (this.terms.closesSession) await this.terms.place.session.close();
    }
  }

  /** Deletes the own key and no other, or leaves that to the end of the lease. */
  async #delete(): Promise<void> {
    const { key, createRevision, session } = this.terms.place;
    const outcome = await giveBack(this.#context.store, session, {
      compare: [{ key, target: 'create', operator: '=', operand: createRevision }],
      success: [{ kind: 'delete', key }],
    });
    if (outcome === 'gone') throw this.ownership.lostError({ kind: 'deleted', key });
  }
}

/**
 * A lock that is held, for as long as `signal` says so. The signal is aborted before the server can
 * give the lock to another: at a local deadline that falls before the end of the lease, when the
 * key disappears, when the session ends, and at release.
 *
 * @example
 * await coord.lock('billing', {}, async (held) => {
 *   await store.txn({ compare: [held.guard()], success: [{ kind: 'put', key: 'k', value: 'v' }] });
 *   await fetch(url, { signal: held.signal, headers: { fence: String(held.fence) } });
 * });
 */
export class HeldLock implements AsyncDisposable {
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
   * A number that is larger for every later holder of this lock. A resource outside the store is
   * protected when it refuses numbers smaller than the largest it has seen.
   */
  get fence(): number {
    return this.#hold.terms.place.createRevision;
  }

  /** Aborted when the lock is lost or given back; the reason is a CoordinationError. */
  get signal(): AbortSignal {
    return this.#hold.ownership.signal;
  }

  /**
   * Emits the cause if the lock is lost, also to late subscribers; completes at the end of the
   * hold.
   */
  get lost$(): Observable<LossCause> {
    return this.#hold.ownership.lost$;
  }

  /**
   * Returns when the lock is held at this moment, by the clock and not by what timers said.
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
  guard(): Compare {
    return { key: this.key, target: 'create', operator: '=', operand: this.fence };
  }

  /**
   * Gives the lock back. Calling it again gives the same answer.
   * @throws CoordinationError `LockLost` when it had been lost before, so that the work that it was
   * to protect may have met another holder
   */
  release(): Promise<void> {
    this.#released ??= this.#giveBack();
    return this.#released;
  }

  /** Gives the lock back and never throws: the work that was done has the last word. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch((error: CoordinationError) => error);
  }
}
