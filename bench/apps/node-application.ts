/**
 * An application in Node that uses a server through one library, ours or npm etcd3, and prints what
 * it achieved as one line of JSON. Both libraries are used as their documentation shows it, from
 * one process and one client, and only one of them is loaded. Run by the rows that compare the two.
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

const PREPARE_CONCURRENCY = 100;
const VALUE = Buffer.alloc(256, 'v');

const keyOf = (at: number): string => `bench/${String(at).padStart(10, '0')}`;

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

function operationOf(
  application: Application,
  mode: string,
  keyCount: number,
  concurrency: number,
): (at: number) => Promise<unknown> {
  switch (mode) {
    case 'put':
      return (at) => application.put(keyOf(at % keyCount));
    case 'get':
      return (at) => application.get(keyOf(at % keyCount));
    case 'lock': {
      // As many locks as loops, and each taken by one loop at a time: nobody waits for one.
      const free = Array.from({ length: concurrency }, (_, at) => `bench/lock-${at}`);
      return async () => {
        const name = free.pop() ?? 'bench/lock';
        await application.lockAndUnlock(name);
        free.push(name);
      };
    }
    default:
      throw new Error(`--mode ${mode} is none of put, get, lock`);
  }
}

async function fill(application: Application, keyCount: number): Promise<void> {
  let next = 0;
  const loop = async (): Promise<void> => {
    while (next < keyCount) await application.put(keyOf(next++));
  };
  await Promise.all(Array.from({ length: PREPARE_CONCURRENCY }, loop));
}

const flags = new Flags([
  ...['library', 'endpoint', 'mode', 'keys', 'concurrency', 'seconds', 'warm-seconds'],
]);
const keyCount = flags.number('keys');
const mode = flags.text('mode');
const concurrency = flags.number('concurrency');
const open = flags.text('library') === 'tidelock' ? withTidelock : withEtcd3;
const application = await open(flags.text('endpoint'));
if (mode === 'get') await fill(application, keyCount);
const result = await timed(
  {
    mode,
    concurrency,
    seconds: flags.number('seconds'),
    warmSeconds: flags.number('warm-seconds'),
  },
  operationOf(application, mode, keyCount, concurrency),
);
await application.close();
console.log(JSON.stringify(result));
