import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Kernel } from '../kernel/index.js';
import type { Trace } from '../ports/trace.js';
import { LIMITS, StoreError } from '../store/index.js';
import type { ServerConfig } from './config.js';
import { FleetLockSide } from './fleet-lock/fleet-lock-side.js';
import { MemberChecks } from './http/checks.js';
import { createHttpServer } from './http/http-server.js';
import { sayFarewell } from './http2-farewell.js';
import { MemberView } from './member-view.js';
import { addMemberMetrics } from './metrics/member-metrics.js';
import type { MetricsPage } from './metrics/page.js';
import { addProcessMetrics } from './metrics/process-metrics.js';
import { addRpcMetrics } from './metrics/rpc-metrics.js';
import { WorkCounters } from './metrics/work-counters.js';
import { CallGate } from './services/call-gate.js';
import { registerCluster } from './services/cluster.js';
import { registerHealth } from './services/health.js';
import { registerKv } from './services/kv.js';
import { LeaderGuard } from './services/leader-guard.js';
import { registerLease } from './services/lease.js';
import { registerMaintenance } from './services/maintenance.js';
import { QuorumGuard } from './services/quorum-guard.js';
import { registerPipe } from './services/pipe.js';
import { Registrar } from './services/registrar.js';
import type { OpenStream } from './services/service-parts.js';
import { type PeerConnections, timeoutError } from './services/timeout-reason.js';
import { registerWatch } from './services/watch.js';

/** etcd's: a connection is asked for life after two hours of silence and given up 20 s later. */
const KEEPALIVE_TIME_MS = 7_200_000;
const KEEPALIVE_TIMEOUT_MS = 20_000;
/** Between two looks at whether everything has ended. */
const STOP_LOOK_MS = 25;

export interface FrontParts {
  readonly config: ServerConfig;
  readonly kernel: Kernel;
  readonly page: MetricsPage;
  readonly trace: Trace;
  readonly peers: PeerConnections;
}

/**
 * Everything that stands between a client's connection and the kernel: the gRPC services, the plain
 * HTTP side, their metrics. Connections are handed in by the listener. Owns its gRPC server and
 * ends it in order: streams first, then calls, then connections.
 */
export class Front {
  readonly http: HttpServer;
  readonly work = new WorkCounters();
  readonly #view: MemberView;
  readonly #gate: CallGate;
  readonly #grpc: Server;
  readonly #injector: ReturnType<Server['createConnectionInjector']>;
  readonly #streams = new Set<OpenStream>();
  readonly #leaderGuard: LeaderGuard;
  readonly #fleetLock: FleetLockSide;
  #stopping = false;

  constructor(parts: FrontParts) {
    const { config, kernel, page } = parts;
    const timeoutMs = requestTimeoutMs(config);
    this.#view = new MemberView(kernel, parts.trace);
    this.#gate = this.#makeGate(parts, timeoutMs);
    this.#leaderGuard = new LeaderGuard({
      view: this.#view,
      electionMs: config.electionTimeoutMs,
      streams: this.#streams,
    });
    this.#grpc = createGrpcServer(config);
    const registrar = new Registrar(this.#grpc, this.#gate);
    const services = {
      kernel,
      gate: this.#gate,
      registrar,
      work: this.work,
      requestBytesMax: config.requestBytesMax,
      watchProgressMs: config.watchProgressMs,
      draining: this.#view.draining,
      openStreams: this.#streams,
    };
    registerKv(services);
    registerWatch(services);
    registerLease(services);
    const { strictReconfigCheck: isStrict } = config;
    registerCluster(
      services,
      new QuorumGuard({ kernel, view: this.#view, peers: parts.peers, isStrict }),
    );
    registerMaintenance(services);
    registerHealth(services);
    registerPipe(services);
    registrar.refuseOthers();
    this.#injector = this.#grpc.createConnectionInjector(ServerCredentials.createInsecure());

    addMemberMetrics(page, this.#view, this.work);
    addRpcMetrics(page, registrar.counters, config.extensiveMetrics);
    addProcessMetrics(page);
    this.#fleetLock = new FleetLockSide({
      store: kernel.store,
      name: config.name,
      timeoutMs,
      groups: config.fleetLockGroups,
      page,
    });
    this.http = createHttpServer({
      fleetLock: this.#fleetLock.endpoint,
      checks: new MemberChecks(this.#view, probeReadMs(config.electionTimeoutMs)),
      page,
      work: this.work,
      headTimeoutMs: LIMITS.connectionFirstBytesMs,
      requestTimeoutMs: LIMITS.httpRequestMs,
    });
  }

  #makeGate({ config, trace, peers }: FrontParts, timeoutMs: number): CallGate {
    const view = this.#view;
    const reasons = { view, peers, electionMs: config.electionTimeoutMs };
    return new CallGate({
      view,
      trace,
      timeoutMs,
      timeoutError: (method, sinceMs) => timeoutError(reasons, method, sinceMs),
    });
  }

  /** Takes over an HTTP/2 connection. */
  inject(socket: Socket): void {
    if (this.#stopping) sayFarewell(socket);
    else this.#injector.injectConnection(socket);
  }

  /** Tells whoever asks that the member is about to stop; everything goes on as before. */
  drain(): void {
    this.#view.drain();
  }

  /**
   * Ends streams with an error that tells clients to go elsewhere, takes no more calls, and lets
   * those under way come to their end: a call that was taken is always answered, at the latest when
   * `graceMs` are over, with the news that the member has stopped. Connections that are open after
   * that are the listener's to close.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    for (const stream of this.#streams) stream.stop();
    this.http.closeIdleConnections();
    const coordinated = this.#fleetLock.close();
    const ended = new Promise<void>((resolve) => this.#grpc.tryShutdown(() => resolve()));
    if (!(await this.#endWithin(ended, graceMs)) && this.#gate.endAll(new StoreError('Stopped'))) {
      await this.#endWithin(ended, LIMITS.stopQuietMs);
    }
    await coordinated;
    this.#injector.destroy();
    this.#gate.close();
    this.#leaderGuard.close();
    this.#view.close();
  }

  /**
   * Waits for the end of all connections, for a limited time, and not for long while no call is
   * under way on any of them. @returns whether they have ended
   */
  async #endWithin(ended: Promise<void>, graceMs: number): Promise<boolean> {
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    const untilMs = performance.now() + graceMs;
    let busyAtMs = performance.now();
    for (;;) {
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, STOP_LOOK_MS))]);
      const nowMs = performance.now();
      if (this.#gate.pendingCount > 0) busyAtMs = nowMs;
      if (isOver || nowMs >= untilMs || nowMs - busyAtMs >= LIMITS.stopQuietMs) return isOver;
    }
  }
}

/** How long a call may take: etcd's. */
export function requestTimeoutMs({ electionTimeoutMs }: ServerConfig): number {
  return LIMITS.requestBaseMs + 2 * electionTimeoutMs;
}

/** A probe answers soon, and yet does not fail because of one election. */
function probeReadMs(electionMs: number): number {
  return Math.max(LIMITS.probeReadMs, 2 * electionMs);
}

function createGrpcServer(config: ServerConfig): Server {
  return new Server({
    'grpc.max_receive_message_length': config.requestBytesMax + LIMITS.grpcOverheadBytes,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': config.streamsPerConnectionMax,
    'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.enable_channelz': 0,
  });
}
