import { connectivityState } from '@grpc/grpc-js';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import type { Endpoint } from './endpoint.js';
import type { Lifetime } from './lifetime.js';
import { Link } from './link.js';
import type { TlsOptions } from './options.js';
import { searchLink } from './search.js';

export interface ConnectionsOptions {
  readonly endpoints: readonly Endpoint[];
  readonly tls: TlsOptions | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly lifetime: Lifetime;
}

/**
 * One gRPC channel per endpoint, of which one at a time is in use: at first any, so that clients
 * spread over the members, and later another whenever it fails. A channel counts as usable once the
 * server has answered a call on it; a call is only ever handed to one that is connected, so that a
 * failure before sending can be told from one after. Knows nothing of what the calls are about.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  /** Those that were given, then those that were learned. */
  #links: readonly Link[];
  #current: Link;
  #searching: Promise<Link> | undefined;
  readonly #watched = new Set<Link>();
  readonly #listeners = new Set<() => void>();

  constructor(options: ConnectionsOptions) {
    const { endpoints, tls, clock, random } = options;
    this.#options = options;
    this.#links = endpoints.map((endpoint) => new Link(endpoint, tls, clock));
    this.#current = this.#links[random.below(this.#links.length)] as Link;
  }

  /** Calls `changed` each time that an endpoint has come into use or has lost its connection. */
  onChange(changed: () => void): void {
    this.#listeners.add(changed);
  }

  /** Endpoints to choose from. */
  get count(): number {
    return this.#links.length;
  }

  /** The link in use, if it is connected right now. */
  readyNow(): Link | undefined {
    return this.#current.ready ? this.#current : undefined;
  }

  /**
   * A connected link: the one in use, or else the next that answers and can serve. Whoever asks at
   * the same time shares one search.
   * @throws StoreError `Unavailable` that says of each endpoint why not; `Stopped`, `Canceled`
   */
  async acquire(signal?: AbortSignal): Promise<Link> {
    const { lifetime } = this.#options;
    lifetime.check(signal);
    this.#searching ??= this.#search().finally(() => {
      this.#searching = undefined;
    });
    return lifetime.race(this.#searching, signal);
  }

  /** This link did not serve: others come first for a while. */
  suspect(link: Link): void {
    link.failed();
    if (link !== this.#current) return;
    const [next] = this.#inOrder();
    if (next !== undefined) this.#current = next;
  }

  /**
   * Makes these the learned endpoints, besides those that were given. Links that stay are not
   * touched.
   */
  learn(endpoints: readonly Endpoint[]): void {
    const { endpoints: given, tls, clock } = this.#options;
    const links = new Map(this.#links.map((link) => [link.endpoint.target, link]));
    const wanted = new Map([...given, ...endpoints].map((one) => [one.target, one]));
    this.#links = [...wanted.values()].map(
      (endpoint) => links.get(endpoint.target) ?? new Link(endpoint, tls, clock),
    );
    for (const [target, link] of links) {
      if (wanted.has(target)) continue;
      if (link === this.#current) this.#current = this.#links[0] as Link;
      link.abandon();
      link.close();
    }
  }

  close(): void {
    for (const link of this.#links) link.close();
  }

  async #search(): Promise<Link> {
    const link = await searchLink(this.#inOrder(true), this.#options.clock);
    this.#options.lifetime.check();
    this.#current = link;
    this.#watchForLoss(link);
    this.#changed();
    return link;
  }

  /**
   * All links as they should be tried: those that nothing speaks against, in turn from the present
   * one on or after it, then the others, soonest forgiven first.
   */
  #inOrder(fromPresent = false): readonly Link[] {
    const first = this.#links.indexOf(this.#current) + (fromPresent ? 0 : 1);
    const turn = [...this.#links.slice(first), ...this.#links.slice(0, first)];
    const nowMs = this.#options.clock.monotonic();
    const waitMs = (link: Link): number => Math.max(0, link.avoidUntilMs - nowMs);
    return turn.sort((a, b) => waitMs(a) - waitMs(b));
  }

  #changed(): void {
    for (const changed of this.#listeners) changed();
  }

  #watchForLoss(link: Link): void {
    if (this.#watched.has(link)) return;
    this.#watched.add(link);
    const { READY } = connectivityState;
    link.client.getChannel().watchConnectivityState(READY, Number.POSITIVE_INFINITY, () => {
      this.#watched.delete(link);
      if (!this.#options.lifetime.closed && link === this.#current) this.#changed();
    });
  }
}
