import type { Observable } from 'rxjs';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { enterQueue } from '../base/enter-queue.js';
import type { JsonValue, Metadata } from '../base/note.js';
import { QueuePlace } from '../base/queue-place.js';
import { RecipeView } from '../base/recipe-view.js';
import type { WaitPlan } from '../base/wait-plan.js';
import { CoordinationError } from '../errors.js';
import { consume, type ConsumeOptions } from './consume.js';
import { DeadLetters } from './dead-letters.js';
import { Message } from './message.js';
import { queueKeys, type QueueKeys } from './queue-layout.js';
import { QueueLooker } from './queue-look.js';
import { type SendOptions, sendMessage, type SendResult } from './queue-send.js';
import { planOf, type QueueRule, type QueueStatus, statusOf } from './queue-status.js';
import { type Delivery, ReceiveRequest } from './receive-request.js';

/** Deliveries after which a message is given up, unless told otherwise. */
const MAX_ATTEMPTS = 10;

/** How a handle of a queue behaves. */
export interface QueueOptions {
  /**
   * Deliveries without acknowledgement after which a message goes to the dead letters; default 10.
   * It is judged by whichever consumer meets the message, so all should be given the same.
   */
  readonly maxAttempts?: number;
}

/** How to receive. */
export interface ReceiveOptions extends WaitOptions {
  /** What others see of this consumer. */
  readonly metadata?: Metadata;
}

/**
 * A queue for work that must not be lost: each message goes to one consumer at a time, and comes
 * again until one acknowledges it, or until it is given up. Of the messages that are ready the one
 * with the highest priority is next, and among equals the one that was ready first. It is for
 * coordination, with thousands of messages, and no message broker. (After Redisson's
 * RReliableQueue; the claim beside the message is that of Curator's lock-safe queue, with the fence
 * that it lacks.)
 *
 * @example
 * const downloads = coord.queue<{ url: string }>('downloads');
 * await downloads.send({ url: 'https://example.org/' }, { priority: 5 });
 * const download = ({ value, signal }: Message<{ url: string }>) => fetch(value.url, { signal });
 * await downloads.consume(download, { concurrency: 4, signal: stop });
 */
export class Queue<T extends JsonValue = JsonValue> {
  readonly name: string;
  /** How many messages are where, and who works and waits, at each revision. */
  readonly status$: RecipeView<QueueStatus>;
  /** Why this handle waits; for one that neither waits nor works, what receiving would meet. */
  readonly plan$: Observable<WaitPlan<QueueRule>>;
  readonly #context: RecipeContext;
  readonly #keys: QueueKeys;
  readonly #looker: QueueLooker;
  readonly #maxAttempts: number;
  /** Keys of what this handle has in line and in work. */
  readonly #mine = new Set<string>();

  /** @throws CoordinationError `InvalidArgument` */
  constructor(context: RecipeContext, name: string, options: QueueOptions = {}) {
    const { maxAttempts = MAX_ATTEMPTS } = options;
    if (!Number.isInteger(maxAttempts) || maxAttempts < 1) {
      const message = `maxAttempts ${maxAttempts} is not a positive integer`;
      throw new CoordinationError('InvalidArgument', message);
    }
    this.#context = context;
    this.name = name;
    this.#keys = queueKeys(name);
    this.#looker = new QueueLooker(context, this.#keys);
    this.#maxAttempts = maxAttempts;
    const prefixes = [this.#keys.index] as const;
    this.status$ = new RecipeView(context, { prefixes, derive: ([index]) => statusOf(index) });
    this.plan$ = new RecipeView(context, {
      prefixes,
      derive: ([index]) => planOf(statusOf(index), this.#mine),
    });
  }

  /**
   * Sends a message; it is durable when this resolves.
   * @throws CoordinationError `InvalidArgument`; `Aborted`, `Timeout` or `Unavailable`: it may have
   * been sent
   *
   * @example
   * const { isAccepted } = await coord.queue('mail').send({ to: 'ann' }, { id: 'welcome-ann' });
   */
  send(value: T, options: SendOptions = {}): Promise<SendResult> {
    return sendMessage(this.#context, this.#keys, value, options);
  }

  /**
   * Waits for a message.
   * @throws CoordinationError `Aborted`, `Timeout`, `SessionLost`; `LockLost` when somebody deleted
   * the place of this consumer in line
   */
  async receive(options: ReceiveOptions = {}): Promise<Message<T>> {
    using scope = new CancelScope(this.#context.store, options, this.#context.closed);
    const request = await this.#enter(scope, options, async (entering, inner) => {
      await entering.begin(inner);
    });
    try {
      return this.#toMessage(request, await request.wait(scope));
    } catch (error) {
      request.drop();
      throw error;
    }
  }

  /**
   * Takes a message if more are ready than consumers wait in line; otherwise the answer is
   * undefined and nothing is left.
   * @throws CoordinationError as `receive`
   */
  async tryReceive(options: ReceiveOptions = {}): Promise<Message<T> | undefined> {
    using scope = new CancelScope(this.#context.store, options, this.#context.closed);
    let delivery: Delivery | undefined;
    const request = await this.#enter(scope, options, async (entering, inner) => {
      delivery = await entering.tryNow(inner);
    });
    return delivery && this.#toMessage(request, delivery);
  }

  /**
   * Receives messages and passes them to `handler` until the signal is aborted: acknowledges what
   * it did, refuses what it threw at. Resolves when every handler has ended. A handler that must
   * not work on what is lost watches `message.signal`.
   * @throws CoordinationError `InvalidArgument`; `Aborted` when the coordination object closes
   *
   * @example
   * await coord.queue('jobs').consume((message) => work(message.value), { signal: stop });
   */
  consume(
    handler: (message: Message<T>) => unknown,
    options: ConsumeOptions<T> = {},
  ): Promise<void> {
    const receive = (signal: AbortSignal): Promise<Message<T>> => this.receive({ signal });
    return this.#context.track(consume(this.#context, receive, handler, options));
  }

  /** The messages that were given up. */
  deadLetters(): DeadLetters {
    return new DeadLetters(this.#context, this.#keys);
  }

  async #enter(
    scope: CancelScope,
    { metadata }: ReceiveOptions,
    begin: (request: ReceiveRequest, scope: CancelScope) => Promise<void>,
  ): Promise<ReceiveRequest> {
    const requests = new Map<QueuePlace, ReceiveRequest>();
    const known = (place: QueuePlace): ReceiveRequest => {
      const request = requests.get(place);
      if (request === undefined) throw new Error('a place in line without a request');
      return request;
    };
    const { place } = await enterQueue(this.#context, scope, {
      session: () => this.#context.sessions.shared(scope),
      place: (session) => {
        const made = new QueuePlace(this.#context, session, this.#keys.line);
        const request = new ReceiveRequest(this.#context, made, {
          name: this.name,
          keys: this.#keys,
          looker: this.#looker,
          maxAttempts: this.#maxAttempts,
          metadata,
          mine: this.#mine,
        });
        requests.set(made, request);
        return made;
      },
      enter: (made, inner) => begin(known(made), inner),
      drop: (made) => known(made).drop(),
    });
    return known(place);
  }

  #toMessage(request: ReceiveRequest, { hold, terms }: Delivery): Message<T> {
    request.sweepLine();
    return new Message<T>(this.#context, terms, hold);
  }
}
