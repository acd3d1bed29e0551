import type { Socket } from 'node:net';
import { Metadata, Server, ServerCredentials, type UntypedHandleCall } from '@grpc/grpc-js';
import type { MemberRecord } from '../../kernel/index.js';
import type { Trace } from '../../ports/trace.js';
import { LIMITS } from '../../store/index.js';
import { GRPC_STATUS } from '../../wire/errors.js';
import { PEER_METHODS } from '../../wire/peer.js';
import type { ListenUrl } from '../config/listen-url.js';
import { Listener } from '../listener.js';
import { readHello } from './hello.js';
import type { PeerNetwork } from './peer-network.js';
import type { PeerTiming } from './peer-timing.js';

const { requestDeserialize, responseSerialize } = PEER_METHODS.exchange;

/** For whoever opens the peer port in a browser, or points an old etcd at it. */
const HTTP_1_ANSWER =
  'HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n' +
  'This port is for the members of the cluster; clients use another.\n';

export interface PeerEndpointOptions {
  readonly network: PeerNetwork;
  readonly timing: PeerTiming;
  readonly trace: Trace;
}

/** What the endpoint tells about the cluster, once there is a member to ask. */
export type TellMembers = () => Promise<readonly MemberRecord[]>;

/**
 * The peer port: takes the streams of other members and hands their frames to the network, and
 * tells joiners who is in the cluster. It answers as soon as it listens, so that members that begin
 * together do not wait for each other; until the member is open it only says that it is starting.
 * Owns its listener and its gRPC server.
 */
export class PeerEndpoint {
  readonly #options: PeerEndpointOptions;
  readonly #listener: Listener;
  readonly #grpc: Server;
  readonly #injector: ReturnType<Server['createConnectionInjector']>;
  #members: TellMembers | undefined;
  #refusedConnections = 0;

  constructor(options: PeerEndpointOptions) {
    this.#options = options;
    const { timing } = options;
    this.#grpc = new Server({
      'grpc.max_receive_message_length': LIMITS.peerFrameBytes + LIMITS.peerBatchBytes,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': LIMITS.peerStreamsPerConnection,
      'grpc.max_connection_idle_ms': LIMITS.peerIdleMs,
      'grpc.keepalive_time_ms': timing.pingMs,
      'grpc.keepalive_timeout_ms': timing.pingTimeoutMs,
      'grpc.enable_channelz': 0,
    });
    const exchange: UntypedHandleCall = (call: ExchangeCall) => this.#exchange(call);
    const members: UntypedHandleCall = (_call: unknown, callback: MembersCallback) => {
      void this.#tellMembers(callback);
    };
    this.#grpc.register(PEER_METHODS.exchange.path, exchange, same, same, 'bidi');
    this.#grpc.register(PEER_METHODS.members.path, members, same, same, 'unary');
    this.#injector = this.#grpc.createConnectionInjector(ServerCredentials.createInsecure());
    this.#listener = new Listener({
      http2: (socket) => this.#injector.injectConnection(socket),
      http1: (socket: Socket) => void socket.end(HTTP_1_ANSWER),
      connectionsMax: LIMITS.peerConnections,
      prefaceTimeoutMs: LIMITS.connectionFirstBytesMs,
      streamsMax: LIMITS.peerStreamsPerConnection,
      firstCallWaitMs: LIMITS.firstCallWaitMs,
      refused: () => {
        this.#refusedConnections += 1;
      },
    });
    this.#listener.serve();
  }

  /** Connections that were closed before they said what they speak, or were too many. */
  get refusedConnections(): number {
    return this.#refusedConnections;
  }

  /** @throws the system's error (EADDRINUSE, EACCES, …) */
  listen(url: ListenUrl): Promise<ListenUrl> {
    return this.#listener.listen(url);
  }

  /** The member is open: `members` tells who is in its cluster. */
  open(members: TellMembers): void {
    this.#members = members;
  }

  /** Ends all streams and connections. Idempotent. */
  async close(): Promise<void> {
    this.#members = undefined;
    this.#listener.stopAccepting();
    this.#grpc.forceShutdown();
    this.#injector.destroy();
    await this.#listener.close();
  }

  #exchange(call: ExchangeCall): void {
    const { network } = this.#options;
    const { me, taken } = network;
    // It may be gone before it is answered; that is the caller's right.
    call.on('error', () => {});
    if (me === undefined || !taken) {
      refuse(call, GRPC_STATUS.UNAVAILABLE, 'this member is starting or stopping');
      return;
    }
    const hello = readHello(call.metadata, me);
    if (typeof hello === 'string') {
      refuse(call, GRPC_STATUS.FAILED_PRECONDITION, hello);
      return;
    }
    const { from } = hello;
    let waiting = 0;
    let ended = false;
    const answer = (frames: readonly Uint8Array[]): void => {
      if (ended || waiting >= LIMITS.peerAnswerFrames) return;
      waiting += 1;
      call.write(responseSerialize([...frames]), () => {
        waiting -= 1;
      });
    };
    const forget = network.called({ id: from, answer: (frame) => answer([frame]) });
    const end = (): void => {
      ended = true;
      forget();
    };
    call.on('cancelled', end);
    call.on('close', end);
    call.on('end', () => {
      end();
      call.end();
    });
    call.on('data', (bytes) => {
      if (ended) return;
      const frames = framesOf(bytes);
      if (frames === undefined) {
        end();
        refuse(call, GRPC_STATUS.INTERNAL, 'malformed protobuf: no batch of frames');
      } else if (frames.length > 0) network.received(from, frames);
      // The caller measures how long an answer takes.
      else answer([]);
    });
    call.sendMetadata(new Metadata());
  }

  async #tellMembers(callback: MembersCallback): Promise<void> {
    const { me } = this.#options.network;
    if (this.#members === undefined || me === undefined) {
      callback({ code: GRPC_STATUS.UNAVAILABLE, details: 'this member is starting or stopping' });
      return;
    }
    try {
      const members = await this.#members();
      const { clusterId, memberId } = me;
      callback(
        null,
        PEER_METHODS.members.responseSerialize({
          clusterId,
          memberId,
          members: members.map((member) => ({
            ...member,
            peerUrls: [...member.peerUrls],
            clientUrls: [...member.clientUrls],
          })),
        }),
      );
    } catch (error) {
      const details = error instanceof Error ? error.message : String(error);
      callback({ code: GRPC_STATUS.UNAVAILABLE, details });
    }
  }
}

interface WireStatus {
  readonly code: number;
  readonly details: string;
}

type MembersCallback = (error: WireStatus | null, answer?: Buffer) => void;

/** What is used of grpc-js's call; the registration of handlers of bytes is untyped there. */
interface ExchangeCall {
  readonly metadata: Metadata;
  sendMetadata(metadata: Metadata): void;
  write(bytes: Buffer, passedOn: () => void): boolean;
  end(): void;
  emit(event: 'error', status: WireStatus): boolean;
  on(event: 'data', listener: (bytes: Buffer) => void): unknown;
  on(event: 'cancelled' | 'close' | 'end' | 'error', listener: () => void): unknown;
}

/** Undefined for what is no batch of frames. */
function framesOf(bytes: Buffer): readonly Uint8Array[] | undefined {
  try {
    return requestDeserialize(bytes);
  } catch {
    return undefined;
  }
}

function refuse(call: ExchangeCall, code: number, details: string): void {
  call.emit('error', { code, details });
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
