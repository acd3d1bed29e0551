import { isStoreError, type TxnOperation, type TxnRequest } from '../../store/index.js';
import { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { giveBackLater } from '../base/give-back.js';
import { HeldKey, type KeyHold } from '../base/key-hold.js';
import type { JsonValue } from '../base/note.js';
import { rangeOf } from '../base/queue-place.js';
import type { Session } from '../base/session.js';
import { type CoordinationError, isCoordinationError } from '../errors.js';
import { checkDelay, delayOperations } from './queue-delay.js';
import type { QueueKeys } from './queue-layout.js';
import { encodeDead, type MessageBody } from './queue-record.js';

/** What a delivery is made of. */
export interface MessageTerms {
  readonly keys: QueueKeys;
  readonly id: string;
  /** The key under `ready`. */
  readonly readyKey: string;
  readonly priority: number;
  /** Deliveries so far, this one included. */
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly body: MessageBody;
}

/** How to refuse a message. */
export interface NackOptions {
  /** Milliseconds until it may be received again; whole seconds, rounded up. Default: at once. */
  readonly delayMs?: number;
  /** Why, for whoever finds it among the dead letters. */
  readonly reason?: string;
}

/**
 * One delivery of a message: nobody else gets the message as long as it lasts, and it lasts as long
 * as the session of the consumer. It is ended once, by `ack` or `nack`; the first call counts. What
 * ends without either is delivered again.
 *
 * @example
 * const message = await coord.queue<{ url: string }>('downloads').receive({ timeoutMs: 60_000 });
 * await fetch(message.value.url, { signal: message.signal });
 * await message.ack();
 */
export class Message<T extends JsonValue = JsonValue> extends HeldKey implements AsyncDisposable {
  readonly id: string;
  /** As it was sent; whether it is what the consumer expects is for the consumer to check. */
  readonly value: T;
  readonly priority: number;
  /** How often it was delivered, this time included. */
  readonly attempts: number;
  /** Who sent it. */
  readonly sender: string;
  /** Wall-clock milliseconds at which it was sent, by the sender's clock. */
  readonly sentMs: number | undefined;
  /**
   * Larger for every later delivery of this message. A resource outside the store is protected from
   * a consumer that lost the message without knowing when it refuses smaller numbers.
   */
  readonly fence: number;
  readonly #context: RecipeContext;
  readonly #terms: MessageTerms;
  readonly #hold: KeyHold;

  constructor(context: RecipeContext, terms: MessageTerms, hold: KeyHold) {
    super(hold);
    this.#context = context;
    this.#terms = terms;
    this.#hold = hold;
    this.id = terms.id;
    this.value = terms.body.value as T;
    this.priority = terms.priority;
    this.attempts = terms.attempts;
    this.sender = terms.body.identity;
    this.sentMs = terms.body.sinceMs;
    this.fence = hold.terms.createRevision;
  }

  /**
   * The work is done: the message is deleted. Calling it again gives the same answer.
   * @throws CoordinationError `LockLost` when the delivery had ended before, so that the message
   * was or will be delivered again
   */
  ack(): Promise<void> {
    const { keys, id, readyKey } = this.#terms;
    return this.#hold.finish([
      { kind: 'delete', key: readyKey },
      { kind: 'delete', key: keys.body + id },
    ]);
  }

  /**
   * The work is not done: the message keeps its place and may be received again, or later when
   * there is a delay; after the last attempt it goes to the dead letters.
   * @throws CoordinationError `InvalidArgument` for a delay that makes no sense; `LockLost` as
   * `ack`
   */
  async nack(options: NackOptions = {}): Promise<void> {
    const delayMs = checkDelay(options.delayMs ?? 0);
    if (this.#hold.isFinished) return await this.#hold.finish();
    const { keys, id, readyKey, priority, attempts, maxAttempts } = this.#terms;
    const leave: TxnOperation = { kind: 'delete', key: readyKey };
    if (attempts >= maxAttempts) {
      const reason = options.reason ?? `refused ${attempts} times`;
      const value = encodeDead(this.#context, { attempts, priority, reason });
      return await this.#hold.finish([leave, { kind: 'put', key: keys.dead + id, value }]);
    }
    if (delayMs === 0) return await this.#hold.finish();
    const { store, closed } = this.#context;
    const { ended } = this.#hold.terms.session;
    using scope = new CancelScope(store, {}, closed, ended);
    const terms = { keys, id, attempts, priority, delayMs };
    const wait = await delayOperations(this.#context, scope, terms).catch((error: unknown) => {
      // The delivery is over already; finishing it says so.
      if (!ended.isOver) throw error;
      return [];
    });
    await this.#hold.finish([leave, ...wait]);
  }

  /** Refuses the message unless it was acknowledged, and never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.nack().catch((error: CoordinationError) => error);
  }
}

/**
 * Sends the transaction that ends a delivery. Unlike a lock that is given back, a delivery whose
 * session ended meanwhile counts as lost, and so does one that is in doubt while the message still
 * is there: to say that it is done when it will come again would be a lie. Where nothing but the
 * claim is given up, a doubt does no harm: either way the message may be received again.
 */
export async function endDelivery(
  { store }: RecipeContext,
  session: Session,
  request: TxnRequest,
  proofKey: string,
): Promise<'given-back' | 'gone'> {
  using scope = new CancelScope(store, {}, session.ended);
  let unsure = false;
  const send = (success: TxnRequest['success']): Promise<'given-back' | 'gone'> => {
    const isPlain = success?.length === 1;
    return scope.retry(async (failures) => {
      unsure ||= failures > 0;
      const failure = [{ kind: 'range', key: proofKey, keysOnly: true }] as const;
      const result = await store.txn({ ...request, ...(success && { success }), failure });
      if (result.succeeded) return 'given-back';
      const isProven = isPlain || rangeOf(result.responses[0])?.length === 0;
      return unsure && isProven ? 'given-back' : 'gone';
    });
  };
  try {
    return await send(request.success);
  } catch (error) {
    if (scope.signal.aborted) return 'gone';
    const isDelayOver = isCoordinationError(error, 'SessionLost') && isStoreError(error.cause);
    if (!isDelayOver) {
      // Not acknowledged, as its consumer is told: so it must not stay claimed either.
      giveBackLater(store, session, { ...request, success: request.success?.slice(0, 1) ?? [] });
      throw error;
    }
    // The lease of a delay ended before it was used, and with it the delay.
    return await send(request.success?.slice(0, 1));
  }
}
