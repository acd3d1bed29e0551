import type { TxnOperation } from '../../store/index.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { enterQueue } from '../base/enter-queue.js';
import { encodeNote, type Metadata } from '../base/note.js';
import { QueuePlace } from '../base/queue-place.js';
import type { InTheWay, QueueShape } from '../base/queue-view.js';
import type { Session, SessionOptions } from '../base/session.js';
import { LockDelay } from './lock-delay.js';
import { LockHold } from './lock-hold.js';

/** A queue whose turn is a hold. */
export interface HoldQueue {
  /** For messages, such as `lock "jobs"`. */
  readonly what: string;
  readonly name: string;
  readonly prefix: string;
  readonly shape: QueueShape & { readonly brokenKey: string };
  /** What goes with an entry, given its id, when it did not come with it. */
  readonly alsoRemove?: (id: string) => TxnOperation;
}

/** How to take a hold. */
export interface HoldOptions extends WaitOptions {
  /** What others see of this holder or waiter. */
  readonly metadata?: Metadata;
  /** A session for this acquisition alone, instead of the shared one. */
  readonly privateSession?: SessionOptions;
  readonly delaySeconds?: number;
}

/** Told of the entry that was made, before its turn has come. */
export type Placed = (place: QueuePlace) => void;

/** Waits in line. Whatever it leaves behind when it fails is cleared away in the background. */
export async function takeHold(
  context: RecipeContext,
  queue: HoldQueue,
  options: HoldOptions,
  placed: Placed,
): Promise<LockHold> {
  const taking = new Taking(context, queue, options);
  using scope = taking.scope();
  const { place } = await taking.enter(scope, (entering, inner) =>
    entering.enter(inner, taking.value),
  );
  placed(place);
  return await taking.finish(scope, place, async () => (await place.reachHead(scope)).revision);
}

/** The hold when it is to be had at once, in one transaction; otherwise what is in the way. */
export async function tryTakeHold(
  context: RecipeContext,
  queue: HoldQueue,
  options: HoldOptions,
): Promise<LockHold | InTheWay> {
  const taking = new Taking(context, queue, options);
  using scope = taking.scope();
  const { place, entry } = await taking.enter(scope, (entering, inner) =>
    entering.enterIfEmpty(inner, taking.value),
  );
  if (!entry.entered) {
    if (options.privateSession !== undefined) void context.track(place.session.close());
    return { others: entry.others, isKeptFree: entry.isKeptFree };
  }
  return await taking.finish(scope, place, async () => {
    await scope.race(place.session.confirmed());
    return entry.revision;
  });
}

/** One acquisition in the making. */
class Taking {
  readonly value: string;
  readonly #context: RecipeContext;
  readonly #queue: HoldQueue;
  readonly #options: HoldOptions;

  constructor(context: RecipeContext, queue: HoldQueue, options: HoldOptions) {
    this.#context = context;
    this.#queue = queue;
    this.#options = options;
    this.value = encodeNote(context, options.metadata);
  }

  scope(): CancelScope {
    return new CancelScope(this.#context.store, this.#options, this.#context.closed);
  }

  enter<T>(
    scope: CancelScope,
    enter: (place: QueuePlace, scope: CancelScope) => Promise<T>,
  ): Promise<{ readonly place: QueuePlace; readonly entry: T }> {
    const { prefix, shape } = this.#queue;
    return enterQueue(this.#context, scope, {
      session: () => this.#session(scope),
      place: (session) => new QueuePlace(this.#context, session, prefix, this.#alsoRemove(), shape),
      enter,
      drop: (place) => this.#drop(place),
    });
  }

  /** From the entry to the hold: its turn, the delay, and a last look at the clock. */
  async finish(
    scope: CancelScope,
    place: QueuePlace,
    reachTurn: () => Promise<number>,
  ): Promise<LockHold> {
    const { what, name, shape } = this.#queue;
    let delay: LockDelay | undefined;
    try {
      const revision = await reachTurn();
      delay = await this.#arm(scope, place);
      place.session.assertAlive();
      return new LockHold(this.#context, {
        what,
        name,
        place,
        revision,
        closesSession: this.#options.privateSession !== undefined,
        brokenKey: shape.brokenKey,
        delay,
      });
    } catch (error) {
      this.#drop(place);
      delay?.clear();
      throw error;
    }
  }

  async #arm(scope: CancelScope, place: QueuePlace): Promise<LockDelay | undefined> {
    const { delaySeconds } = this.#options;
    const prefix = this.#queue.shape.delayPrefix;
    if (delaySeconds === undefined || prefix === undefined) return undefined;
    const { value } = this;
    const delay = await LockDelay.arm(this.#context, scope, { place, prefix, delaySeconds, value });
    await scope.race(place.session.confirmed());
    return delay;
  }

  #alsoRemove(): ((id: string) => TxnOperation) | undefined {
    const { shape, alsoRemove } = this.#queue;
    const { delayPrefix } = shape;
    if (this.#options.delaySeconds === undefined || delayPrefix === undefined) return alsoRemove;
    return (id) => ({ kind: 'delete', key: delayPrefix + id });
  }

  #session(scope: CancelScope): Promise<Session> {
    const { sessions } = this.#context;
    const { privateSession } = this.#options;
    return privateSession === undefined
      ? sessions.shared(scope)
      : sessions.apart(scope, privateSession);
  }

  #drop(place: QueuePlace): void {
    if (this.#options.privateSession === undefined) place.abandon();
    else void this.#context.track(place.session.close());
  }
}
