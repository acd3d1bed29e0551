import { backoffMs, CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import type { JsonValue } from '../base/note.js';
import { CoordinationError, type CoordinationErrorCode, isCoordinationError } from '../errors.js';
import type { Message } from './message.js';

/** How to consume. */
export interface ConsumeOptions<T extends JsonValue = JsonValue> {
  /** Aborting ends the loop after the messages in work are done. */
  readonly signal?: AbortSignal;
  /** Messages in work at once; default 1. */
  readonly concurrency?: number;
  /** Milliseconds until a message that was refused may come again; default 0. */
  readonly retryDelayMs?: number;
  /**
   * Told of what went wrong and was dealt with: a handler that threw, a delivery that was lost, a
   * store out of reach. The loop goes on.
   */
  readonly onFailure?: (error: unknown, message: Message<T> | undefined) => void;
}

/** What passes by itself: the next try has a new session, or finds the store again. */
const PASSING: readonly CoordinationErrorCode[] = ['SessionLost', 'LockLost', 'Unavailable'];

/**
 * Receives messages and passes them to `handler` until the signal is aborted: acknowledges what it
 * did, refuses what it threw at, and waits for every handler before it ends. It outlives sessions.
 */
export async function consume<T extends JsonValue>(
  context: RecipeContext,
  receive: (signal: AbortSignal) => Promise<Message<T>>,
  handler: (message: Message<T>) => unknown,
  options: ConsumeOptions<T>,
): Promise<void> {
  const { concurrency = 1 } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    const message = `concurrency ${concurrency} is not a positive integer`;
    throw new CoordinationError('InvalidArgument', message);
  }
  const { store, closed } = context;
  const { signal } = options;
  using scope = new CancelScope(store, signal === undefined ? {} : { signal }, closed);
  const consumer = new Consumer(context, receive, handler, options, scope);
  const workers = Array.from({ length: concurrency }, () => consumer.work());
  const outcomes = await Promise.allSettled(workers);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  if (closed.isOver) throw closed.reason;
}

class Consumer<T extends JsonValue> {
  readonly #context: RecipeContext;
  readonly #receive: (signal: AbortSignal) => Promise<Message<T>>;
  readonly #handler: (message: Message<T>) => unknown;
  readonly #options: ConsumeOptions<T>;
  readonly #scope: CancelScope;

  constructor(
    context: RecipeContext,
    receive: (signal: AbortSignal) => Promise<Message<T>>,
    handler: (message: Message<T>) => unknown,
    options: ConsumeOptions<T>,
    scope: CancelScope,
  ) {
    this.#context = context;
    this.#receive = receive;
    this.#handler = handler;
    this.#options = options;
    this.#scope = scope;
  }

  /** One message after the other. @throws what does not pass; it stops the other workers too */
  async work(): Promise<void> {
    for (let failures = 0; !this.#scope.signal.aborted; ) {
      try {
        const message = await this.#receive(this.#scope.signal);
        failures = 0;
        await this.#handle(message);
      } catch (error) {
        if (this.#scope.signal.aborted) return;
        if (!PASSING.some((code) => isCoordinationError(error, code))) {
          this.#scope.abort(error);
          throw error;
        }
        this.#tell(error, undefined);
        await this.#pause(failures++);
      }
    }
  }

  async #handle(message: Message<T>): Promise<void> {
    const { retryDelayMs = 0 } = this.#options;
    try {
      await this.#handler(message);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      try {
        this.#tell(error, message);
      } finally {
        // Also when whoever is told throws, which ends the loop and not the session.
        await this.#settle(message, () => message.nack({ delayMs: retryDelayMs, reason }));
      }
      return;
    }
    await this.#settle(message, () => message.ack());
  }

  /** A delivery that was lost comes again, to whomever; that is no reason to stop. */
  async #settle(message: Message<T>, settle: () => Promise<void>): Promise<void> {
    try {
      await settle();
    } catch (error) {
      if (!isCoordinationError(error) || isCoordinationError(error, 'StoreRefused')) throw error;
      this.#tell(error, message);
    }
  }

  #tell(error: unknown, message: Message<T> | undefined): void {
    this.#options.onFailure?.(error, message);
  }

  async #pause(failures: number): Promise<void> {
    const pauseMs = backoffMs(this.#context.store.random, failures);
    // An abort ends the pause, and the loop sees it.
    await this.#scope.pause(pauseMs).catch(() => undefined);
  }
}
