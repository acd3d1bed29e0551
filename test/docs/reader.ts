/**
 * What the reader of an example has already: a store, something that is held, an order to bill, a
 * server to reconfigure. Examples are compiled against these types; what they do is the matter of
 * those who make a reader. Names of the package stand here only where an example would otherwise
 * reach for the machine that it runs on.
 */
import type { readFile } from 'node:fs/promises';
import type { hostname } from 'node:os';
import { z } from 'zod';
import type { askMember, ClusterAdmin, connect } from '../../src/client/index.js';
import type { KernelOptions } from '../../src/kernel/index.js';
import type { nodeSink, openEmbedded, savedFile } from '../../src/index.js';
import type {
  Config,
  Coordination,
  HeaderSource,
  HeldLock,
  Leadership,
  Lock,
  RebootGroup,
} from '../../src/recipes/index.js';
import type {
  createLog,
  inspectSnapshot,
  parseServerConfig,
  restoreSnapshot,
  startServer,
} from '../../src/server/index.js';
import type { Simulation, World } from '../../src/simulation/index.js';
import type { Container } from 'inversify';
import type { Store } from '../../src/store/index.js';

/** Work of whatever sort; it ends soon. */
type Act = (...facts: readonly unknown[]) => Promise<void>;
/** Tells somebody. */
type Tell = (...facts: readonly unknown[]) => void;

/** Settings of an application, as its examples have them. */
export const SETTINGS = z.object({
  port: z.number(),
  db: z.object({ pool: z.number().default(4), url: z.string().optional() }),
});
/** Servers behind a proxy. */
export const UPSTREAMS = z.object({ hosts: z.array(z.string()) });

export interface Reader {
  // Things of the package.
  readonly store: Store;
  readonly coord: Coordination;
  readonly held: HeldLock;
  readonly leadership: Leadership;
  readonly lock: Lock;
  readonly reboots: RebootGroup;
  readonly config: Config<z.infer<typeof SETTINGS>>;
  readonly container: Container;
  readonly sim: Simulation;
  readonly world: World;
  readonly ports: Pick<KernelOptions, 'disk' | 'backend' | 'clock' | 'random' | 'trace'>;
  /** The state of a member, in pieces. */
  readonly image: AsyncIterable<Uint8Array>;
  // Things of an application.
  readonly Settings: typeof SETTINGS;
  readonly Upstreams: typeof UPSTREAMS;
  readonly stop: AbortSignal;
  readonly url: string;
  readonly body: string;
  readonly host: string;
  readonly bootId: string;
  readonly newBootId: string;
  readonly order: { readonly id: string };
  readonly request: { readonly headers: HeaderSource };
  readonly respond: (status: number) => void;
  readonly client: {
    query(text: string, params: unknown[]): Promise<{ readonly rowCount: number }>;
  };
  readonly server: {
    reconfigure(...facts: readonly unknown[]): Promise<void>;
    errorRate(): number;
  };
  readonly pool: { readonly resize: Act };
  readonly dashboard: { readonly show: Tell };
  readonly log: { readonly info: Tell; readonly warn: Tell };
  readonly show: Tell;
  readonly balance: Tell;
  readonly stopWorking: () => void;
  readonly doWork: Act;
  readonly work: Act;
  readonly migrate: Act;
  readonly schedule: Act;
  readonly search: Act;
  readonly load: Act;
  readonly story: () => Promise<void>;
  /** Stands where an example says in a comment what comes of a call. */
  readonly claims: (value: unknown, text: string) => void;
  // Doors to the machine.
  readonly console: { readonly log: Tell };
  readonly fetch: typeof globalThis.fetch;
  readonly hostname: typeof hostname;
  readonly readFile: (...path: Parameters<typeof readFile>) => Promise<Uint8Array>;
  readonly connect: typeof connect;
  readonly askMember: typeof askMember;
  readonly ClusterAdmin: typeof ClusterAdmin;
  readonly openEmbedded: typeof openEmbedded;
  readonly savedFile: typeof savedFile;
  readonly nodeSink: typeof nodeSink;
  readonly createLog: typeof createLog;
  readonly parseServerConfig: typeof parseServerConfig;
  readonly startServer: typeof startServer;
  readonly restoreSnapshot: typeof restoreSnapshot;
  readonly inspectSnapshot: typeof inspectSnapshot;
}

/** The names of a reader's things; the compiler wants each of them here. */
const PRESENT: Readonly<Record<keyof Reader, true>> = {
  store: true,
  coord: true,
  held: true,
  leadership: true,
  lock: true,
  reboots: true,
  config: true,
  container: true,
  sim: true,
  world: true,
  ports: true,
  image: true,
  Settings: true,
  Upstreams: true,
  stop: true,
  url: true,
  body: true,
  host: true,
  bootId: true,
  newBootId: true,
  order: true,
  request: true,
  respond: true,
  client: true,
  server: true,
  pool: true,
  dashboard: true,
  log: true,
  show: true,
  balance: true,
  stopWorking: true,
  doWork: true,
  work: true,
  migrate: true,
  schedule: true,
  search: true,
  load: true,
  story: true,
  claims: true,
  console: true,
  fetch: true,
  hostname: true,
  readFile: true,
  connect: true,
  askMember: true,
  ClusterAdmin: true,
  openEmbedded: true,
  savedFile: true,
  nodeSink: true,
  createLog: true,
  parseServerConfig: true,
  startServer: true,
  restoreSnapshot: true,
  inspectSnapshot: true,
};
export const READER_NAMES = Object.keys(PRESENT) as readonly (keyof Reader)[];
