/**
 * A crowd that waits for one lock, in one process and over one client, and prints as one line of
 * JSON how long it takes from the release by one to the grant of the next, and how many watch
 * events all of them get for it. Whoever gave the lock back stands in line again before the next
 * one does, so the crowd stays as large as it was. With `--crowd 0` it puts a key instead, one put
 * at a time.
 */
import { tap } from 'rxjs';
import { connect } from '../../src/client/index.js';
import { coordinate, type HeldLock } from '../../src/recipes/index.js';
import type { Store } from '../../src/store/index.js';
import { Flags } from './flags.js';
import { timed } from './timed.js';

const LOCK = 'bench/crowd';
const VALUE = Buffer.alloc(256, 'v');
/** The crowd shares one session; it should not end while the crowd gathers. */
const TTL_SECONDS = 60;

let events = 0;
/** Told when the next transaction has its answer. */
let transacted: () => void = () => undefined;

/** A store that counts what its watches deliver, and tells of its transactions. */
function counted(store: Store): Store {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'watch') {
        return (request: Parameters<Store['watch']>[0]) =>
          target.watch(request).pipe(tap((batch) => (events += batch.events.length)));
      }
      if (name === 'txn') {
        return (...args: Parameters<Store['txn']>) =>
          target.txn(...args).finally(() => transacted());
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

const flags = new Flags(['endpoint', 'crowd', 'seconds', 'warm-seconds']);
const crowd = flags.number('crowd');
const store = await connect(flags.text('endpoint'));
const coordination = coordinate(counted(store), { ttlSeconds: TTL_SECONDS });

/** Locks in the order in which they were granted, and whoever waits for the next of them. */
const granted: HeldLock[] = [];
let awaited: ((held: HeldLock) => void) | undefined;

async function standInLine(): Promise<void> {
  const held = await coordination.lock(LOCK).acquire();
  if (awaited === undefined) granted.push(held);
  else awaited(held);
  awaited = undefined;
}

const nextGrant = (): Promise<HeldLock> =>
  new Promise((resolve) => {
    const held = granted.shift();
    if (held === undefined) awaited = resolve;
    else resolve(held);
  });

/** Ends by force at the end: who waits then is told so. */
const ignoreEnd = (): void => undefined;

let current: HeldLock | undefined;
if (crowd > 0) {
  for (let n = 0; n <= crowd; n++) void standInLine().catch(ignoreEnd);
  current = await nextGrant();
  while ((await coordination.lock(LOCK).entries()).length <= crowd);
}

/** Milliseconds from the release to the next grant. */
async function handOver(): Promise<number> {
  const next = nextGrant();
  const startMs = performance.now();
  const released = current?.release();
  current = await next;
  const tookMs = performance.now() - startMs;
  await released;
  const isInLine = new Promise<void>((resolve) => {
    transacted = resolve;
  });
  void standInLine().catch(ignoreEnd);
  await isInLine;
  return tookMs;
}

const eventsBefore = events;
let operations = 0;
const result = await timed(
  {
    mode: crowd > 0 ? 'hand-over' : 'put',
    concurrency: 1,
    seconds: flags.number('seconds'),
    warmSeconds: flags.number('warm-seconds'),
  },
  () => {
    operations += 1;
    return crowd > 0 ? handOver() : store.put({ key: 'bench/put', value: VALUE });
  },
);
const eventsPerOperation = (events - eventsBefore) / operations;
await coordination.close();
await store.close();
console.log(JSON.stringify({ ...result, eventsPerOperation }));
