/**
 * The machine that an example believes to run on: a server that answers wherever the example says
 * that one is, and a folder for what it keeps. Whatever an example leaves open, this closes.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { askMember, ClusterAdmin, connect } from '../../src/client/index.js';
import { openEmbedded } from '../../src/index.js';
import {
  createLog,
  inspectSnapshot,
  parseServerConfig,
  restoreSnapshot,
  startServer,
} from '../../src/server/index.js';
import { startTestServer, type TestServer } from '../cli/support/test-server.js';
import { scratchFolder } from '../support/scratch-folder.js';
import type { Reader } from './reader.js';

/** What an example says when it needs one of these. */
const REAL_NAMES = [
  'connect',
  'openEmbedded',
  'askMember',
  'ClusterAdmin',
  'parseServerConfig',
  'startServer',
  'inspectSnapshot',
  'restoreSnapshot',
  'Simulation',
  'World',
  'runSeed',
];
const REAL = new RegExp(`(?<!\\w)(${REAL_NAMES.join('|')})[(]`);

export class Host {
  #server: TestServer | undefined;
  #folder: string | undefined;
  readonly #open: (() => Promise<unknown>)[] = [];

  /** Whether an example makes its own time: the real one, or that of a simulation. */
  static isNeededBy(code: string, needs: readonly string[]): boolean {
    return REAL.test(code) || ['sim', 'world', 'ports', 'image'].some((one) => needs.includes(one));
  }

  /** The functions of the package that reach for a machine, bent towards this one. */
  async functions(): Promise<Partial<Reader>> {
    this.#server ??= await startTestServer();
    this.#folder ??= await mkdtemp(join(scratchFolder(), 'tidelock-docs-'));
    const { endpoint } = this.#server;
    const folder = this.#folder;
    const keep = <T>(thing: T, close: (thing: T) => Promise<unknown>): T => {
      this.#open.push(() => close(thing));
      return thing;
    };
    return {
      connect: async (_endpoints, options) =>
        keep(await connect(endpoint, options), (store) => store.close()),
      askMember: (_endpoint, options) => askMember(endpoint, options),
      ClusterAdmin: class extends ClusterAdmin {
        constructor(_endpoints: unknown, options?: ConstructorParameters<typeof ClusterAdmin>[1]) {
          super(endpoint, options);
        }
      },
      openEmbedded: async (options) => {
        const dataDir = join(folder, options.dataDir);
        return keep(await openEmbedded({ ...options, dataDir }), (store) => store.close());
      },
      parseServerConfig: (flags, env) => {
        const dataDir = join(folder, String(flags['data-dir'] ?? 'default.tidelock'));
        const here = { 'data-dir': dataDir, 'listen-client-urls': 'http://127.0.0.1:0' };
        return parseServerConfig({ ...flags, ...here }, env);
      },
      createLog: (config) => createLog({ ...config, outputs: [] }),
      startServer: async (config, parts) =>
        keep(await startServer(config, parts), (server) => server.stop()),
      inspectSnapshot: async (path, options) =>
        inspectSnapshot(await snapshotAt(join(folder, path), endpoint), options),
      restoreSnapshot: async (request) =>
        restoreSnapshot({
          ...request,
          path: await snapshotAt(join(folder, request.path), endpoint),
          dataDir: join(folder, request.dataDir),
        }),
    };
  }

  /** Closes what examples have opened, the last first. */
  async tidy(): Promise<void> {
    for (const close of this.#open.splice(0).toReversed()) await close();
  }

  async end(): Promise<void> {
    await this.tidy();
    await this.#server?.stop();
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A file with the state of the server behind an endpoint. */
async function snapshotAt(path: string, endpoint: string): Promise<string> {
  await using admin = new ClusterAdmin(endpoint);
  const pieces: Uint8Array[] = [];
  for await (const { bytes } of (await admin.snapshot()).pieces) pieces.push(bytes);
  await writeFile(path, Buffer.concat(pieces));
  return path;
}
