import { type Client, connectivityState, type ServiceError, status } from '@grpc/grpc-js';
import type { Clock } from '../ports/clock.js';
import { LIMITS } from '../store/index.js';
import { MAINTENANCE_METHODS } from '../wire/maintenance.js';
import { isCutOff } from './call-fate.js';
import { openChannel } from './channel.js';
import type { Endpoint } from './endpoint.js';
import type { TlsOptions } from './options.js';
import { Pipe } from './pipe.js';

/** What came of asking an endpoint how it is. */
export type Condition =
  /** It answers, votes, and knows a leader. */
  | { readonly kind: 'good' }
  /** It answers, but others may serve better: it knows no leader, or is a learner. */
  | { readonly kind: 'poor' }
  | { readonly kind: 'silent'; readonly reason: string };

/**
 * One endpoint: its channel, and how far it is trusted. An endpoint that failed is left alone for a
 * while, longer with each failure, as long as there is another; a call that it serves clears it.
 * It decides nothing about calls.
 */
export class Link {
  readonly endpoint: Endpoint;
  readonly client: Client;
  /** For calls that come often. */
  readonly pipe: Pipe;
  /** Told once when the endpoint stopped answering, so that streams need not wait for it. */
  readonly #abandon = new Set<() => void>();
  readonly #clock: Clock;
  #failures = 0;
  #avoidUntilMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(endpoint: Endpoint, tls: TlsOptions | undefined, clock: Clock) {
    this.endpoint = endpoint;
    this.client = openChannel(endpoint, tls);
    this.pipe = new Pipe({ client: this.client, url: endpoint.url, clock });
    this.#clock = clock;
  }

  /** Whether a connection is open right now. */
  get ready(): boolean {
    return this.client.getChannel().getConnectivityState(false) === connectivityState.READY;
  }

  /** Until when others are better, on the clock's monotonic time. */
  get avoidUntilMs(): number {
    return this.#avoidUntilMs;
  }

  /** It served. */
  worked(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#avoidUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** It did not serve. Calls that fail together count as one. */
  failed(): void {
    const nowMs = this.#clock.monotonic();
    if (nowMs >= this.#avoidUntilMs) this.#failures++;
    const doubled = LIMITS.clientAvoidFirstMs * 2 ** Math.min(this.#failures - 1, 30);
    this.#avoidUntilMs = nowMs + Math.min(doubled, LIMITS.clientAvoidMaxMs);
  }

  /** Calls `leave` when the endpoint is given up. Returns how to take that back. */
  onAbandoned(leave: () => void): () => void {
    this.#abandon.add(leave);
    return () => void this.#abandon.delete(leave);
  }

  /** The endpoint does not answer any more: whoever waits for it should go elsewhere. */
  abandon(): void {
    const leaving = [...this.#abandon];
    this.#abandon.clear();
    for (const leave of leaving) leave();
  }

  /** Asks for its status, which a member answers from what it knows. Never rejects. */
  look(): Promise<Condition> {
    const { path, requestSerialize, responseDeserialize } = MAINTENANCE_METHODS.status;
    if (this.#closed) return Promise.resolve({ kind: 'silent', reason: 'it was given up' });
    return new Promise((resolve) => {
      const call = this.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        {},
        (error, response) => {
          timer.cancel();
          const reason = error === null ? undefined : silence(error);
          if (reason !== undefined) resolve({ kind: 'silent', reason });
          // Any answer of a server is one, even a refusal.
          else if (response === undefined) resolve({ kind: 'good' });
          else {
            const poor = response.leader === 0n || response.isLearner;
            resolve({ kind: poor ? 'poor' : 'good' });
          }
        },
      );
      const timer = this.#clock.timer(LIMITS.clientDialMs, () => call.cancel());
    });
  }

  /** Nothing can be sent on it any more. */
  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
    this.#abandon.clear();
    this.pipe.close();
    this.client.close();
  }
}

/** Why there was no answer; undefined when there was one. */
function silence(error: ServiceError): string | undefined {
  if (error.code === status.CANCELLED) return `no answer within ${LIMITS.clientDialMs} ms`;
  if (error.code !== status.UNAVAILABLE && !isCutOff(error)) return undefined;
  const lastError = /Last error: (.*?)\. Resolution note/.exec(error.details)?.[1];
  return lastError ?? error.details;
}
