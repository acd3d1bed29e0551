import { type ClientDuplexStream, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { Clock, Timer } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import { isStoreError, LIMITS, StoreError } from '../store/index.js';
import { fromStatus } from '../wire/errors.js';
import type { MethodDefinition } from '../wire/method.js';
import { Backoff } from './backoff.js';
import type { Connections } from './connections.js';
import type { Lifetime } from './lifetime.js';

/** What a stream is for: who is to be told of what happens on it. */
export interface StreamUser<Response> {
  /** The stream is open anew: everything that was said before is forgotten, say it again. */
  onOpen(): void;
  onResponse(response: Response): void;
  /** The stream broke and will be opened again, if `onOpen` finds it still wanted. */
  onBroken(error: StoreError): void;
  /** The server refuses the stream for good. */
  onRefused(error: StoreError): void;
  /** Whether anything still needs the stream. */
  wanted(): boolean;
}

/** Failures that opening the stream again cannot mend. */
const REFUSALS = new Set(['Unimplemented', 'PermissionDenied', 'Unauthenticated']);

export interface StreamContext {
  readonly connections: Connections;
  readonly lifetime: Lifetime;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * One bidirectional stream that many share, opened when first needed, opened again with growing
 * pauses when it breaks, on another endpoint if need be, and closed when nobody has needed it for a
 * while. It carries messages and knows nothing of their meaning.
 */
export class SharedStream<Request, Response> {
  readonly #context: StreamContext;
  readonly #method: MethodDefinition<Request, Response>;
  readonly #metadata: Metadata;
  readonly #user: StreamUser<Response>;
  readonly #backoff: Backoff;
  #call: ClientDuplexStream<Request, Response> | undefined;
  #opening = false;
  #brokenBefore = false;
  #idle: Timer | undefined;

  constructor(
    context: StreamContext,
    method: MethodDefinition<Request, Response>,
    headers: Readonly<Record<string, string>>,
    user: StreamUser<Response>,
  ) {
    this.#context = context;
    this.#method = method;
    this.#user = user;
    this.#backoff = new Backoff(context.clock, context.random);
    this.#metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) this.#metadata.set(name, value);
  }

  get isOpen(): boolean {
    return this.#call !== undefined;
  }

  /** Sends if the stream is open; otherwise opens it, and `onOpen` has to say it. */
  send(request: Request): void {
    this.#idle?.cancel();
    this.#idle = undefined;
    if (this.#call !== undefined) this.#call.write(request);
    else void this.#open();
  }

  /** The last need of the stream has gone: it closes unless another comes soon. */
  release(): void {
    if (this.#call === undefined || this.#idle !== undefined) return;
    this.#idle = this.#context.clock.timer(LIMITS.clientStreamIdleMs, () => {
      this.#idle = undefined;
      if (!this.#user.wanted()) this.close();
    });
  }

  close(): void {
    this.#idle?.cancel();
    this.#idle = undefined;
    const call = this.#call;
    this.#call = undefined;
    call?.cancel();
  }

  /** Tries to open the stream, after a pause if it broke before. Never rejects. */
  async #open(): Promise<void> {
    if (this.#opening) return;
    this.#opening = true;
    const { connections, lifetime } = this.#context;
    try {
      if (this.#brokenBefore) await lifetime.race(this.#backoff.pause(), undefined);
      const client = connections.readyNow() ?? (await connections.acquire());
      this.#opening = false;
      if (this.#user.wanted()) this.#start(client);
    } catch (error) {
      this.#opening = false;
      this.#broken(isStoreError(error) ? error : new StoreError('Unavailable', String(error)));
    }
  }

  #start(client: Parameters<Connections['suspect']>[0]): void {
    const { path, requestSerialize, responseDeserialize } = this.#method;
    const call: ClientDuplexStream<Request, Response> = client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      this.#metadata,
    );
    this.#call = call;
    call.on('data', (response: Response) => {
      if (this.#call !== call) return;
      this.#backoff.reset();
      this.#brokenBefore = false;
      this.#user.onResponse(response);
    });
    const end = (error: StoreError): void => {
      if (this.#call !== call) return;
      this.#call = undefined;
      this.#context.connections.suspect(client);
      this.#broken(error);
    };
    call.on('error', (error: ServiceError) => end(fromStatus(error.code, error.details)));
    call.on('end', () => end(new StoreError('Unavailable', 'the server ended the stream')));
    this.#user.onOpen();
  }

  #broken(error: StoreError): void {
    if (this.#context.lifetime.closed) return;
    this.#brokenBefore = true;
    if (REFUSALS.has(error.code)) {
      this.#user.onRefused(error);
      return;
    }
    this.#user.onBroken(error);
    if (this.#user.wanted()) void this.#open();
  }
}
