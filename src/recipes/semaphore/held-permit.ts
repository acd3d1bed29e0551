import type { RecipeContext } from '../base/context.js';
import { HeldKey, KeyHold } from '../base/key-hold.js';
import type { CoordinationError } from '../errors.js';
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
 * Permits of a semaphore that are held, for as long as `signal` says so. A limit that shrinks takes
 * nothing away from those who hold.
 *
 * @example
 * await using held = await coord.semaphore('downloads', { initialLimit: 4 }).acquire();
 * await fetch(url, { signal: held.signal });
 */
export class HeldPermit extends HeldKey implements AsyncDisposable {
  readonly name: string;
  /**
   * Revision of the grant: larger for every later grant. It orders grants, and it is no token of
   * exclusion, for others hold at the same time unless the limit is one.
   */
  readonly grantRevision: number;
  /** Permits that are held. */
  readonly weight: number;
  readonly #hold: KeyHold;

  constructor(context: RecipeContext, terms: PermitHoldTerms) {
    const { name, weight, request, grantRevision, closesSession } = terms;
    const { session } = request.place;
    const hold = new KeyHold(context, {
      what: `permit of semaphore "${name}"`,
      key: request.heldKey,
      session,
      createRevision: grantRevision,
      revision: grantRevision,
      ended: async () => {
        terms.ended();
        request.sweep();
        if (closesSession) await session.close();
      },
    });
    super(hold);
    this.#hold = hold;
    this.name = name;
    this.weight = weight;
    this.grantRevision = grantRevision;
  }

  /**
   * Gives the permits back. Calling it again gives the same answer.
   * @throws CoordinationError `LockLost` when they had been lost before
   */
  release(): Promise<void> {
    return this.#hold.finish();
  }

  /** Gives the permits back and never throws: the work that was done has the last word. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch((error: CoordinationError) => error);
  }
}
