/**
 * Row 16: what a put takes from a member that holds much, against one that holds little, both ours:
 * 10,000,000 keys against 10,000; 100,000 leases, each with a key, against none; 100,000 watchers
 * on other keys against none. The puts are few, so that their time is latency, and scattered over
 * all keys. Each has a member of its own to be compared with, and all are filled and warmed up
 * once: what one does more often than the other is compiled better, and that alone was worth up
 * to a third. A reading takes both sides, in turns of a tenth of a second.
 */
import { openIdleWatchers, pacedPutMs, runLoad } from '../harness/load-generator.js';
import type { HeldProgram } from '../harness/program.js';
import { runRow } from '../harness/run-row.js';
import type { Reading, RowContext } from '../harness/row.js';
import { ServerProcess } from '../harness/server-process.js';

const MANY_KEYS = 10_000_000;
const FEW_KEYS = 10_000;
const LEASES = 100_000;
const WATCHERS = 100_000;
const LOADERS = 10;
/** So many keys are more than the default quota allows. */
const FLAGS = ['--quota-backend-bytes=-1'];

const MEASURES = {
  keys: 'put p50, 10 M keys',
  leases: 'put p50, 100 k leases',
  watchers: 'put p50, 100 k watchers',
} as const;

/**
 * How much longer than before a reading each member is warmed up at first, with as many puts as it
 * takes: below ten seconds one that was filled for long is still slower than one that was not.
 */
const WARM_TIMES = 7;

/** A member and how many keys it has. */
interface Filled {
  readonly server: ServerProcess;
  readonly keys: number;
}

/** The members under measurement, and what keeps watchers on one of them. */
class Members {
  readonly #context: RowContext;
  readonly #servers: ServerProcess[] = [];
  #watchers: HeldProgram | undefined;

  constructor(context: RowContext) {
    this.#context = context;
  }

  async start(keys: number): Promise<Filled> {
    const { folder, options } = this.#context;
    const server = await ServerProcess.create('tidelock', folder, FLAGS);
    this.#servers.push(server);
    server.start();
    await server.ready();
    const load = { mode: 'load', keys, clients: LOADERS } as const;
    const { seconds } = await runLoad(server.endpoint, load, options);
    report(`${keys} keys`, seconds, server);
    return { server, keys };
  }

  async addLeases({ server }: Filled, leases: number): Promise<void> {
    const load = { mode: 'leases', leases } as const;
    const { seconds } = await runLoad(server.endpoint, load, this.#context.options);
    report(`${leases} leases`, seconds, server);
  }

  async addWatchers({ server }: Filled, watchers: number): Promise<void> {
    const startMs = performance.now();
    this.#watchers = await openIdleWatchers(server.endpoint, watchers);
    report(`${watchers} watchers`, (performance.now() - startMs) / 1000, server);
  }

  /** Puts until what serves them is compiled. */
  async warm({ server, keys }: Filled): Promise<void> {
    const { options } = this.#context;
    const seconds = options.warmSeconds * WARM_TIMES;
    await runLoad(server.endpoint, { mode: 'put', keys }, { ...options, seconds });
  }

  /** The times of a put on the one and on the other, in milliseconds. */
  async compare([much, little]: FilledPair): Promise<readonly [number, number]> {
    const sides = [much, little].map(({ server, keys }) => ({ endpoint: server.endpoint, keys }));
    const [ofMuch, ofLittle] = await pacedPutMs(sides, this.#context.options);
    if (ofMuch === undefined || ofLittle === undefined) throw new Error('a side was not measured');
    return [ofMuch, ofLittle];
  }

  async close(): Promise<void> {
    try {
      await this.#watchers?.close();
    } finally {
      await Promise.all(this.#servers.map((server) => server.remove()));
    }
  }
}

/** One that holds much, and one that holds little. */
type FilledPair = readonly [Filled, Filled];

function report(what: string, seconds: number, server: ServerProcess): void {
  const mib = Math.round(server.memory().totalBytes / 2 ** 20);
  console.log(`  ${what} after ${seconds.toFixed(1)} s, resident ${mib} MiB`);
}

await runRow({
  name: 'row-16-growth',
  title: 'growth: the time of a put to a member that holds much, 400 a second, Go client',
  cost: 'about 8 minutes, most of them to write 10,000,000 keys, 5 GB of disk and 4 GiB of memory',
  peer: 'tidelock with 10 k keys alone',
  needs: ['go'],
  measures: Object.values(MEASURES).map((name) => ({
    name,
    unit: 'ms',
    better: 'less',
    target: 1.2,
  })),
  open: async (context) => {
    const members = new Members(context);
    try {
      const pairs = await fill(members, context);
      for (const pair of Object.values(pairs)) {
        for (const member of pair) await members.warm(member);
      }
      let peer: Reading = {};
      const read = async (): Promise<Reading> => {
        const keys = await members.compare(pairs.keys);
        const leases = await members.compare(pairs.leases);
        const watchers = await members.compare(pairs.watchers);
        const side = (at: 0 | 1): Reading => ({
          [MEASURES.keys]: keys[at],
          [MEASURES.leases]: leases[at],
          [MEASURES.watchers]: watchers[at],
        });
        peer = side(1);
        return side(0);
      };
      // Both sides of a pair are taken at once.
      return { tidelock: read, peer: async () => peer, close: () => members.close() };
    } catch (error) {
      await members.close();
      throw error;
    }
  },
});

async function fill(
  members: Members,
  { scaled }: RowContext,
): Promise<Readonly<Record<keyof typeof MEASURES, FilledPair>>> {
  const manyKeys = scaled(MANY_KEYS);
  const fewKeys = Math.min(FEW_KEYS, manyKeys);
  const leased = await members.start(fewKeys);
  await members.addLeases(leased, scaled(LEASES));
  const watched = await members.start(fewKeys);
  await members.addWatchers(watched, scaled(WATCHERS));
  return {
    keys: [await members.start(manyKeys), await members.start(fewKeys)],
    leases: [leased, await members.start(fewKeys)],
    watchers: [watched, await members.start(fewKeys)],
  };
}
