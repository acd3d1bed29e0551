import type { Kernel } from '../kernel/index.js';
import type { Trace } from '../ports/trace.js';
import { isStoreError, LIMITS } from '../store/index.js';
import { AutoCompaction } from './auto-compaction.js';
import type { ServerConfig } from './config.js';
import { formatUrl, type ListenUrl } from './config/listen-url.js';
import { Front, requestTimeoutMs } from './front.js';
import { endWhenLeaderless } from './leaderless-end.js';
import { Listener } from './listener.js';
import { type Member, type OpenMember, openMember } from './member.js';
import { createMeter } from './metrics/meter.js';
import { MetricsPage } from './metrics/page.js';
import { PeerSide } from './peer/peer-side.js';
import { untilReady } from './readiness.js';
import { listenFailure } from './start-failure.js';
import { undoAfter } from './undo-after.js';

/** What a server is given besides its settings. */
export interface ServerParts {
  readonly trace: Trace;
  /** How a member is opened; tests put another world in its place. */
  readonly openMember?: OpenMember;
}

/** A member that serves clients. */
export interface RunningServer {
  readonly kernel: Kernel;
  /** Where it listens, with the ports that it got. */
  readonly clientUrls: readonly string[];
  /** Where it listens for other members; empty if the address was taken and nobody needs it. */
  readonly peerUrls: readonly string[];
  /** What the member list tells clients. */
  readonly advertisedUrls: readonly string[];
  /** Whether it serves clients; pending until then, false when it stopped before. */
  readonly ready: Promise<boolean>;
  /** Resolves with the reason when the member has stopped itself; the process should end then. */
  readonly failed: Promise<Error>;
  /** Stops in the reverse order of the start. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts a member in a fixed order: take the addresses, lock the data directory, find out how to
 * begin, start the kernel with the network, then serve; a leader is not waited for. Clients that
 * connect early wait, members are told to come again. Whatever fails, what was done before is
 * undone.
 * @throws StartFailure with one line for the person who started it
 *
 * @example
 * const config = parseServerConfig({ 'data-dir': './data' }, process.env);
 * const running = await startServer(config, { trace: createLog(config.log) });
 * console.log(`listening on ${running.clientUrls.join(', ')}`);
 * await running.stop();
 */
export async function startServer(
  config: ServerConfig,
  parts: ServerParts,
): Promise<RunningServer> {
  const page = new MetricsPage();
  // The listener has to exist before the kernel, and what it hands connections to after it.
  let front: Front | undefined;
  let member: Member | undefined;
  const peers = new PeerSide({ cluster: config.cluster, trace: parts.trace, page });
  let refusedConnections = 0;
  const listener = new Listener({
    http2: (socket) => front?.inject(socket),
    http1: (socket) => front?.http.emit('connection', socket),
    connectionsMax: LIMITS.clientConnections,
    prefaceTimeoutMs: LIMITS.connectionFirstBytesMs,
    streamsMax: config.streamsPerConnectionMax,
    firstCallWaitMs: LIMITS.firstCallWaitMs,
    refused: () => {
      refusedConnections += 1;
    },
  });
  page.counter(
    'tidelock_connections_refused_total',
    'Connections that were closed before they said what they speak.',
    () => refusedConnections,
  );
  try {
    const clientUrls = await listenAll(listener, config.listenClientUrls);
    const advertisedUrls =
      config.advertiseClientUrls.length > 0 ? config.advertiseClientUrls : clientUrls;
    await peers.listen();
    member = await (parts.openMember ?? openMember)({
      dataDir: config.dataDir,
      settings: settingsOf(config),
      begin: (hasData) => peers.begin(config.name, advertisedUrls, hasData),
      network: peers.network,
      forceNewCluster: config.cluster.forceNew,
      trace: parts.trace,
      meter: createMeter(page),
    });
    const { kernel } = member;
    await peers.open(kernel);
    front = new Front({ config, kernel, page, trace: parts.trace, peers: peers.connections });
    const compaction = new AutoCompaction(config.autoCompaction, {
      store: kernel.store,
      revision: () => kernel.status().revision,
      leads: () => leads(kernel),
      clock: kernel.store.clock,
      trace: parts.trace,
    });
    listener.serve();
    const ends = { config, front, listener, peers, member, compaction, trace: parts.trace };
    return new Running({ ...ends, clientUrls, advertisedUrls });
  } catch (error) {
    const steps = [() => listener.close(), () => member?.close(), () => peers.close()];
    return await undoAfter(error, parts.trace, steps);
  }
}

async function listenAll(
  listener: Listener,
  urls: readonly ListenUrl[],
): Promise<readonly string[]> {
  const bound: string[] = [];
  for (const url of urls) {
    try {
      const { port } = await listener.listen(url);
      bound.push(formatUrl(url.host, port));
    } catch (error) {
      throw listenFailure(formatUrl(url.host, url.port), '--listen-client-urls', error);
    }
  }
  return bound;
}

function settingsOf(config: ServerConfig): Parameters<OpenMember>[0]['settings'] {
  return {
    heartbeatMs: config.heartbeatMs,
    electionTicks: Math.floor(config.electionTimeoutMs / config.heartbeatMs),
    requestBytesMax: config.requestBytesMax,
    txnOperationsMax: config.txnOperationsMax,
    quotaBytes: config.quotaBytes,
    diskReserveBytes: config.diskReserveBytes,
    backendBatchMs: config.backendBatchMs,
    backendBatchRows: config.backendBatchRows,
    snapshotEntries: config.snapshotEntries,
    walSegmentBytes: LIMITS.walSegmentBytes,
    snapshotCatchUpEntries: config.snapshotCatchUpEntries,
    strictReconfigCheck: config.strictReconfigCheck,
    learnersMax: config.learnersMax,
  };
}

/** Also of a member that has stopped itself, which leads nobody. */
function leads(kernel: Kernel): boolean {
  try {
    return kernel.status().role === 'leader';
  } catch (error) {
    if (!isStoreError(error, 'Stopped')) throw error;
    return false;
  }
}

/**
 * Hands leadership over before the member goes, so that nobody waits for an election. A courtesy:
 * it may take some time and may fail, and the member stops all the same.
 */
async function stepAside(kernel: Kernel, trace: Trace): Promise<void> {
  if (!leads(kernel)) return;
  const handed = kernel.stepAside().catch((error: unknown) => {
    if (!isStoreError(error)) throw error;
    trace.event('info', 'leadership was not handed over', { reason: error.message });
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LIMITS.stepAsideMs);
  });
  await Promise.race([handed, late]);
  clearTimeout(timer);
}

interface RunningParts {
  readonly config: ServerConfig;
  readonly front: Front;
  readonly listener: Listener;
  readonly peers: PeerSide;
  readonly member: Member;
  readonly trace: Trace;
  readonly compaction: AutoCompaction;
  readonly clientUrls: readonly string[];
  readonly advertisedUrls: readonly string[];
}

class Running implements RunningServer {
  readonly clientUrls: readonly string[];
  readonly peerUrls: readonly string[];
  readonly advertisedUrls: readonly string[];
  readonly ready: Promise<boolean>;
  readonly #parts: RunningParts;
  readonly #stop = new AbortController();
  #stopped: Promise<void> | undefined;

  constructor(parts: RunningParts) {
    this.#parts = parts;
    this.clientUrls = parts.clientUrls;
    this.peerUrls = parts.peers.urls;
    this.advertisedUrls = parts.advertisedUrls;
    this.ready = untilReady({ kernel: parts.member.kernel, stopping: this.#stop.signal });
    // Whoever asks for it hears of a failure; where nobody does, it is the kernel's to tell.
    this.ready.catch(() => undefined);
  }

  get kernel(): Kernel {
    return this.#parts.member.kernel;
  }

  get failed(): Promise<Error> {
    return this.kernel.failed;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    this.#stop.abort();
    const { config, front, listener, peers, member, compaction, trace } = this.#parts;
    front.drain();
    compaction.stop();
    await stepAside(member.kernel, trace);
    listener.stopAccepting();
    // How it ends is told below, by the same promise.
    const endEarly = (): void => void member.close().catch(() => undefined);
    const unwatch = endWhenLeaderless(member.kernel, config.electionTimeoutMs, endEarly);
    await front.stop(requestTimeoutMs(config)).finally(unwatch);
    await listener.close();
    await member.close();
    await peers.close();
  }
}
