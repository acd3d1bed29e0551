import type { Lane, Network, PeerAddress } from '../../ports/network.js';
import type { Trace } from '../../ports/trace.js';
import { Departure } from './departure.js';
import { LANES, type PeerIdentity } from './hello.js';
import { LaneLink, type LinkState } from './lane-link.js';
import type { PeerTiming } from './peer-timing.js';
import { PeerTraffic } from './peer-traffic.js';

export interface PeerNetworkOptions {
  readonly timing: PeerTiming;
  readonly trace: Trace;
  /** How long a peer took to answer, in seconds, now and then. */
  readonly roundTrip?: (peer: bigint, seconds: number) => void;
}

/** A stream that another member opened to this one. */
export interface Caller {
  readonly id: bigint;
  /** Sends a frame back on that stream, or drops it. */
  answer(frame: Uint8Array): void;
}

interface PeerLinks {
  readonly urls: readonly string[];
  readonly lanes: Readonly<Record<Lane, LaneLink>>;
  readonly departure: Departure;
}

/**
 * The members' network over gRPC: for each peer a connection per lane, so that no lane waits for
 * another and no peer for another. A frame for a member that is no peer goes back on the stream by
 * which that member calls, if it does: so one that was removed, or is not known yet, can be
 * answered. It reads nothing of a frame. Sends nothing before `begin`.
 */
export class PeerNetwork implements Network {
  readonly #options: PeerNetworkOptions;
  readonly #links = new Map<bigint, PeerLinks>();
  readonly #traffic = new Map<bigint, PeerTraffic>();
  /** Of callers that are no peers. */
  readonly #strangers = new PeerTraffic();
  readonly #callers = new Map<bigint, Set<Caller>>();
  /** The last remark about each peer, so that the log does not repeat it with every try. */
  readonly #remarks = new Map<bigint, string>();
  #receive: ((frame: Uint8Array) => void) | undefined;
  #gone: ((peer: bigint) => void) | undefined;
  #peers: readonly PeerAddress[] = [];
  #known: readonly PeerAddress[] = [];
  #me: PeerIdentity | undefined;
  #closed = false;

  constructor(options: PeerNetworkOptions) {
    this.#options = options;
  }

  /**
   * Says who this member is, and opens the connections.
   * @param known Members to reach for as long as `setPeers` named nobody.
   */
  begin(me: PeerIdentity, known: readonly PeerAddress[] = []): void {
    this.#me = me;
    this.#known = known;
    this.#connect();
  }

  /** Who this member is; undefined until `begin`, and after the end. */
  get me(): PeerIdentity | undefined {
    return this.#closed ? undefined : this.#me;
  }

  /** Whether somebody takes the frames that arrive. */
  get taken(): boolean {
    return this.#receive !== undefined;
  }

  send(to: bigint, frame: Uint8Array, lane: Lane): void {
    const links = this.#links.get(to);
    if (links !== undefined) {
      links.lanes[lane].send(frame);
      return;
    }
    // The newest: an older one may have lost its other end.
    [...(this.#callers.get(to) ?? [])].at(-1)?.answer(frame);
  }

  onFrame(receive: (frame: Uint8Array) => void): void {
    this.#receive = receive;
  }

  onGone(gone: (peer: bigint) => void): void {
    this.#gone = gone;
  }

  setPeers(peers: readonly PeerAddress[]): void {
    this.#peers = peers;
    this.#connect();
  }

  /** Members that are to be reached. */
  get knownPeers(): readonly bigint[] {
    return [...this.#links.keys()];
  }

  /** Members that have all lanes open. */
  get connectedPeers(): readonly bigint[] {
    return [...this.#links.keys()].filter((id) => this.connectedSince(id, performance.now()));
  }

  /** Whether all lanes to a member have been open since then, by `performance.now`. */
  connectedSince(peer: bigint, sinceMs: number): boolean {
    const lanes = this.#links.get(peer)?.lanes;
    if (lanes === undefined) return false;
    return LANES.every((lane) => (lanes[lane].connectedAtMs ?? Infinity) <= sinceMs);
  }

  /**
   * Whether this member and those it has been connected to since then are most of all that it is to
   * reach. Among these are, for as long as they are to be told so, members that were removed since
   * its start: good enough for a reason in words, and for nothing that decides.
   */
  connectedToQuorumSince(sinceMs: number): boolean {
    const peers = [...this.#links.keys()];
    const connected = peers.filter((id) => this.connectedSince(id, sinceMs)).length;
    return 2 * (connected + 1) > peers.length + 1;
  }

  get traffic(): ReadonlyMap<bigint, PeerTraffic> {
    return this.#traffic;
  }

  /** Notes a stream of another member; call the result when it has ended. */
  called(caller: Caller): () => void {
    const callers = this.#callers.get(caller.id) ?? new Set();
    this.#callers.set(caller.id, callers.add(caller));
    return () => {
      callers.delete(caller);
      if (callers.size === 0) this.#callers.delete(caller.id);
      this.#links.get(caller.id)?.departure.streamEnded();
    };
  }

  /** Hands frames on, one after the other. */
  received(from: bigint, frames: readonly Uint8Array[]): void {
    const traffic = this.#traffic.get(from) ?? this.#strangers;
    for (const frame of frames) {
      if (this.#closed) return;
      traffic.receivedFrames += 1;
      traffic.receivedBytes += frame.length;
      try {
        this.#receive?.(frame);
      } catch (error) {
        // The kernel stops itself when it is broken. Here a frame is lost, as frames may be.
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#options.trace.event('error', 'peerFrameFailed', { from, error: text });
      }
    }
  }

  /** Ends all connections; nothing is sent or handed on any more. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const id of this.#links.keys()) this.#disconnect(id);
  }

  /** Makes the links those that the peers want; links that stay are not touched. */
  #connect(): void {
    const me = this.#me;
    if (me === undefined || this.#closed) return;
    const named = this.#peers.length > 0 ? this.#peers : this.#known;
    const wanted = new Map(
      named
        .filter(({ id, urls }) => id !== me.memberId && urls.length > 0)
        .map((peer) => [peer.id, peer.urls]),
    );
    for (const [id, { urls }] of this.#links) {
      if (wanted.get(id)?.join() !== urls.join()) this.#disconnect(id);
    }
    for (const [id, urls] of wanted) {
      if (!this.#links.has(id)) this.#links.set(id, this.#open(me, id, urls));
    }
  }

  #open(me: PeerIdentity, to: bigint, urls: readonly string[]): PeerLinks {
    const { timing } = this.#options;
    const departure = this.#watch(to, urls);
    const link = (lane: Lane): LaneLink =>
      new LaneLink({
        me,
        to,
        lane,
        urls,
        timing,
        traffic: this.#trafficOf(to),
        receive: (frames) => this.received(to, frames),
        changed: (state) => {
          if (state.kind === 'connected') departure.reached();
          else departure.streamEnded();
          // All lanes have the same fate; one of them speaks for it.
          if (lane === 'urgent') this.#remark(to, state);
        },
      });
    const lanes = { urgent: link('urgent'), log: link('log'), bulk: link('bulk') };
    return { urls, lanes, departure };
  }

  #watch(peer: bigint, urls: readonly string[]): Departure {
    return new Departure({
      urls,
      dialMs: this.#options.timing.dialMs,
      isLinked: () => {
        const lanes = this.#links.get(peer)?.lanes;
        return this.#callers.has(peer) || LANES.some((lane) => lanes?.[lane].connected);
      },
      gone: () => {
        this.#options.trace.event('info', 'peerEnded', { peer: peer.toString(16) });
        this.#gone?.(peer);
      },
    });
  }

  #disconnect(id: bigint): void {
    const links = this.#links.get(id);
    this.#links.delete(id);
    this.#remarks.delete(id);
    links?.departure.close();
    for (const lane of LANES) links?.lanes[lane].close();
  }

  #trafficOf(id: bigint): PeerTraffic {
    let traffic = this.#traffic.get(id);
    if (traffic === undefined) {
      traffic = new PeerTraffic();
      traffic.roundTrip = (seconds) => this.#options.roundTrip?.(id, seconds);
      this.#traffic.set(id, traffic);
    }
    return traffic;
  }

  #remark(id: bigint, state: LinkState): void {
    const kind = state.kind === 'lost' && state.refused ? 'refused' : state.kind;
    const remark = kind === 'refused' && state.kind === 'lost' ? state.reason : kind;
    if (this.#remarks.get(id) === remark) return;
    this.#remarks.set(id, remark);
    const peer = id.toString(16);
    const { trace } = this.#options;
    if (state.kind === 'connected') {
      trace.event('info', 'peerConnected', { peer, url: state.url });
    } else {
      const name = state.refused ? 'peerRefusesThisMember' : 'peerUnreachable';
      trace.event('warn', name, { peer, url: state.url, reason: state.reason });
    }
  }
}
