import { type ClientDuplexStream, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { Timer } from '../ports/clock.js';
import { isStoreError, LIMITS, StoreError } from '../store/index.js';
import type { MethodDefinition } from '../wire/method.js';
import { Backoff } from './backoff.js';
import { failureOf } from './call-fate.js';
import type { ClientContext } from './context.js';
import type { Link } from './link.js';

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
  /** Whether something was asked that a server answers at once. */
  awaitsAnswer(): boolean;
}

/** Failures that opening the stream again cannot mend. */
const REFUSALS = new Set(['Unimplemented', 'PermissionDenied', 'Unauthenticated']);

/**
 * One bidirectional stream that many share, opened when first needed, opened again with growing
 * pauses when it breaks or a question stays without answer, on another endpoint if there is one,
 * and closed when nobody has needed it for a while. It carries messages and knows nothing of their
 * meaning.
 */
export class SharedStream<Request, Response> {
  readonly #context: ClientContext;
  readonly #method: MethodDefinition<Request, Response>;
  readonly #metadata = new Metadata();
  readonly #user: StreamUser<Response>;
  readonly #backoff: Backoff;
  #call: ClientDuplexStream<Request, Response> | undefined;
  #opening = false;
  #brokenBefore = false;
  #idle: Timer | undefined;
  /** Runs while a question waits for its answer. */
  #silence: Timer | undefined;
  /** Runs while the stream is open. */
  #quiet: Timer | undefined;
  #heard = false;
  /** Ends the present call as broken. */
  #leave: () => void = () => undefined;
  /** Takes back that it wants to be told when its link is given up. */
  #forget: () => void = () => undefined;

  constructor(
    context: ClientContext,
    method: MethodDefinition<Request, Response>,
    user: StreamUser<Response>,
  ) {
    this.#context = context;
    this.#method = method;
    this.#user = user;
    this.#backoff = new Backoff(context.clock, context.random);
    if (context.settings.requireLeader) this.#metadata.set('hasleader', 'true');
  }

  get isOpen(): boolean {
    return this.#call !== undefined;
  }

  /** Sends if the stream is open; otherwise opens it, and `onOpen` has to say it. */
  send(request: Request): void {
    this.#idle?.cancel();
    this.#idle = undefined;
    if (this.#call === undefined) void this.#open();
    else {
      this.#call.write(request);
      this.#awaitAnswer();
    }
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
    this.#left();
    call?.cancel();
  }

  /** Tries to open the stream, after a pause if it broke before. Never rejects. */
  async #open(): Promise<void> {
    if (this.#opening) return;
    this.#opening = true;
    const { connections, lifetime } = this.#context;
    try {
      if (this.#brokenBefore) await lifetime.race(this.#backoff.pause(), undefined);
      const link = connections.readyNow() ?? (await connections.acquire());
      this.#opening = false;
      if (this.#user.wanted()) this.#start(link);
    } catch (error) {
      this.#opening = false;
      this.#broken(isStoreError(error) ? error : new StoreError('Unavailable', String(error)));
    }
  }

  #start(link: Link): void {
    const { path, requestSerialize, responseDeserialize } = this.#method;
    const call: ClientDuplexStream<Request, Response> = link.client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      this.#metadata,
    );
    this.#call = call;
    call.on('data', (response: Response) => {
      if (this.#call !== call) return;
      this.#heard = true;
      this.#backoff.reset();
      this.#brokenBefore = false;
      this.#silence?.cancel();
      this.#silence = undefined;
      this.#user.onResponse(response);
      if (this.#call === call) this.#awaitAnswer();
    });
    const end = (error: StoreError): void => {
      if (this.#call !== call) return;
      this.#left();
      this.#context.connections.suspect(link);
      this.#broken(error);
    };
    this.#leave = () => {
      end(new StoreError('Unavailable', `${link.endpoint.url} did not answer`));
      call.cancel();
    };
    this.#forget = link.onAbandoned(this.#leave);
    call.on('error', (error: ServiceError) => end(failureOf(error)));
    call.on('end', () => end(new StoreError('Unavailable', 'the server ended the stream')));
    this.#listen(link, call);
    this.#user.onOpen();
  }

  /**
   * A member that lost its leader, or stopped, says nothing on a stream, and neither does one with
   * nothing to tell: now and then it is asked which of the two.
   */
  #listen(link: Link, call: unknown): void {
    this.#heard = false;
    this.#quiet = this.#context.clock.timer(
      LIMITS.clientQuietMs,
      () => void this.#look(link, call),
    );
  }

  async #look(link: Link, call: unknown): Promise<void> {
    const { connections, settings } = this.#context;
    if (!this.#heard && connections.count > 1) {
      const { kind } = await link.look();
      if (this.#call !== call) return;
      if (kind === 'silent' || (kind === 'poor' && settings.requireLeader)) {
        this.#leave();
        return;
      }
    }
    this.#listen(link, call);
  }

  /** Asking again elsewhere does no harm, so a member that keeps silent is not waited for. */
  #awaitAnswer(): void {
    const { connections, clock } = this.#context;
    if (this.#silence !== undefined || connections.count === 1) return;
    if (!this.#user.awaitsAnswer()) return;
    this.#silence = clock.timer(LIMITS.clientStallMs, () => {
      this.#silence = undefined;
      if (this.#user.awaitsAnswer()) this.#leave();
    });
  }

  #left(): void {
    this.#call = undefined;
    this.#forget();
    this.#leave = () => undefined;
    this.#silence?.cancel();
    this.#silence = undefined;
    this.#quiet?.cancel();
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
