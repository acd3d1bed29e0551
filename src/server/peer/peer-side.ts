import type { Kernel } from '../../kernel/index.js';
import type { Network } from '../../ports/network.js';
import type { Trace } from '../../ports/trace.js';
import { type Beginning, decideBeginning } from '../beginning.js';
import type { ClusterConfig } from '../config/initial-cluster.js';
import { formatUrl } from '../config/listen-url.js';
import type { MetricsPage } from '../metrics/page.js';
import { listenFailure, type StartFailure } from '../start-failure.js';
import { PeerEndpoint } from './peer-endpoint.js';
import { addPeerMetrics, roundTrips } from './peer-metrics.js';
import { PeerNetwork } from './peer-network.js';
import { PEER_TIMING } from './peer-timing.js';

export interface PeerSideOptions {
  readonly cluster: ClusterConfig;
  readonly trace: Trace;
  readonly page: MetricsPage;
}

/**
 * The side that a member turns to the other members: the port where they call, the connections to
 * them, and the way to find out how to begin among them. Closed after the kernel, which may want to
 * send until its end.
 */
export class PeerSide {
  readonly #options: PeerSideOptions;
  readonly #network: PeerNetwork;
  readonly #endpoint: PeerEndpoint;
  readonly #urls: string[] = [];
  /** Why it does not listen, for a member that may do without. */
  #deaf: StartFailure | undefined;
  #beginning: Beginning | undefined;

  constructor(options: PeerSideOptions) {
    const { trace, page } = options;
    this.#options = options;
    this.#network = new PeerNetwork({ timing: PEER_TIMING, trace, roundTrip: roundTrips(page) });
    this.#endpoint = new PeerEndpoint({ network: this.#network, timing: PEER_TIMING, trace });
    addPeerMetrics(page, this.#network, this.#endpoint);
  }

  get network(): Network {
    return this.#network;
  }

  /** Since when this member is connected to the others. */
  get connections(): Pick<PeerNetwork, 'connectedSince' | 'connectedToQuorumSince'> {
    return this.#network;
  }

  /** Where it listens, with the ports that it got. */
  get urls(): readonly string[] {
    return this.#urls;
  }

  /**
   * Takes the addresses. A member that is alone and was not told where to listen does without the
   * default address when that is taken, so that several such members fit on one machine.
   * @throws StartFailure
   */
  async listen(): Promise<void> {
    const { listenPeerUrls, listenPeerChosen, initialMembers } = this.#options.cluster;
    for (const { host, port } of listenPeerUrls) {
      try {
        const bound = await this.#endpoint.listen({ host, port });
        this.#urls.push(formatUrl(host, bound.port));
      } catch (error) {
        const failure = listenFailure(formatUrl(host, port), '--listen-peer-urls', error);
        if (listenPeerChosen || initialMembers.length > 1) throw failure;
        this.#deaf = failure;
      }
    }
  }

  /** Finds out how to begin; a member without data can be heard by the others from then on. */
  async begin(name: string, clientUrls: readonly string[], hasData: boolean): Promise<Beginning> {
    const { cluster, trace } = this.#options;
    const waits = (reason: string): void => trace.event('warn', 'cannot join yet', { reason });
    const beginning = await decideBeginning({ cluster, name, clientUrls, waits }, hasData);
    this.#beginning = beginning;
    const { clusterId, member, known } = beginning;
    if (!hasData) this.#network.begin({ clusterId, memberId: member.id }, known);
    return beginning;
  }

  /**
   * The member is open, and knows by its data who it is.
   * @throws StartFailure when others need to reach it and cannot
   */
  async open(kernel: Kernel): Promise<void> {
    const members = await kernel.members(false);
    if (this.#deaf !== undefined) {
      if (members.length > 1) throw this.#deaf;
      this.#options.trace.event('warn', 'no other member can join', {
        reason: this.#deaf.message,
      });
    }
    const { clusterId, memberId } = kernel.header();
    this.#network.begin({ clusterId, memberId }, this.#beginning?.known ?? []);
    this.#endpoint.open(() => kernel.members(false));
  }

  /** Ends all connections. Idempotent. */
  async close(): Promise<void> {
    this.#network.close();
    await this.#endpoint.close();
  }
}
