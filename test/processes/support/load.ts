/**
 * What users do to a cluster while a test breaks it: each has a client of its own that knows all
 * members, and everything that they do is recorded. They go on whatever fails. Values tell who
 * wrote them, so that a history explains itself; nothing is written twice by them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../../src/client/index.js';
import type { Random } from '../../../src/ports/random.js';
import type { SimRandom } from '../../../src/simulation/sim-random.js';
import {
  isStoreError,
  type KeyRange,
  prefix,
  type RangeRequest,
  type Store,
  type TxnOperation,
  type TxnRequest,
} from '../../../src/store/index.js';
import { RecordingClient, type RunRecorder } from '../../support/recording-client.js';

/** Few keys, so that users meet. */
const KEY_COUNT = 10;
/** A user waits for nothing longer than this; then nobody knows what came of it. */
const PATIENCE_MS = 4000;
const PAUSE_MAX_MS = 60;
const KEPT_REVISIONS = 60;
const WATCH_STAY_MAX_MS = 8000;

/** What the users of a run have in common. */
export interface LoadOptions {
  readonly endpoints: readonly string[];
  readonly recorder: RunRecorder;
  readonly random: SimRandom;
  /** Users of each kind. */
  readonly writers: number;
  readonly leasers: number;
  readonly watchers: number;
}

type Round = (user: User) => Promise<unknown>;

/** One user: a client, and chance of its own. */
class User {
  readonly name: string;
  readonly random: Random;
  readonly store: Store;
  readonly client: RecordingClient;
  #values = 0;

  constructor(store: Store, client: RecordingClient, name: string, random: Random) {
    this.store = store;
    this.client = client;
    this.name = name;
    this.random = random;
  }

  /** A value that nobody else writes. */
  value(): string {
    return `${this.name}.${this.#values++}`;
  }

  chance(percent: number): boolean {
    return this.random.below(100) < percent;
  }
}

/** All users of a run. */
export class Load {
  readonly #options: LoadOptions;
  readonly #users: User[] = [];
  readonly #runs: Promise<void>[] = [];
  readonly #observed: (() => void)[] = [];
  #stopping = false;

  private constructor(options: LoadOptions) {
    this.#options = options;
  }

  static async start(options: LoadOptions): Promise<Load> {
    const load = new Load(options);
    const observer = await load.#user('observer', 0);
    load.#observed.push(options.recorder.observe(observer.store));
    const kinds: readonly (readonly [string, number, Round])[] = [
      ['w', options.writers, (user) => load.#call(user)],
      ['l', options.leasers, (user) => load.#lease(user)],
      ['o', options.watchers, (user) => load.#watch(user)],
      ['c', 1, (user) => load.#compact(user)],
    ];
    let number = 1;
    for (const [kind, count, round] of kinds) {
      for (let at = 0; at < count; at++) {
        const user = await load.#user(`${kind}${at}`, number++);
        load.#runs.push(load.#repeat(user, round));
      }
    }
    // From the first revision on, to compare with what the observer saw.
    const [, first] = load.#users;
    first?.client.watch({ key: '\0', rangeEnd: '\0', startRevision: 1 }).subscribe(IGNORE_ERRORS);
    return load;
  }

  /** The highest revision that the observer has seen. */
  get revision(): number {
    return this.#options.recorder.log.nextRevision - 1;
  }

  /** Resolves when all users have ended what they were at. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#runs);
  }

  /** Cuts the connections; watches stay open until then. */
  async close(): Promise<void> {
    this.#stopping = true;
    for (const end of this.#observed) end();
    await Promise.all(this.#users.map(({ store }) => store.close()));
  }

  async #user(name: string, number: number): Promise<User> {
    const { endpoints, recorder, random } = this.#options;
    // Some are quick to ask somebody else, some go on with one member for a while.
    const store = await connect(rotated(endpoints, number), {
      retryMs: number % 3 === 0 ? 0 : 1000,
      timeoutMs: 20_000,
    });
    const client = new RecordingClient(store, recorder, number);
    const user = new User(store, client, name, random.split(name));
    this.#users.push(user);
    return user;
  }

  async #repeat(user: User, round: Round): Promise<void> {
    while (!this.#stopping) {
      try {
        await round(user);
      } catch (error) {
        // What went wrong is in the history.
        if (!isStoreError(error)) throw error;
      }
      await sleep(user.random.below(PAUSE_MAX_MS));
    }
  }

  async #call(user: User): Promise<unknown> {
    const { client, random } = user;
    const options = { signal: AbortSignal.timeout(PATIENCE_MS) };
    const roll = random.below(100);
    if (roll < 35) {
      const prevKv = user.chance(30);
      return await client.put({ key: keyOf(random), value: user.value(), prevKv }, options);
    }
    if (roll < 43) return await client.delete({ ...rangeOf(random), prevKv: true }, options);
    if (roll < 65) return await client.txn(txnOf(user, this.revision), options);
    return await client.range(readOf(random, this.revision), options);
  }

  /** One lease: kept alive for a while, then revoked or left to itself. */
  async #lease(user: User): Promise<void> {
    const { client, random } = user;
    const granted = await client.leases.grant({ ttlSeconds: 2 + random.below(3) });
    const { id: lease } = granted;
    const options = (): { readonly signal: AbortSignal } => ({
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    await client.put({ key: keyOf(random), value: user.value(), lease }, options());
    const own = user.value();
    await client.put({ key: `lease/${own}`, value: own, lease }, options());
    for (let beats = random.below(4); beats > 0 && !this.#stopping; beats--) {
      await sleep((granted.ttlSeconds * 1000) / 3);
      if (user.chance(20)) await client.leases.timeToLive({ id: lease, keys: true }, options());
      else await client.leases.keepAlive(lease, options());
    }
    if (user.chance(40)) await client.leases.revoke(lease, options());
  }

  /** One watch, for a while. */
  async #watch(user: User): Promise<void> {
    const { client, random } = user;
    const range = user.chance(30) ? { key: '\0', rangeEnd: '\0' } : rangeOf(random);
    const past = Math.max(1, this.revision - random.below(KEPT_REVISIONS));
    const startRevision = user.chance(60) ? past : 0;
    const watch = client
      .watch({ ...range, startRevision, prevKv: user.chance(30) })
      .subscribe(IGNORE_ERRORS);
    const untilMs = performance.now() + random.below(WATCH_STAY_MAX_MS);
    while (performance.now() < untilMs && !this.#stopping) await sleep(50);
    // One that is open at the end must have heard of everything.
    if (!this.#stopping) watch.unsubscribe();
  }

  /** Never beyond what the observer has, whose view of everything the checks need. */
  async #compact(user: User): Promise<void> {
    await sleep(user.random.below(1000));
    const revision = this.revision - KEPT_REVISIONS - user.random.below(KEPT_REVISIONS);
    if (revision < 2) return;
    const options = { signal: AbortSignal.timeout(PATIENCE_MS) };
    await user.client.compact({ revision, physical: user.chance(30) }, options);
  }
}

const IGNORE_ERRORS = { error: (): void => undefined };

function rotated(endpoints: readonly string[], by: number): readonly string[] {
  const at = by % endpoints.length;
  return [...endpoints.slice(at), ...endpoints.slice(0, at)];
}

function keyOf(random: Random): string {
  return `k${random.below(KEY_COUNT)}`;
}

function rangeOf(random: Random): KeyRange {
  return random.below(6) === 0 ? prefix('k') : { key: keyOf(random) };
}

function readOf(random: Random, revision: number): RangeRequest {
  const range = rangeOf(random);
  const roll = random.below(10);
  if (roll < 5) return range;
  if (roll < 8) return { ...range, serializable: true };
  if (roll === 8) return { ...range, revision: Math.max(1, revision - random.below(40)) };
  return { ...range, limit: 1 + random.below(3), sortTarget: 'mod', sortOrder: 'descend' };
}

function txnOf(user: User, revision: number): TxnRequest {
  const { random } = user;
  const operations = (): readonly TxnOperation[] => {
    // No key twice: that would be refused.
    const first = random.below(KEY_COUNT);
    return Array.from({ length: random.below(4) }, (_, at): TxnOperation => {
      const key = `k${(first + at) % KEY_COUNT}`;
      const roll = random.below(10);
      if (roll < 6) return { kind: 'put', key, value: user.value() };
      if (roll < 8) return { kind: 'delete', key, prevKv: true };
      return { kind: 'range', key };
    });
  };
  const operand = revision - random.below(20);
  return {
    compare: user.chance(60)
      ? [{ key: keyOf(random), target: 'mod', operator: user.chance(50) ? '<' : '>', operand }]
      : [],
    success: operations(),
    failure: operations(),
  };
}
