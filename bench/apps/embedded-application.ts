/**
 * A store inside the process: ours, or lmdb as it comes, doing the same with the same bytes and the
 * same promise that a write has reached the disk. Prints what it achieved as one line of JSON. Both
 * give bytes that belong to the caller. Run by the rows that compare the two.
 */
import { join } from 'node:path';
import { open } from 'lmdb';
import { openEmbedded } from '../../src/server/index.js';
import { Flags } from './flags.js';
import { timed } from './timed.js';

interface Engine {
  /** Resolves when all of these keys are on the disk. */
  fill(keys: readonly string[]): Promise<unknown>;
  /** Puts one key; the promise resolves when it is on the disk. */
  put(key: string): Promise<unknown>;
  get(key: string): Promise<void> | void;
  /** The hundred pairs from `key` on. */
  getHundred(key: string): Promise<void> | void;
  close(): Promise<unknown>;
}

const VALUE = Buffer.alloc(256, 'v');
const HUNDRED = 100;
const FILLERS = 20;
/** Reads between two looks at the clock: looking costs as much as a read. */
const READS_PER_LAP = 100;
/** Visits all keys in an order that no cache expects; prime. */
const STRIDE = 7919;

const keyOf = (at: number): string => `bench/${String(at).padStart(10, '0')}`;

async function openTidelock(folder: string): Promise<Engine> {
  const store = await openEmbedded({
    dataDir: join(folder, 'embedded'),
    txnOperationsMax: HUNDRED,
  });
  return {
    fill: (keys) => {
      const success = keys.map((key) => ({ kind: 'put', key, value: VALUE }) as const);
      return store.txn({ success });
    },
    put: (key) => store.put({ key, value: VALUE }),
    get: async (key) => mustHave((await store.range({ key })).kvs, 1),
    getHundred: async (key) => {
      const { kvs } = await store.range({ key, rangeEnd: 'bench0', limit: HUNDRED });
      mustHave(kvs, HUNDRED);
    },
    close: () => store.close(),
  };
}

function openLmdb(folder: string): Engine {
  const database = open<Buffer, string>({
    path: join(folder, 'lmdb'),
    noSubdir: false,
    encoding: 'binary',
    // As ours opens it: a commit that has resolved has reached the disk.
    overlappingSync: false,
    cache: false,
  });
  return {
    fill: (keys) => database.batch(() => keys.forEach((key) => void database.put(key, VALUE))),
    put: (key) => database.put(key, VALUE),
    get: (key) => {
      const value = database.get(key);
      mustHave(value === undefined ? [] : [value], 1);
    },
    getHundred: (start) => {
      mustHave([...database.getRange({ start, limit: HUNDRED })], HUNDRED);
    },
    close: () => database.close(),
  };
}

function mustHave(pairs: readonly unknown[], count: number): void {
  if (pairs.length !== count) throw new Error(`${pairs.length} pairs, ${count} expected`);
}

async function fillAll(engine: Engine, keyCount: number): Promise<void> {
  let next = 0;
  const loop = async (): Promise<void> => {
    while (next < keyCount) {
      const from = next;
      next += HUNDRED;
      await engine.fill(Array.from({ length: HUNDRED }, (_, at) => keyOf(from + at)));
    }
  };
  await Promise.all(Array.from({ length: FILLERS }, loop));
}

/** A lap is many reads, so that the clock is not what is measured. */
function reads(
  read: (key: string) => Promise<void> | void,
  starts: number,
): (at: number) => Promise<void> {
  let next = 0;
  return async () => {
    for (let count = 0; count < READS_PER_LAP; count++) {
      next = (next + STRIDE) % starts;
      const answer = read(keyOf(next));
      // A raw read answers at once: it must not pay for a promise that it does not make.
      if (answer instanceof Promise) await answer;
    }
  };
}

const flags = new Flags([
  ...['engine', 'folder', 'mode', 'keys', 'concurrency', 'seconds', 'warm-seconds'],
]);
const mode = flags.text('mode');
const keyCount = Math.ceil(flags.number('keys') / HUNDRED) * HUNDRED;
const openEngine = flags.text('engine') === 'tidelock' ? openTidelock : openLmdb;
const engine = await openEngine(flags.text('folder'));

function operation(): (at: number) => Promise<unknown> {
  switch (mode) {
    case 'put':
      return (at) => engine.put(keyOf(at % keyCount));
    case 'get':
      return reads((key) => engine.get(key), keyCount);
    case 'get-hundred':
      return reads((key) => engine.getHundred(key), keyCount - HUNDRED + 1);
    default:
      throw new Error(`--mode ${mode} is none of put, get, get-hundred`);
  }
}

if (mode !== 'put') await fillAll(engine, keyCount);
const result = await timed(
  {
    mode,
    concurrency: flags.number('concurrency'),
    seconds: flags.number('seconds'),
    warmSeconds: flags.number('warm-seconds'),
  },
  operation(),
);
await engine.close();
const perLap = mode === 'put' ? 1 : READS_PER_LAP;
console.log(
  JSON.stringify({
    ...result,
    total: result.total * perLap,
    perSecond: result.perSecond * perLap,
  }),
);
