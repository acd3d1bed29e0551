import { status } from '@grpc/grpc-js';
import type { Clock } from '../ports/clock.js';
import { isStoreError, StoreError } from '../store/index.js';
import { fromStatus } from '../wire/errors.js';
import type { MethodDefinition } from '../wire/method.js';
import { Backoff } from './backoff.js';
import { CallFailure } from './call-failure.js';
import { type Fate, isOfTheMember } from './call-fate.js';
import type { ClientContext } from './context.js';
import { canceled } from './lifetime.js';
import type { Link } from './link.js';
import { makeCall, type OutgoingCall } from './one-call.js';
import { Patience } from './patience.js';

/** How a call may be made. */
export interface CallTerms {
  /**
   * What may be done after a failure. `safe`: it only reads, ask again. `never`: it is tried again
   * where nothing can have come of it, and otherwise only if the client was told to repeat writes.
   * `once`: it is not tried again at all; the failure is what the caller wants to know.
   */
  readonly repeat: 'safe' | 'never' | 'once';
  /** Whether a member without a leader is to refuse at once, instead of letting the caller wait. */
  readonly needsLeader: boolean;
  /** Whether the answer may be long, and had better not stand in line with others. */
  readonly isLong?: boolean;
}

export const READ: CallTerms = { repeat: 'safe', needsLeader: true };
export const LOCAL_READ: CallTerms = { repeat: 'safe', needsLeader: false };
export const WRITE: CallTerms = { repeat: 'never', needsLeader: true };
export const ONCE: CallTerms = { repeat: 'once', needsLeader: false };

/**
 * Calls with one request and one answer. Decides, alone in the client, what is tried again, by what
 * is known of the fate of each try, and for how long.
 */
export class UnaryCalls {
  readonly #context: ClientContext;
  readonly #clock: Clock;
  readonly #patience: Patience;

  constructor(context: ClientContext) {
    this.#context = context;
    this.#clock = context.clock;
    this.#patience = new Patience(context.connections, context.clock);
  }

  /** @throws StoreError whatever the server answers, `Unavailable`, `Canceled`, `Stopped` */
  async call<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    terms: CallTerms,
    signal?: AbortSignal,
  ): Promise<Response> {
    const { lifetime, random, settings } = this.#context;
    lifetime.check(signal);
    const outgoing: OutgoingCall = {
      path: method.path,
      request: encode(method, request),
      needsLeader: terms.needsLeader && settings.requireLeader,
      alone: terms.isLong === true || !settings.pipe,
    };
    const startMs = this.#clock.monotonic();
    let backoff: Backoff | undefined;
    for (;;) {
      try {
        const link = this.#context.connections.readyNow() ?? (await this.#connect(signal));
        return await this.#send(link, method, outgoing, terms, signal);
      } catch (error) {
        if (!(error instanceof CallFailure)) throw error;
        const late = this.#clock.monotonic() - startMs >= settings.retryMs;
        if (late || !this.#mayRepeat(error.fate, terms)) throw error.failure;
        backoff ??= new Backoff(this.#clock, random);
        await lifetime.race(backoff.pause(), signal);
      }
    }
  }

  #mayRepeat(fate: Fate, terms: CallTerms): boolean {
    if (terms.repeat === 'once' || fate === 'answered') return false;
    return fate === 'nothing' || terms.repeat === 'safe' || this.#repeatsWrites;
  }

  get #repeatsWrites(): boolean {
    return this.#context.settings.writes === 'at-least-once';
  }

  async #connect(signal: AbortSignal | undefined): Promise<Link> {
    try {
      return await this.#context.connections.acquire(signal);
    } catch (error) {
      throw isStoreError(error, 'Unavailable') ? new CallFailure(error, 'nothing') : error;
    }
  }

  #send<Response>(
    link: Link,
    method: Pick<MethodDefinition<never, Response>, 'path' | 'responseDeserialize'>,
    outgoing: OutgoingCall,
    terms: CallTerms,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    if (link.closed) throw new CallFailure(new StoreError('Unavailable'), 'nothing');
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        forget();
        ended();
        signal?.removeEventListener('abort', giveUp);
      };
      const giveUp = makeCall(link, outgoing, {
        answered: (response) => {
          settle();
          link.worked();
          try {
            resolve(method.responseDeserialize(response));
          } catch (error) {
            reject(unreadable(method.path, error));
          }
        },
        failed: (failure, fate) => {
          settle();
          reject(this.#failure(link, failure, fate, signal));
        },
      });
      const leave = (): void => {
        const text = `${link.endpoint.url} did not answer`;
        reject(new CallFailure(new StoreError('Unavailable', text), 'unknown'));
        giveUp();
      };
      const mayLeave = this.#mayRepeat('unknown', terms);
      const ended = this.#patience.begin(link, mayLeave ? leave : undefined);
      const forget = this.#context.lifetime.onClose(giveUp);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }

  #failure(
    link: Link,
    failure: StoreError,
    fate: Fate,
    signal: AbortSignal | undefined,
  ): StoreError | CallFailure {
    if (this.#context.lifetime.closed) return new StoreError('Stopped');
    if (signal?.aborted) return canceled(signal);
    if (isOfTheMember(failure)) this.#context.connections.suspect(link);
    return new CallFailure(failure, fate);
  }
}

/** A server that answers with something else than an answer. */
function unreadable(path: string, error: unknown): StoreError {
  const details = `answer of ${path}: ${error instanceof Error ? error.message : String(error)}`;
  return fromStatus(status.INTERNAL, details);
}

function encode<Request>(
  method: Pick<MethodDefinition<Request, unknown>, 'path' | 'requestSerialize'>,
  request: Request,
): Buffer {
  try {
    return method.requestSerialize(request);
  } catch (error) {
    if (isStoreError(error)) throw error;
    throw new StoreError('InvalidArgument', `request of ${method.path}: ${String(error)}`, {
      cause: error,
    });
  }
}
