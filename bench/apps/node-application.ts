/**
 * An application in Node that uses a server through one library, ours or npm etcd3, and prints what it
 * achieved as one line of JSON. Both libraries are used as their documentation shows it, from one
 * process and one client, and only one of them is loaded. Run by the rows that compare the two.
 */
import { Flags } from './flags.js';
import { timed } from './timed.js';

/** What the application does with a server, whatever the library. */
interface Application {
  put(key: string): Promise<unknown>;
  get(key: string): Promise<unknown>;
  /** Takes a lock that nobody else wants, and gives it back. */
  lockAndUnlock(name: string): Promise<unknown>;
  close(): Promise<unknown>;
}

const KEYS = 1000;
const PREPARE_CONCURRENCY = 100;
const VALUE = Buffer.alloc(256, 'v');

const keyOf = (at: number): string => `bench/${String(at % KEYS).padStart(10, '0')}`;

async function withTidelock(endpoint: string): Promise<Application> {
  const [{ connect }, { coordinate }] = await Promise.all([
    import('../../src/client/index.js'),
    import('../../src/recipes/index.js'),
  ]);
  const store = await connect(endpoint);
  const coordination = coordinate(store);
  return {
    put: (key) => store.put({ key, value: VALUE }),
    get: async (key) => mustBeThere((await store.range({ key })).kvs[0]?.value),
    lockAndUnlock: async (name) => {
      const held = await coordination.lock(name).acquire();
      await held.release();
    },
    close: async () => {
      await coordination.close();
      await store.close();
    },
  };
}

async function withEtcd3(endpoint: string): Promise<Application> {
  const { Etcd3 } = await import('etcd3');
  const client = new Etcd3({ hosts: endpoint });
  return {
    put: async (key) => await client.put(key).value(VALUE),
    get: async (key) => mustBeThere(await client.get(key).buffer()),
    lockAndUnlock: async (name) => {
      const lock = client.lock(name);
      await lock.acquire();
      await lock.release();
    },
    close: async () => client.close(),
  };
}

function mustBeThere(value: Uint8Array | null | undefined): void {
  if (value?.length !== VALUE.length) throw new Error('a key that was put is not there');
}

function operationOf(application: Application, mode: string): (at: number) => Promise<unknown> {
  switch (mode) {
    case 'put':
      return (at) => application.put(keyOf(at));
    case 'get':
      return (at) => application.get(keyOf(at));
    case 'lock':
      return () => application.lockAndUnlock('bench/lock');
    default:
      throw new Error(`--mode ${mode} is none of put, get, lock`);
  }
}

async function fill(application: Application): Promise<void> {
  for (let from = 0; from < KEYS; from += PREPARE_CONCURRENCY) {
    const chunk = Array.from({ length: PREPARE_CONCURRENCY }, (_, at) => keyOf(from + at));
    await Promise.all(chunk.map((key) => application.put(key)));
  }
}

const flags = new Flags(['library', 'endpoint', 'mode', 'concurrency', 'seconds', 'warm-seconds']);
const mode = flags.text('mode');
const open = flags.text('library') === 'tidelock' ? withTidelock : withEtcd3;
const application = await open(flags.text('endpoint'));
if (mode === 'get') await fill(application);
const result = await timed(
  {
    mode,
    concurrency: flags.number('concurrency'),
    seconds: flags.number('seconds'),
    warmSeconds: flags.number('warm-seconds'),
  },
  operationOf(application, mode),
);
await application.close();
console.log(JSON.stringify(result));
