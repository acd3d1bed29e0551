// Starts a member for a test: on a free port of 127.0.0.1, in a directory of its own, with what it
// logs kept for the test to look at. `stopTestServers` ends all that a test file has started.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeClock } from '../../../src/host/node-clock.js';
import { NodeDisk } from '../../../src/host/node-disk.js';
import { NodeRandom } from '../../../src/host/node-random.js';
import { parseServerConfig } from '../../../src/server/config.js';
import { openMember, type OpenMember, openMemberIn } from '../../../src/server/member.js';
import { type RunningServer, startServer } from '../../../src/server/server.js';
import type { FakeKernel } from './fake-kernel.js';
import { MemoryBackend } from './memory-backend.js';

export interface TestServer extends RunningServer {
  /** As clients take it: host and port. */
  readonly address: string;
  readonly url: string;
  readonly dataDir: string;
  /** Names of the errors that were logged. */
  readonly errors: readonly string[];
}

const FREE_PORTS = {
  'listen-client-urls': 'http://127.0.0.1:0',
  'listen-peer-urls': 'http://127.0.0.1:0',
};

const started: TestServer[] = [];

/** A server on the model's kernel. @param flags as on the command line, without dashes */
export function startFakeServer(
  kernel: FakeKernel,
  flags: Readonly<Record<string, string>> = {},
): Promise<TestServer> {
  const member = { kernel, close: () => kernel.close() };
  return start(flags, () => () => Promise.resolve(member));
}

/** A server on the real kernel, its log on disk and its rows in memory. */
export function startTestServer(flags: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  return start(flags, (dataDir) => (options) => {
    const world = {
      disk: new NodeDisk(dataDir),
      openBackend: () => new MemoryBackend(),
      clock: new NodeClock(),
      random: new NodeRandom(),
      release: () => Promise.resolve(),
    };
    return openMemberIn(world, options);
  });
}

/** A server as it is: on the real kernel and the real backend. */
export function startWholeServer(flags: Readonly<Record<string, string>>): Promise<TestServer> {
  return start(flags, () => openMember);
}

async function start(
  flags: Readonly<Record<string, string>>,
  opener: (dataDir: string) => OpenMember,
): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tidelock-server-'));
  const errors: string[] = [];
  const config = parseServerConfig({ 'data-dir': dataDir, ...FREE_PORTS, ...flags }, {});
  const running = await startServer(config, {
    trace: {
      event: (severity, name, fields) => {
        if (severity === 'error') errors.push(`${name} ${JSON.stringify(fields)}`);
      },
    },
    openMember: opener(dataDir),
  });
  const url = running.clientUrls[0] ?? '';
  const server: TestServer = {
    kernel: running.kernel,
    clientUrls: running.clientUrls,
    peerUrls: running.peerUrls,
    advertisedUrls: running.advertisedUrls,
    ready: running.ready,
    failed: running.failed,
    stop: () => running.stop(),
    address: url.replace('http://', ''),
    url,
    dataDir,
    errors,
  };
  started.push(server);
  return server;
}

export async function stopTestServers(): Promise<void> {
  for (const server of started.splice(0)) {
    await server.stop();
    await rm(server.dataDir, { recursive: true, force: true });
  }
}
