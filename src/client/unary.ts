import { type Client, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import { isStoreError, LIMITS, StoreError } from '../store/index.js';
import { fromStatus } from '../wire/errors.js';
import type { MethodDefinition } from '../wire/method.js';
import { Backoff } from './backoff.js';
import { type Connections, failedBeforeSending } from './connections.js';
import { canceled, type Lifetime } from './lifetime.js';

/** What may be done about a call whose fate is not known. */
export type Repeat =
  /** It only reads: ask again. */
  | 'safe'
  /** It may have been carried out: never send it twice. */
  | 'never'
  /** Not even when it could not be sent: the failure is what the caller wants to know. */
  | 'once';

function same(bytes: Buffer): Buffer {
  return bytes;
}

/** gRPC copies it for each call. */
const NO_METADATA = new Metadata();

/**
 * Calls with one request and one answer. Decides, alone in the client, what is tried again: a call
 * that was not sent, on the next endpoint; a read that found nobody, a bounded number of times;
 * anything else never.
 */
export class UnaryCalls {
  readonly #connections: Connections;
  readonly #lifetime: Lifetime;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(connections: Connections, lifetime: Lifetime, clock: Clock, random: Random) {
    this.#connections = connections;
    this.#lifetime = lifetime;
    this.#clock = clock;
    this.#random = random;
  }

  /** @throws StoreError whatever the server answers, `Unavailable`, `Canceled`, `Stopped` */
  async call<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    repeat: Repeat,
    signal?: AbortSignal,
  ): Promise<Response> {
    this.#lifetime.check(signal);
    const bytes = encode(method, request);
    let backoff: Backoff | undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        const client = this.#connections.readyNow() ?? (await this.#connect(signal));
        return await this.#send(client, method, bytes, signal);
      } catch (error) {
        if (attempt >= LIMITS.clientAttempts || !mayRepeat(error, repeat)) throw toStore(error);
        backoff ??= new Backoff(this.#clock, this.#random);
        await this.#lifetime.race(backoff.pause(), signal);
      }
    }
  }

  async #connect(signal: AbortSignal | undefined): Promise<Client> {
    try {
      return await this.#connections.acquire(signal);
    } catch (error) {
      throw isStoreError(error, 'Unavailable') ? new NotSent(error) : error;
    }
  }

  #send<Response>(
    client: Client,
    method: Pick<MethodDefinition<never, Response>, 'path' | 'responseDeserialize'>,
    bytes: Buffer,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const cancel = (): void => call.cancel();
      const call = client.makeUnaryRequest(
        method.path,
        same,
        method.responseDeserialize,
        bytes,
        NO_METADATA,
        (error, response) => {
          forget();
          signal?.removeEventListener('abort', cancel);
          if (error === null) resolve(response as Response);
          else reject(this.#failure(client, error, signal));
        },
      );
      const forget = this.#lifetime.onClose(cancel);
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  #failure(client: Client, error: ServiceError, signal: AbortSignal | undefined): Error {
    if (this.#lifetime.closed) return new StoreError('Stopped');
    if (signal?.aborted) return canceled(signal);
    const failure = ofMember(fromStatus(error.code, error.details));
    if (MOVES_ON.has(failure.code)) this.#connections.suspect(client);
    return failedBeforeSending(error) ? new NotSent(failure) : failure;
  }
}

/** Failures that another member may not have. */
const MOVES_ON = new Set(['Unavailable', 'NoLeader', 'Timeout']);

/**
 * "Stopped" is for this store's own end and "Canceled" for the caller's signal. From a member both
 * are ways of not being available.
 */
function ofMember(failure: StoreError): StoreError {
  if (failure.code !== 'Stopped' && failure.code !== 'Canceled') return failure;
  return new StoreError('Unavailable', failure.message);
}

/** A call of which the server has seen nothing. */
class NotSent extends Error {
  readonly failure: StoreError;

  constructor(failure: StoreError) {
    super(failure.message);
    this.failure = failure;
  }
}

function toStore(error: unknown): unknown {
  return error instanceof NotSent ? error.failure : error;
}

function mayRepeat(error: unknown, repeat: Repeat): boolean {
  if (repeat === 'once') return false;
  if (error instanceof NotSent) return true;
  // A timeout is not tried again: it has taken its time already.
  const passing = isStoreError(error, 'Unavailable') || isStoreError(error, 'NoLeader');
  return passing && repeat === 'safe';
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
