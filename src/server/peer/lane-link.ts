import { Client, type ClientDuplexStream, credentials, type StatusObject } from '@grpc/grpc-js';
import type { Lane } from '../../ports/network.js';
import { LIMITS } from '../../store/index.js';
import { GRPC_STATUS } from '../../wire/errors.js';
import { bytesOnly } from '../../wire/method.js';
import { PEER_METHODS } from '../../wire/peer.js';
import { FrameQueue } from './frame-queue.js';
import { type PeerIdentity, writeHello } from './hello.js';
import type { PeerTiming } from './peer-timing.js';
import type { PeerTraffic } from './peer-traffic.js';

const EXCHANGE = bytesOnly(PEER_METHODS.exchange);
const encode = PEER_METHODS.exchange.requestSerialize;
const decode = PEER_METHODS.exchange.responseDeserialize;

const QUEUE_BYTES: Readonly<Record<Lane, number>> = {
  urgent: LIMITS.peerUrgentQueueBytes,
  log: LIMITS.peerLogQueueBytes,
  bulk: LIMITS.peerBulkQueueBytes,
};

export interface LaneLinkOptions {
  readonly me: PeerIdentity;
  readonly to: bigint;
  readonly lane: Lane;
  /** Tried in turn; at least one. */
  readonly urls: readonly string[];
  readonly timing: PeerTiming;
  readonly traffic: PeerTraffic;
  /** Frames that came back, for a member that its peer cannot reach otherwise. */
  readonly receive: (frames: readonly Uint8Array[]) => void;
  /** The peer took the stream, or the connection could not be made or is lost. Must not throw. */
  readonly changed: (state: LinkState) => void;
}

export type LinkState =
  | { readonly kind: 'connected'; readonly url: string }
  | {
      readonly kind: 'lost';
      readonly url: string;
      readonly reason: string;
      /** The peer is there and does not want this member. */
      readonly refused: boolean;
    };

/**
 * The way of one lane to one peer: a TCP connection of its own, made again whenever it is lost, and
 * a bounded queue in front of it. What waits when a connection breaks or cannot be made is dropped,
 * for it is old by the time there is another. Sending never waits and never fails.
 */
export class LaneLink {
  readonly #options: LaneLinkOptions;
  readonly #queue: FrameQueue;
  #client: Client | undefined;
  #call: ClientDuplexStream<Buffer, Buffer> | undefined;
  #acceptedAtMs: number | undefined;
  /** A message is on its way to the socket; there is one at a time. */
  #writing = false;
  #pumpAsked = false;
  #urlAt = 0;
  #failures = 0;
  /** When the question was sent that is not answered yet. */
  #probedAtMs: number | undefined;
  #probeTimer: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LaneLinkOptions) {
    this.#options = options;
    this.#queue = new FrameQueue({
      framesMax: LIMITS.peerQueueFrames,
      bytesMax: QUEUE_BYTES[options.lane],
      batchBytes: LIMITS.peerBatchBytes,
    });
    this.#dial();
  }

  get connected(): boolean {
    return this.#acceptedAtMs !== undefined;
  }

  /** Since when, by `performance.now`; undefined while it is not. */
  get connectedAtMs(): number | undefined {
    return this.#acceptedAtMs;
  }

  /** Bytes that wait here. */
  get waitingBytes(): number {
    return this.#queue.byteCount;
  }

  send(frame: Uint8Array): void {
    if (this.#closed) return;
    if (frame.length > LIMITS.peerFrameBytes || !this.#queue.push(frame)) {
      this.#options.traffic.droppedFrames += 1;
      return;
    }
    // Frames of one turn of the loop go together.
    if (this.#pumpAsked) return;
    this.#pumpAsked = true;
    queueMicrotask(() => {
      this.#pumpAsked = false;
      this.#pump();
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#drop();
  }

  #dial(): void {
    const { me, to, lane, urls, timing } = this.#options;
    const url = urls[this.#urlAt % urls.length] ?? '';
    const client = new Client(addressOf(url), credentials.createInsecure(), {
      'grpc.keepalive_time_ms': timing.pingMs,
      'grpc.keepalive_timeout_ms': timing.pingTimeoutMs,
      'grpc.max_receive_message_length': LIMITS.peerFrameBytes + LIMITS.peerBatchBytes,
      'grpc.max_send_message_length': -1,
      // A connection that is shared with another lane would make this one wait for it.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      // Only without this is a write done when it has gone to the socket.
      'grpc.enable_retries': 0,
      'grpc.retry_buffer_size': 0,
      'grpc.per_rpc_retry_buffer_size': 0,
      'grpc.enable_channelz': 0,
      'grpc.service_config_disable_resolution': 1,
    });
    const hello = writeHello({ clusterId: me.clusterId, from: me.memberId, to, lane });
    const { path, requestSerialize, responseDeserialize } = EXCHANGE;
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, hello);
    this.#client = client;
    this.#call = call;
    call.on('metadata', () => this.#accepted(call, url));
    call.on('data', (bytes: Buffer) => this.#receive(call, bytes));
    // A status follows every error, and says the same.
    call.on('error', () => {});
    call.on('status', (status: StatusObject) => this.#lost(call, url, status));
    this.#timer = setTimeout(() => call.cancel(), timing.dialMs);
  }

  #accepted(call: ClientDuplexStream<Buffer, Buffer>, url: string): void {
    if (call !== this.#call || this.connected) return;
    clearTimeout(this.#timer);
    this.#acceptedAtMs = performance.now();
    this.#options.traffic.connects += 1;
    this.#options.changed({ kind: 'connected', url });
    this.#pump();
    // The lane of heartbeats: in the others the answer would tell of what waits there.
    if (this.#options.lane === 'urgent') this.#armProbe(call);
  }

  /** Asks for an answer, one at a time: an empty message is answered with one. */
  #armProbe(call: ClientDuplexStream<Buffer, Buffer>): void {
    this.#probedAtMs = undefined;
    this.#probeTimer = setTimeout(() => {
      if (call !== this.#call) return;
      this.#probedAtMs = performance.now();
      call.write(encode([]));
    }, this.#options.timing.probeMs);
    this.#probeTimer.unref();
  }

  #receive(call: ClientDuplexStream<Buffer, Buffer>, bytes: Buffer): void {
    if (call !== this.#call) return;
    let frames: readonly Uint8Array[];
    try {
      frames = decode(bytes);
    } catch {
      // Whoever speaks like this is no member; the connection is made anew, with a pause.
      call.cancel();
      return;
    }
    if (frames.length > 0) this.#options.receive(frames);
    else if (this.#probedAtMs !== undefined) {
      this.#options.traffic.roundTrip((performance.now() - this.#probedAtMs) / 1000);
      this.#armProbe(call);
    }
  }

  #pump(): void {
    const call = this.#call;
    if (call === undefined || !this.connected || this.#writing || this.#queue.length === 0) return;
    const frames = this.#queue.take();
    const message = encode(frames);
    const { traffic } = this.#options;
    this.#writing = true;
    call.write(message, () => {
      if (call !== this.#call) return;
      this.#writing = false;
      traffic.sentFrames += frames.length;
      traffic.sentBytes += message.length;
      this.#pump();
    });
  }

  #lost(call: ClientDuplexStream<Buffer, Buffer>, url: string, status: StatusObject): void {
    if (call !== this.#call || this.#closed) return;
    clearTimeout(this.#timer);
    const { timing } = this.#options;
    const acceptedAtMs = this.#acceptedAtMs;
    if (acceptedAtMs !== undefined) this.#options.traffic.disconnects += 1;
    this.#drop();
    // A connection that did not last is a failure too, or both sides would be busy with nothing
    // else.
    const lasted =
      acceptedAtMs !== undefined && performance.now() - acceptedAtMs > timing.backoffMaxMs;
    this.#failures = lasted ? 0 : this.#failures + 1;
    if (acceptedAtMs === undefined) this.#urlAt += 1;
    const refused = status.code === GRPC_STATUS.FAILED_PRECONDITION;
    this.#options.changed({ kind: 'lost', url, reason: reasonOf(status.details), refused });
    const doubled = timing.backoffFirstMs * 2 ** Math.min(this.#failures, 30);
    const backoffMs = refused ? timing.backoffMaxMs : Math.min(timing.backoffMaxMs, doubled);
    // Half of it by chance: members that lost each other at once do not come back at once.
    this.#timer = setTimeout(() => this.#dial(), backoffMs * (0.5 + Math.random() / 2));
  }

  /** Leaves the connection, with everything that waited for it. */
  #drop(): void {
    const call = this.#call;
    const client = this.#client;
    this.#call = undefined;
    this.#client = undefined;
    this.#acceptedAtMs = undefined;
    this.#writing = false;
    clearTimeout(this.#probeTimer);
    this.#options.traffic.droppedFrames += this.#queue.clear();
    call?.cancel();
    client?.close();
  }
}

/** What grpc-js says around the reason why there is no connection is of no use to an operator. */
function reasonOf(details: string): string {
  const reason = /Last error: (?:Error: )?(.*?)\.? Resolution note:/.exec(details)?.[1];
  return reason === undefined || reason === '' ? details : reason;
}

/** What grpc-js dials: host and port. */
function addressOf(url: string): string {
  return url.replace(/^[a-z]+:\/\//, '');
}
