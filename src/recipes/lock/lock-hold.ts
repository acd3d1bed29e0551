import type { Compare } from '../../store/index.js';
import type { RecipeContext } from '../base/context.js';
import { giveBack } from '../base/give-back.js';
import { Ownership } from '../base/ownership.js';
import type { QueuePlace } from '../base/queue-place.js';
import { GuardedTxn } from '../compose/guarded-txn.js';
import type { LockDelay } from './lock-delay.js';

export interface HoldTerms {
  /** For messages, such as `lock "jobs"`. */
  readonly what: string;
  readonly name: string;
  readonly place: QueuePlace;
  /** The revision at which the place was seen to be the first. */
  readonly revision: number;
  /** Whether the session exists for this hold alone. */
  readonly closesSession: boolean;
  readonly brokenKey: string;
  /** What keeps others out for a while when the hold is lost. */
  readonly delay: LockDelay | undefined;
}

/**
 * One hold of a lock, from grant to release, however many views of it an owner was given. Owns the
 * end of its entry in the queue; it must never delete any other.
 */
export class LockHold {
  readonly terms: HoldTerms;
  readonly ownership: Ownership;
  readonly #context: RecipeContext;

  constructor(context: RecipeContext, terms: HoldTerms) {
    this.#context = context;
    this.terms = terms;
    const { place, what, revision, brokenKey, delay } = terms;
    this.ownership = new Ownership(context, place.session, {
      what,
      key: place.key,
      revision,
      isMine: (kv) => kv.createRevision === place.createRevision,
      brokenKey,
      // Closing soon after a loss that nobody noticed would look like an orderly end.
      ...(delay === undefined ? {} : { unwatchedMs: 0 }),
    });
    if (delay !== undefined) {
      this.ownership.lost$.subscribe(({ kind }) => {
        // Closing in order has waited for the work: nobody has to be kept out.
        if (kind === 'closed') delay.clear();
        else delay.keepOut();
      });
    }
  }

  /** The condition "this hold still exists". */
  guard(): Compare {
    const { key, createRevision } = this.terms.place;
    return { key, target: 'create', operator: '=', operand: createRevision };
  }

  /** A transaction without conditions yet. */
  newTxn(): GuardedTxn {
    return new GuardedTxn(this.#context.store, this.#context.closed);
  }

  /** Aborted at the end of the hold. */
  get signal(): AbortSignal {
    return this.ownership.signal;
  }

  /** Whether the hold has ended, by the clock and not by what timers said. */
  get isOver(): boolean {
    return this.ownership.isOver;
  }

  /** Resolves when its session is certain to live. @throws CoordinationError `SessionLost` */
  confirmed(): Promise<void> {
    return this.terms.place.session.confirmed();
  }

  /** @throws CoordinationError `LockLost` when the lock was lost */
  async checkLoss(): Promise<void> {
    const loss = this.isOver ? await this.ownership.settledLoss() : undefined;
    if (loss !== undefined) throw this.ownership.lostError(loss);
  }

  /** @throws CoordinationError `LockLost` when the lock was lost before */
  async release(): Promise<void> {
    const { loss } = this.ownership;
    this.ownership.end();
    try {
      if (loss !== undefined) {
        throw this.ownership.lostError((await this.ownership.settledLoss()) ?? loss);
      }
      await this.#delete();
    } finally {
      // A delay that keeps others out is not to go with what an old write may have left.
      this.terms.place.sweep(this.terms.delay?.isEnding !== true);
      if (this.terms.closesSession) await this.terms.place.session.close();
    }
  }

  /**
   * Deletes the own entry and no other, or leaves that to the end of the lease. If whoever is next
   * is of this process, the same transaction tells it so.
   */
  async #delete(): Promise<void> {
    const { place, delay } = this.terms;
    const { session, removal } = place;
    const heir = place.heir;
    let isDeleted = false;
    let outcome: 'given-back' | 'gone';
    try {
      const success = heir === undefined ? removal : [...removal, ...heir.promise()];
      const request = { compare: [this.guard()], success };
      outcome = await giveBack(this.#context.store, session, request, (result) => {
        isDeleted = result.succeeded;
        heir?.answered(result, removal.length);
      });
    } catch (error) {
      // What was refused is sent again, and finds nothing to do when the entry goes before that.
      delay?.clear();
      throw error;
    } finally {
      heir?.settle();
    }
    if (outcome === 'gone') {
      delay?.keepOut();
      throw this.ownership.lostError(await this.ownership.askWhyGone());
    }
    // The session may have ended first: then the delay is not gone with the entry.
    if (session.ended.isOver) delay?.clear();
    // After a lost answer it may have been somebody else who deleted the entry, and nothing but it.
    else if (!isDeleted) delay?.keepOut();
  }
}
