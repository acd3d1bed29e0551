// One end of the members' transport for a test: a network and an endpoint on a free port, without a
// member behind them. What arrives is kept; `stopTestPeers` ends all that a test has started.
import type { TraceFields } from '../../../src/ports/trace.js';
import { PeerEndpoint } from '../../../src/server/peer/peer-endpoint.js';
import { PeerNetwork } from '../../../src/server/peer/peer-network.js';
import type { PeerTiming } from '../../../src/server/peer/peer-timing.js';

export const QUICK: PeerTiming = {
  dialMs: 500,
  backoffFirstMs: 5,
  backoffMaxMs: 40,
  pingMs: 150,
  pingTimeoutMs: 150,
  probeMs: 20,
};

export interface TestPeer {
  readonly id: bigint;
  readonly network: PeerNetwork;
  readonly endpoint: PeerEndpoint;
  readonly port: number;
  readonly url: string;
  readonly frames: Uint8Array[];
  /** Frames that are short, as text. */
  readonly texts: () => string[];
  readonly events: readonly string[];
  stop(): Promise<void>;
}

export interface TestPeerOptions {
  readonly clusterId?: bigint;
  readonly port?: number;
  /** False: nobody takes the frames. */
  readonly takes?: boolean;
}

const started: TestPeer[] = [];

export async function startTestPeer(id: bigint, options: TestPeerOptions = {}): Promise<TestPeer> {
  const events: string[] = [];
  const trace = {
    event: (severity: string, name: string, fields?: TraceFields): void => {
      events.push(`${severity} ${name} ${fields?.['reason'] ?? fields?.['error'] ?? ''}`);
    },
  };
  const network = new PeerNetwork({ timing: QUICK, trace });
  const endpoint = new PeerEndpoint({ network, timing: QUICK, trace });
  const { port } = await endpoint.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  const frames: Uint8Array[] = [];
  if (options.takes !== false) network.onFrame((frame) => frames.push(frame));
  network.begin({ clusterId: options.clusterId ?? 9n, memberId: id });
  const peer: TestPeer = {
    id,
    network,
    endpoint,
    port,
    url: `http://127.0.0.1:${port}`,
    frames,
    texts: () => frames.map((frame) => Buffer.from(frame).toString()),
    events,
    stop: async () => {
      network.close();
      await endpoint.close();
    },
  };
  started.push(peer);
  return peer;
}

export async function stopTestPeers(): Promise<void> {
  for (const peer of started.splice(0)) await peer.stop();
}
