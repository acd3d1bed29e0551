import { merge, map, type Observable, take } from 'rxjs';
import type { Compare, TxnRequest } from '../../store/index.js';
import type { RecipeContext } from '../base/context.js';
import { giveBack } from '../base/give-back.js';
import type { Guarded } from '../base/guarded.js';
import { GuardedTxn } from '../compose/guarded-txn.js';
import { CoordinationError, type LossCause } from '../errors.js';
import type { LockHold } from './lock-hold.js';

/** Which lock of several was lost, and why. */
export interface LockSetLoss {
  readonly name: string;
  readonly loss: LossCause;
}

/**
 * The holds of several locks as one, from the grant of the last to the release of all. Owns their
 * common end: the loss of one ends all, for work that needed them all; the others are still to be
 * released.
 */
export class LockSetHold {
  readonly holds: readonly LockHold[];
  readonly #context: RecipeContext;
  readonly #controller = new AbortController();

  constructor(context: RecipeContext, holds: readonly LockHold[]) {
    this.#context = context;
    this.holds = holds;
    for (const { signal } of holds) {
      const end = (): void => this.#end(signal.reason);
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** A transaction without conditions yet. */
  newTxn(): GuardedTxn {
    return new GuardedTxn(this.#context.store, this.#context.closed);
  }

  /** As `LockHold.isOver`, of any of them. */
  get isOver(): boolean {
    return this.holds.some((hold) => hold.isOver);
  }

  /** @throws CoordinationError `SessionLost` */
  async confirmed(): Promise<void> {
    await Promise.all(this.holds.map((hold) => hold.confirmed()));
  }

  /** @throws CoordinationError `LockLost` when one was lost */
  async checkLoss(): Promise<void> {
    for (const hold of this.holds) await hold.checkLoss();
  }

  /** @throws CoordinationError `LockLost` when one was lost before */
  async release(): Promise<void> {
    const { holds } = this;
    const [first] = holds;
    if (first === undefined) return;
    const lost = holds.find((hold) => hold.ownership.loss !== undefined);
    this.#end(new CoordinationError('NotOwner', 'the locks were given back'));
    for (const hold of holds) hold.ownership.end();
    let gone: LockHold | undefined;
    // All go together; if one is gone already, each of the others goes by itself.
    const request: TxnRequest = {
      compare: holds.map(guardOf),
      success: holds.flatMap((hold) => hold.terms.place.removal),
      failure: holds.map((hold) => ({
        kind: 'txn',
        compare: [guardOf(hold)],
        success: hold.terms.place.removal,
      })),
    };
    const { session } = first.terms.place;
    const outcome = await giveBack(this.#context.store, session, request, ({ responses }) => {
      gone = holds.find((_hold, at) => {
        const response = responses[at];
        return response?.kind === 'txn' && !response.succeeded;
      });
    });
    for (const hold of holds) hold.terms.place.sweep();
    const blamed = lost ?? (outcome === 'gone' ? gone : undefined);
    if (blamed === undefined) return;
    const loss = (await blamed.ownership.settledLoss()) ?? (await blamed.ownership.askWhyGone());
    throw blamed.ownership.lostError(loss);
  }

  #end(reason: unknown): void {
    if (!this.signal.aborted) this.#controller.abort(reason);
  }
}

/**
 * Several locks that are held together, for as long as `signal` says so.
 *
 * @example
 * await using held = await coord.locks(['accounts/7', 'accounts/9']).acquire({ timeoutMs: 5000 });
 * await held.txn().put('accounts/7/balance', '1').commitOrThrow();
 */
export class HeldLockSet implements AsyncDisposable, Guarded {
  /** By name, what fences each lock; as `HeldLock.fence`. */
  readonly fences: ReadonlyMap<string, number>;
  readonly #hold: LockSetHold;
  readonly #giveBack: () => Promise<void>;
  #released: Promise<void> | undefined;

  constructor(hold: LockSetHold, release: () => Promise<void>) {
    this.#hold = hold;
    this.#giveBack = release;
    const pairs = hold.holds.map(({ terms }) => [terms.name, terms.place.createRevision] as const);
    this.fences = new Map(pairs);
  }

  /** Aborted when one of the locks is lost, or all are given back. */
  get signal(): AbortSignal {
    return this.#hold.signal;
  }

  /** Emits the first loss, if there is one; completes then, or at the end of all. */
  get lost$(): Observable<LockSetLoss> {
    const losses = this.#hold.holds.map(({ ownership, terms: { name } }) =>
      ownership.lost$.pipe(map((loss) => ({ name, loss }))),
    );
    return merge(...losses).pipe(take(1));
  }

  /**
   * Returns when all are held at this moment.
   * @throws CoordinationError `LockLost`, `NotOwner`, `Unavailable`
   */
  assertHeld(): void {
    for (const { ownership } of this.#hold.holds) ownership.assert();
  }

  /** Milliseconds until the first of the holds ends unless its session is renewed. */
  expiresIn(): number {
    return Math.min(...this.#hold.holds.map(({ ownership }) => ownership.expiresIn()));
  }

  /** The conditions "this hold still exists", one for each lock. */
  guard(): readonly Compare[] {
    return this.#hold.holds.map(guardOf);
  }

  /** A transaction that happens only while all these holds exist; as `HeldLock.txn`. */
  txn(): GuardedTxn {
    return this.#hold.newTxn().if(this);
  }

  /**
   * Gives all back in one transaction. Calling it again gives the same answer.
   * @throws CoordinationError `LockLost` when one of them had been lost before
   */
  release(): Promise<void> {
    this.#released ??= this.#giveBack();
    return this.#released;
  }

  /** Gives all back and never throws: the work that was done has the last word. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch((error: CoordinationError) => error);
  }
}

function guardOf({ terms: { place } }: LockHold): Compare {
  return { key: place.key, target: 'create', operator: '=', operand: place.createRevision };
}
