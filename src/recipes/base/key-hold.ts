import type { Observable } from 'rxjs';
import type { Compare, TxnOperation, TxnRequest } from '../../store/index.js';
import type { LossCause } from '../errors.js';
import type { RecipeContext } from './context.js';
import { giveBack } from './give-back.js';
import type { Guarded } from './guarded.js';
import { Ownership } from './ownership.js';
import type { Session } from './session.js';

/** What a hold of a key is made of. */
export interface KeyHoldTerms {
  /** For messages, such as `permit of semaphore "jobs"`. */
  readonly what: string;
  readonly key: string;
  readonly session: Session;
  /** By which the key is known to be the owner's. */
  readonly createRevision: number;
  /** The revision at which the hold was seen to exist. */
  readonly revision: number;
  /** Called once when the owner has ended the hold, whether or not it was still one. */
  readonly ended: () => Promise<void> | void;
  /** Sends the transaction that ends the hold; default: as something is given back. */
  readonly send?: (request: TxnRequest) => Promise<'given-back' | 'gone'>;
}

/**
 * One hold that stands on one leased key, from its beginning to its end. It ends once, by one
 * transaction that names this one hold.
 */
export class KeyHold {
  readonly terms: KeyHoldTerms;
  readonly ownership: Ownership;
  readonly #context: RecipeContext;
  #finished: Promise<void> | undefined;

  constructor(context: RecipeContext, terms: KeyHoldTerms) {
    this.#context = context;
    this.terms = terms;
    this.ownership = new Ownership(context, terms.session, {
      what: terms.what,
      key: terms.key,
      revision: terms.revision,
      isMine: (kv) => kv.createRevision === terms.createRevision,
    });
  }

  /** The condition "this hold still exists". */
  guard(): Compare {
    const { key, createRevision } = this.terms;
    return { key, target: 'create', operator: '=', operand: createRevision };
  }

  /** Whether the owner has ended the hold, or is about to. */
  get isFinished(): boolean {
    return this.#finished !== undefined;
  }

  /**
   * Ends the hold by deleting its key, together with `also`. Only the first call counts; the others
   * get its answer.
   * @throws CoordinationError `LockLost` when the hold had been lost before; then nothing was done
   */
  finish(also: readonly TxnOperation[] = []): Promise<void> {
    this.#finished ??= this.#finish(also);
    return this.#finished;
  }

  async #finish(also: readonly TxnOperation[]): Promise<void> {
    const { key, session, ended, send } = this.terms;
    const { loss } = this.ownership;
    this.ownership.end();
    try {
      if (loss !== undefined) {
        throw this.ownership.lostError((await this.ownership.settledLoss()) ?? loss);
      }
      const request: TxnRequest = {
        compare: [this.guard()],
        success: [{ kind: 'delete', key }, ...also],
      };
      const outcome = await (send === undefined
        ? giveBack(this.#context.store, session, request)
        : send(request));
      if (outcome === 'gone') throw this.ownership.lostError(await this.ownership.askWhyGone());
    } finally {
      await ended();
    }
  }
}

/**
 * What everything that is held has in common. The signal is aborted before the server can give to
 * another what is held: at a local deadline that falls before the end of the lease, when the
 * session ends, and when it is given back. It is also aborted when somebody takes the key away by
 * hand, as soon as that is heard of.
 *
 * @example
 * const permit: HeldKey = await coord.semaphore('slots', { initialLimit: 4 }).acquire();
 * permit.signal.addEventListener('abort', () => stopWorking());
 * await coord.txn().if(permit).put('slots/last', 'host-7').commitOrThrow();
 */
export class HeldKey implements Guarded {
  readonly #hold: KeyHold;

  constructor(hold: KeyHold) {
    this.#hold = hold;
  }

  /** The key that stands for this hold. */
  get key(): string {
    return this.#hold.terms.key;
  }

  /** Aborted when the hold is lost or given back; the reason is a CoordinationError. */
  get signal(): AbortSignal {
    return this.#hold.ownership.signal;
  }

  /** Emits the cause if the hold is lost, also to late subscribers; completes at its end. */
  get lost$(): Observable<LossCause> {
    return this.#hold.ownership.lost$;
  }

  /**
   * Returns when the hold exists at this moment, by the clock and not by what timers said.
   * @throws CoordinationError `LockLost`, `NotOwner` after it was given back, `Unavailable` while a
   * jump of the wall clock is being looked into
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
    return this.#hold.guard();
  }
}
