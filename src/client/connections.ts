import { Client, connectivityState, credentials, type ServiceError, status } from '@grpc/grpc-js';
import type { Clock } from '../ports/clock.js';
import { LIMITS, StoreError } from '../store/index.js';
import { MAINTENANCE_METHODS } from '../wire/maintenance.js';
import type { Endpoint } from './endpoint.js';
import type { Lifetime } from './lifetime.js';
import type { TlsOptions } from './options.js';

/**
 * One gRPC channel per endpoint, of which one at a time is in use. A channel counts as usable once
 * the server has answered a call on it; a call is only ever handed to one that is connected, so
 * that a failure before sending can be told from one after. Knows nothing of what the calls are
 * about.
 */
export class Connections {
  readonly #clock: Clock;
  readonly #lifetime: Lifetime;
  readonly #links: readonly Link[];
  #current = 0;
  #dialing: Promise<Client> | undefined;
  /** Told each time that an endpoint has come into use or has lost its connection. */
  onChange: () => void = () => undefined;

  constructor(
    endpoints: readonly Endpoint[],
    tls: TlsOptions | undefined,
    clock: Clock,
    lifetime: Lifetime,
  ) {
    this.#clock = clock;
    this.#lifetime = lifetime;
    this.#links = endpoints.map((endpoint) => ({
      endpoint,
      client: openClient(endpoint, tls),
      watched: false,
    }));
  }

  /** The client in use, if it is connected right now. */
  readyNow(): Client | undefined {
    const { client } = this.#link(this.#current);
    const state = client.getChannel().getConnectivityState(false);
    return state === connectivityState.READY ? client : undefined;
  }

  /**
   * A connected client: the one in use, or else the first endpoint from there on that answers.
   * Whoever asks at the same time shares one search.
   * @throws StoreError `Unavailable` that says of each endpoint why not; `Stopped`, `Canceled`
   */
  async acquire(signal?: AbortSignal): Promise<Client> {
    this.#lifetime.check(signal);
    this.#dialing ??= this.#search().finally(() => {
      this.#dialing = undefined;
    });
    return this.#lifetime.race(this.#dialing, signal);
  }

  /** This client did not serve: the next search begins at the endpoint after it. */
  suspect(client: Client): void {
    if (this.#link(this.#current).client !== client) return;
    this.#current = (this.#current + 1) % this.#links.length;
  }

  close(): void {
    for (const link of this.#links) link.client.close();
  }

  #link(index: number): Link {
    return this.#links[index % this.#links.length] as Link;
  }

  async #search(): Promise<Client> {
    const reasons: string[] = [];
    const first = this.#current;
    for (let i = 0; i < this.#links.length; i++) {
      const link = this.#link(first + i);
      const reason = await this.#dial(link);
      this.#lifetime.check();
      if (reason === undefined) {
        this.#current = (first + i) % this.#links.length;
        this.#watchForLoss(link);
        this.onChange();
        return link.client;
      }
      reasons.push(`${link.endpoint.url} (${reason})`);
    }
    throw new StoreError('Unavailable', `no endpoint answers: ${reasons.join(', ')}`);
  }

  #watchForLoss(link: Link): void {
    if (link.watched) return;
    link.watched = true;
    const { READY } = connectivityState;
    link.client.getChannel().watchConnectivityState(READY, Number.POSITIVE_INFINITY, () => {
      link.watched = false;
      if (!this.#lifetime.closed && link === this.#link(this.#current)) this.onChange();
    });
  }

  /** Asks the server something harmless; the reason when no answer comes. */
  #dial(link: Link): Promise<string | undefined> {
    const { path, requestSerialize, responseDeserialize } = MAINTENANCE_METHODS.status;
    return new Promise((resolve) => {
      const onAnswer = (error: ServiceError | null): void => {
        timer.cancel();
        resolve(error === null ? undefined : dialFailure(error));
      };
      const call = link.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        {},
        onAnswer,
      );
      const timer = this.#clock.timer(LIMITS.clientDialMs, () => call.cancel());
    });
  }
}

interface Link {
  readonly endpoint: Endpoint;
  readonly client: Client;
  /** Whether the end of its connection will be noticed. */
  watched: boolean;
}

/** Any answer of a server will do, even a refusal. */
function dialFailure(error: ServiceError): string | undefined {
  if (error.code === status.CANCELLED) return `no answer within ${LIMITS.clientDialMs} ms`;
  if (error.code !== status.UNAVAILABLE) return undefined;
  const lastError = /Last error: (.*?)\. Resolution note/.exec(error.details)?.[1];
  return lastError ?? error.details;
}

/** How gRPC words its failures of calls of which the server has processed nothing. */
const UNSENT = [
  'No connection established',
  'Name resolution failed',
  'Channel closed before call started',
  // HTTP/2 allows a server to say this only of a request that it has not looked at.
  'Stream refused by server',
];

/** Whether this call was given up before a server did anything about it. */
export function failedBeforeSending(error: ServiceError): boolean {
  return error.code === status.UNAVAILABLE && UNSENT.some((text) => error.details.startsWith(text));
}

function openClient(endpoint: Endpoint, tls: TlsOptions | undefined): Client {
  const serverName = tls?.serverName;
  return new Client(
    endpoint.target,
    endpoint.secure ? secureCredentials(tls ?? {}) : credentials.createInsecure(),
    {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.keepalive_time_ms': LIMITS.clientPingMs,
      'grpc.keepalive_timeout_ms': LIMITS.clientPingTimeoutMs,
      'grpc.initial_reconnect_backoff_ms': LIMITS.clientBackoffFirstMs * 4,
      'grpc.max_reconnect_backoff_ms': LIMITS.clientBackoffMaxMs,
      // What may be sent twice is decided here and nowhere else.
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      // Clients of one process must not share a connection that one of them closes or loses.
      'grpc.use_local_subchannel_pool': 1,
      ...(serverName === undefined ? {} : { 'grpc.ssl_target_name_override': serverName }),
    },
  );
}

function secureCredentials(tls: TlsOptions) {
  const pem = (text: string | Uint8Array | undefined): Buffer | null =>
    text === undefined ? null : Buffer.from(text);
  if ((tls.key === undefined) !== (tls.cert === undefined)) {
    throw new StoreError('InvalidArgument', 'tls.cert and tls.key go together; one is missing');
  }
  try {
    return credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.cert));
  } catch (error) {
    throw new StoreError('InvalidArgument', `tls: ${String(error)}`, { cause: error });
  }
}
