/**
 * A server for a suite of the command line: in the test's own process, on a free port, with its
 * data in a folder that goes with it; and a store on it, to look past the command line.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '../../../src/client/index.js';
import { parseServerConfig, type RunningServer, startServer } from '../../../src/server/index.js';
import type { Store } from '../../../src/store/index.js';
import { scratchFolder } from '../../support/scratch-folder.js';

export interface TestServer {
  readonly endpoint: string;
  readonly store: Store;
  stop(): Promise<void>;
}

export async function startTestServer(): Promise<TestServer> {
  const dataDir = await mkdtemp(join(scratchFolder(), 'tidelock-cli-'));
  const flags = { 'data-dir': dataDir, 'listen-client-urls': 'http://127.0.0.1:0' };
  const trace = { event: (): void => undefined };
  const server: RunningServer = await startServer(parseServerConfig(flags, {}), { trace });
  const endpoint = server.clientUrls[0] ?? '';
  const store = await connect(endpoint);
  return {
    endpoint,
    store,
    stop: async () => {
      await store.close();
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
