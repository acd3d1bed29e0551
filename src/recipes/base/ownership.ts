import { type Observable, ReplaySubject } from 'rxjs';
import type { Timer } from '../../ports/clock.js';
import { type KeyValue, toText } from '../../store/index.js';
import { awaitChange } from './await-change.js';
import { CancelScope } from './cancel-scope.js';
import type { RecipeContext } from './context.js';
import { CoordinationError, describeLoss, type LossCause } from '../errors.js';
import { Ending } from './ending.js';
import type { Session } from './session.js';
import { TIMING } from './timing.js';
import { whyGone } from './why-gone.js';

/** What is owned, and how to recognise it. */
export interface OwnershipTerms {
  /** For messages, such as `lock "jobs"`. */
  readonly what: string;
  readonly key: string;
  /** The revision at which the ownership was seen. */
  readonly revision: number;
  /** Whether the pair under the key still is the owner's. */
  readonly isMine: (kv: KeyValue) => boolean;
  /** What a pair under the key that is not the owner's says about the loss; default: replaced. */
  readonly lossBy?: (kv: KeyValue) => LossCause;
  /** Where an administrator who breaks the ownership leaves a note. */
  readonly brokenKey?: string;
  /** For how long the key is not watched yet; default: a moment. */
  readonly unwatchedMs?: number;
}

/**
 * One ownership from its beginning to its end, whichever comes first: given back, session lost, key
 * gone, coordination closed. Owns the signal that says so, and the watch on the key. It ends once,
 * and the signal is aborted before anything is sent that could make another the owner. Why a key is
 * gone is asked for only after the signal was aborted: `lost$` waits for the answer, nobody's work
 * does.
 *
 * The watch is opened when the ownership has lasted for a moment, so that a short one does not pay
 * for it. It begins at the revision at which the ownership was seen, so it misses nothing: what
 * somebody else does to the key in that moment is noticed at the end of it. The end of the session
 * is noticed by its own clock, watch or no watch.
 */
export class Ownership {
  readonly #context: RecipeContext;
  readonly #session: Session;
  readonly #terms: OwnershipTerms;
  readonly #ended = new Ending();
  readonly #lost = new ReplaySubject<LossCause>(1);
  readonly #scope: CancelScope;
  readonly #watchTimer: Timer | undefined;
  #loss: LossCause | undefined;
  #inquiry: Promise<LossCause> | undefined;

  constructor(context: RecipeContext, session: Session, terms: OwnershipTerms) {
    this.#context = context;
    this.#session = session;
    this.#terms = terms;
    this.#scope = new CancelScope(context.store, {}, session.ended, context.closed);
    const end = (): void => {
      const state = session.state;
      this.#lose(state.kind === 'lost' ? state.loss : { kind: 'closed' }, undefined);
    };
    this.#scope.ended.follow(end);
    if (!this.#ended.isOver) {
      const { unwatchedMs = TIMING.holdUnwatchedMs } = terms;
      this.#watchTimer = context.store.clock.timer(unwatchedMs, () => {
        void context.track(this.#watch()).catch(() => undefined);
      });
    }
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Whether it has ended, after a look at the clock. */
  get isOver(): boolean {
    void this.#session.state;
    return this.#ended.isOver;
  }

  /**
   * Why the ownership was lost, as far as it is known now; undefined while it is not, or when it
   * was given back in order.
   */
  get loss(): LossCause | undefined {
    return this.#loss;
  }

  /** As `loss`, once all that can be learned about it is known; that takes two seconds at most. */
  async settledLoss(): Promise<LossCause | undefined> {
    return this.#inquiry === undefined ? this.#loss : await this.#inquiry;
  }

  /** Why the own key, which was found to be gone, is gone. */
  async askWhyGone(): Promise<LossCause> {
    const { key, brokenKey } = this.#terms;
    return await whyGone(this.#context, this.#session, { key, brokenKey });
  }

  /** Emits the cause when the ownership is lost, also to late subscribers; completes at any end. */
  get lost$(): Observable<LossCause> {
    return this.#lost.asObservable();
  }

  /** @throws CoordinationError `LockLost`, `NotOwner`, or `Unavailable` during a clock jump */
  assert(): void {
    // Reading the state looks at the clock, and that may be what ends the ownership.
    void this.#session.state;
    if (this.#loss !== undefined) throw this.lostError(this.#loss);
    if (this.#ended.isOver) throw this.#ended.reason;
    this.#session.assertAlive();
  }

  expiresIn(): number {
    const leftMs = this.#session.expiresIn();
    return this.#ended.isOver ? 0 : leftMs;
  }

  lostError(loss: LossCause): CoordinationError {
    return new CoordinationError('LockLost', `${this.#terms.what} lost: ${describeLoss(loss)}`, {
      loss,
    });
  }

  /** The owner gives it back. */
  end(): void {
    if (this.#ended.isOver) return;
    const { what } = this.#terms;
    this.#stop(() => new CoordinationError('NotOwner', `${what} was given back`));
    this.#lost.complete();
  }

  /** @param inquiry - Learns more about the cause than is known at once. */
  #lose(loss: LossCause, inquiry: (() => Promise<LossCause>) | undefined): void {
    if (this.#ended.isOver) return;
    this.#loss = loss;
    this.#stop(() => this.lostError(loss));
    const settle = (settled: LossCause): void => {
      this.#loss = settled;
      this.#lost.next(settled);
      this.#lost.complete();
    };
    if (inquiry === undefined) return settle(loss);
    this.#inquiry = inquiry();
    void this.#context.track(this.#inquiry.then(settle)).catch(() => undefined);
  }

  #stop(makeReason: () => CoordinationError): void {
    this.#watchTimer?.cancel();
    this.#ended.endFor(makeReason);
    this.#scope.ended.endFor(() => this.#ended.reason);
    this.#scope[Symbol.dispose]();
  }

  async #watch(): Promise<void> {
    const { store } = this.#context;
    const { key } = this.#terms;
    const pollMs = this.#context.safetyPollMs(this.#session.ttlMs);
    let revision = this.#terms.revision;
    for (;;) {
      const watch = { key, startRevision: revision + 1 };
      const batch = await awaitChange(store, this.#scope, [watch], pollMs);
      const event = batch?.events.at(-1);
      if (event !== undefined) this.#judge(event.type === 'put' ? event.kv : undefined);
      const { signal } = this.#scope;
      try {
        const read = await this.#scope.retry(() => store.range({ key }, { signal }));
        this.#judge(read.kvs[0]);
        revision = read.header.revision;
      } catch {
        this.#scope.check();
        // A read that is refused says nothing of the key, and may be granted again.
        await this.#scope.pause(TIMING.retryMaxMs);
      }
    }
  }

  /** What the store has under the key; whatever is not the owner's own pair ends the ownership. */
  #judge(kv: KeyValue | undefined): void {
    const { key, isMine, lossBy } = this.#terms;
    if (kv === undefined) this.#lose({ kind: 'deleted', key }, () => this.askWhyGone());
    else if (!isMine(kv))
      this.#lose(lossBy?.(kv) ?? { kind: 'replaced', key: toText(kv.key) }, undefined);
    this.#scope.check();
  }
}
