import { type Coordination, coordinate, type SessionOptions } from '../../recipes/index.js';
import { SimClock } from '../sim-clock.js';
import { SimRandom } from '../sim-random.js';
import { ClientClock } from './client-clock.js';
import { ModelServer } from './model-server.js';
import { ModelStore } from './model-store.js';

/** One process: a store whose ways can be broken, the recipes over it, and a clock. */
export interface ModelClient {
  readonly name: string;
  readonly clock: ClientClock;
  readonly store: ModelStore;
  readonly coord: Coordination;
  /** The event loop stops: no timer fires and nothing arrives. */
  block(): void;
  unblock(order?: 'timers-first' | 'network-first'): void;
  /** The process dies: it never runs again, and nothing it has not sent yet arrives. */
  crash(): void;
}

/** What a {@link ModelWorld} is made of. */
export interface ModelWorldOptions {
  /** As of `SimClock`: how it waits until nothing is ready to run any more. */
  readonly settle?: () => Promise<void>;
  /** For the chance in latencies and in the recipes; default 1. */
  readonly seed?: number;
  /** Makes calls and events take up to this many milliseconds each way, by chance. */
  readonly latencyMaxMs?: number;
  readonly session?: SessionOptions;
}

const DEFAULT_TTL_SECONDS = 10;

/**
 * A small world for recipes: one model of a server, any number of clients with clocks and faults of
 * their own, and one virtual time that drives them all. It is exact in what the server answers and
 * has no members, so that a run takes no time; for members that fail there is `World`.
 *
 * @example
 * const world = new ModelWorld();
 * const [a, b] = [world.client('a'), world.client('b')];
 * const held = await world.run(a.coord.lock('jobs').acquire());
 * a.store.partition('hang'); // it is cut off, and loses the lock before b can have it
 * const next = await world.run(b.coord.lock('jobs').acquire());
 * console.log(held.signal.aborted); // true
 * console.log(next.fence > held.fence); // true
 */
export class ModelWorld {
  readonly clock: SimClock;
  readonly random: SimRandom;
  readonly server: ModelServer;
  readonly clients: ModelClient[] = [];
  readonly #options: ModelWorldOptions;
  readonly #crashed = new Set<ModelClient>();

  constructor(options: ModelWorldOptions = {}) {
    this.#options = options;
    this.clock = new SimClock(options.settle === undefined ? {} : { settle: options.settle });
    this.random = new SimRandom(options.seed ?? 1);
    this.server = new ModelServer({ clock: this.clock, random: this.random.split('server') });
  }

  /** @param rate - Milliseconds of its clock to one of the world's. */
  client(name: string, rate = 1): ModelClient {
    const { latencyMaxMs, session } = this.#options;
    const clock = new ClientClock(this.clock, rate);
    const random = this.random.split(name);
    const network = random.split('network');
    const store = new ModelStore({
      clock,
      random,
      server: this.server,
      ...(latencyMaxMs === undefined ? {} : { latency: () => network.below(latencyMaxMs + 1) }),
    });
    const coord = coordinate(store, {
      ttlSeconds: DEFAULT_TTL_SECONDS,
      identity: name,
      ...session,
    });
    const client: ModelClient = {
      name,
      clock,
      store,
      coord,
      block: () => {
        clock.hold();
        store.hold();
      },
      unblock: (order = 'timers-first') => {
        if (order === 'timers-first') clock.release();
        store.release();
        clock.release();
      },
      crash: () => {
        this.#crashed.add(client);
        store.partition('hang');
        clock.hold();
        store.hold();
      },
    };
    this.clients.push(client);
    return client;
  }

  /** Lets `ms` milliseconds pass, with everything that falls into them. */
  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /** Lets what is ready run, in no time. */
  settle(): Promise<void> {
    return this.clock.advance(0);
  }

  /** Runs `work` while time passes as fast as it can, for at most `limitMs` of it. */
  async run<T>(work: Promise<T>, limitMs = 600_000): Promise<T> {
    let done = false;
    const settled = work.finally(() => {
      done = true;
    });
    settled.catch(() => undefined);
    const endMs = this.clock.monotonic() + limitMs;
    await this.settle();
    while (!done) {
      const next = this.clock.nextTimerMs;
      if (next === undefined || next > endMs) {
        throw new Error(`not done after ${limitMs} ms, ${this.clock.timerCount} timers pending`);
      }
      await this.clock.advance(Math.max(0, next - this.clock.monotonic()));
    }
    return settled;
  }

  /** Closes every client that has not crashed; one that is blocked has to be unblocked before. */
  async close(): Promise<void> {
    const alive = this.clients.filter((client) => !this.#crashed.has(client));
    await this.run(Promise.all(alive.map((client) => client.coord.close())));
  }

  /** Names of the keys that exist, in byte order. */
  keys(prefixText = ''): string[] {
    const decoder = new TextDecoder();
    const { kvs } = this.server.kv.range({ key: '\0', rangeEnd: '\0' });
    return kvs.map((kv) => decoder.decode(kv.key)).filter((key) => key.startsWith(prefixText));
  }
}
