import type { Observable } from 'rxjs';
import type { Compare } from '../../store/index.js';
import type { RecipeContext } from '../base/context.js';
import { giveBack } from '../base/give-back.js';
import type { Guarded } from '../base/guarded.js';
import { Ownership } from '../base/ownership.js';
import type { CoordinationError, LossCause } from '../errors.js';
import type { PermitRequest } from './permit-request.js';

/** What a hold of permits is made of. */
export interface PermitHoldTerms {
  readonly name: string;
  readonly weight: number;
  readonly request: PermitRequest;
  readonly grantRevision: number;
  /** Whether the session exists for this hold alone. */
  readonly closesSession: boolean;
  /** Called once at the end of the hold. */
  readonly ended: () => void;
}

/**
 * Permits of a semaphore that are held, for as long as `signal` says so. The signal is aborted
 * before the server can give them to others: at a local deadline that falls before the end of the
 * lease, when the key disappears, when the session ends, and at release. A limit that shrinks takes
 * nothing away from those who hold.
 *
 * @example
 * await using held = await coord.semaphore('downloads', { initialLimit: 4 }).acquire();
 * await fetch(url, { signal: held.signal });
 */
export class HeldPermit implements AsyncDisposable, Guarded {
  /**
   * Revision of the grant: larger for every later grant. It orders grants, and it is no token of
   * exclusion, for others hold at the same time unless the limit is one.
   */
  readonly grantRevision: number;
  /** Permits that are held. */
  readonly weight: number;
  readonly #context: RecipeContext;
  readonly #terms: PermitHoldTerms;
  readonly #ownership: Ownership;
  #released: Promise<void> | undefined;

  constructor(context: RecipeContext, terms: PermitHoldTerms) {
    this.#context = context;
    this.#terms = terms;
    this.grantRevision = terms.grantRevision;
    this.weight = terms.weight;
    this.#ownership = new Ownership(context, terms.request.place.session, {
      what: `permit of semaphore "${terms.name}"`,
      key: terms.request.heldKey,
      revision: terms.grantRevision,
      isMine: (kv) => kv.createRevision === terms.grantRevision,
    });
  }

  get name(): string {
    return this.#terms.name;
  }

  /** The key that stands for this hold. */
  get key(): string {
    return this.#terms.request.heldKey;
  }

  /** Aborted when the permits are lost or given back; the reason is a CoordinationError. */
  get signal(): AbortSignal {
    return this.#ownership.signal;
  }

  /** Emits the cause if the permits are lost, also to late subscribers; completes at the end. */
  get lost$(): Observable<LossCause> {
    return this.#ownership.lost$;
  }

  /**
   * Returns when the permits are held at this moment, by the clock and not by what timers said.
   * @throws CoordinationError `LockLost`, `NotOwner` after release, `Unavailable` while a jump of
   * the wall clock is being looked into
   */
  assertHeld(): void {
    this.#ownership.assert();
  }

  /** Milliseconds until the hold ends unless its session is renewed; 0 when it has ended. */
  expiresIn(): number {
    return this.#ownership.expiresIn();
  }

  /** The condition "these permits are still held", for any transaction. */
  guard(): Compare {
    return { key: this.key, target: 'create', operator: '=', operand: this.grantRevision };
  }

  /**
   * Gives the permits back. Calling it again gives the same answer.
   * @throws CoordinationError `LockLost` when they had been lost before
   */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  /** Gives the permits back and never throws: the work that was done has the last word. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch((error: CoordinationError) => error);
  }

  async #release(): Promise<void> {
    const { request, closesSession, ended } = this.#terms;
    const { session } = request.place;
    const { loss } = this.#ownership;
    this.#ownership.end();
    try {
      if (loss !== undefined) throw this.#ownership.lostError(loss);
      const { key } = this;
      const outcome = await giveBack(this.#context.store, session, {
        compare: [this.guard()],
        success: [{ kind: 'delete', key }],
      });
      if (outcome === 'gone') throw this.#ownership.lostError({ kind: 'deleted', key });
    } finally {
      ended();
      request.sweep();
      if (closesSession) await session.close();
    }
  }
}
