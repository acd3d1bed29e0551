import { Metadata, type ServiceError } from '@grpc/grpc-js';
import type { Clock } from '../ports/clock.js';
import { isStoreError, StoreError } from '../store/index.js';
import type { MethodDefinition } from '../wire/method.js';
import { Backoff } from './backoff.js';
import { type Fate, failureOf, fateOf, isOfTheMember } from './call-fate.js';
import type { ClientContext } from './context.js';
import { canceled } from './lifetime.js';
import type { Link } from './link.js';
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
}

export const READ: CallTerms = { repeat: 'safe', needsLeader: true };
export const LOCAL_READ: CallTerms = { repeat: 'safe', needsLeader: false };
export const WRITE: CallTerms = { repeat: 'never', needsLeader: true };
export const ONCE: CallTerms = { repeat: 'once', needsLeader: false };

function same(bytes: Buffer): Buffer {
  return bytes;
}

/** gRPC copies them for each call. */
const NO_METADATA = new Metadata();
const NEEDS_LEADER = new Metadata();
NEEDS_LEADER.set('hasleader', 'true');

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
    const bytes = encode(method, request);
    const startMs = this.#clock.monotonic();
    let backoff: Backoff | undefined;
    for (;;) {
      try {
        const link = this.#context.connections.readyNow() ?? (await this.#connect(signal));
        return await this.#send(link, method, bytes, terms, signal);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
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
      throw isStoreError(error, 'Unavailable') ? new Failure(error, 'nothing') : error;
    }
  }

  #send<Response>(
    link: Link,
    method: Pick<MethodDefinition<never, Response>, 'path' | 'responseDeserialize'>,
    bytes: Buffer,
    terms: CallTerms,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    if (link.closed) throw new Failure(new StoreError('Unavailable'), 'nothing');
    return new Promise((resolve, reject) => {
      const cancel = (): void => call.cancel();
      const leave = (): void => {
        const text = `${link.endpoint.url} did not answer`;
        reject(new Failure(new StoreError('Unavailable', text), 'unknown'));
        cancel();
      };
      const { requireLeader } = this.#context.settings;
      const call = link.client.makeUnaryRequest(
        method.path,
        same,
        method.responseDeserialize,
        bytes,
        terms.needsLeader && requireLeader ? NEEDS_LEADER : NO_METADATA,
        (error, response) => {
          forget();
          ended();
          signal?.removeEventListener('abort', cancel);
          if (error === null) {
            link.worked();
            resolve(response as Response);
          } else reject(this.#failure(link, error, signal));
        },
      );
      const ended = this.#patience.begin(
        link,
        this.#mayRepeat('unknown', terms) ? leave : undefined,
      );
      const forget = this.#context.lifetime.onClose(cancel);
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  #failure(link: Link, error: ServiceError, signal: AbortSignal | undefined): Error {
    if (this.#context.lifetime.closed) return new StoreError('Stopped');
    if (signal?.aborted) return canceled(signal);
    const failure = failureOf(error);
    if (isOfTheMember(failure)) this.#context.connections.suspect(link);
    return new Failure(failure, fateOf(error, failure));
  }
}

/** A try that failed, and what may have come of it. */
class Failure extends Error {
  readonly failure: StoreError;
  readonly fate: Fate;

  constructor(failure: StoreError, fate: Fate) {
    super(failure.message);
    this.failure = failure;
    this.fate = fate;
  }
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
