// Proves that a member that is killed at random moments loses nothing that it acknowledged: its
// clients go on through the restarts, and afterwards the history that watchers saw must explain
// every answer that anybody got. What SIGKILL leaves is what the process wrote; power cuts are
// simulated elsewhere.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Subscription } from 'rxjs';
import { connect } from '../../src/client/index.js';
import { SimRandom } from '../../src/simulation/sim-random.js';
import {
  allKeys,
  isStoreError,
  type RevisionBatch,
  type Store,
  toText,
} from '../../src/store/index.js';
import { inCi } from '../support/in-ci.js';
import { type MemberProcess, startMember } from '../support/member-process.js';
import { History } from './history.js';
import { RawWriter } from './raw-writer.js';
import { type Shared, Writer } from './writer.js';

const KILL_COUNT = inCi ? 100 : 5;
const WRITER_COUNT = 6;
const WATCHER_COUNT = 3;
/** How far the member gets before it is killed, at most: revisions, and then some time. */
const LIFE_REVISIONS = 150;
const LIFE_MS = 60;
/** Without progress it is killed all the same. */
const STANDSTILL_MS = 2000;
const RUN_TIMEOUT_MS = 600_000;
const LAST_EVENTS_WITHIN_MS = 20_000;

/** Small limits, so that flushes and snapshot marks happen all the time. */
const FLAGS = [
  ...['--snapshot-count', '50'],
  ...['--backend-batch-interval', '15ms'],
  ...['--backend-batch-limit', '40'],
];

class Watcher {
  readonly batches: RevisionBatch[] = [];
  error: unknown;
  readonly #subscription: Subscription;

  constructor(store: Store) {
    this.#subscription = store.watch({ ...allKeys(), startRevision: 1 }).subscribe({
      next: (batch) => this.batches.push(batch),
      error: (error: unknown) => {
        this.error = error;
      },
    });
  }

  get revision(): number {
    return this.batches.at(-1)?.revision ?? 1;
  }

  stop(): void {
    this.#subscription.unsubscribe();
  }
}

class CrashRun {
  readonly #member: MemberProcess;
  readonly #random: SimRandom;
  readonly #stores: Store[] = [];
  readonly watchers: Watcher[] = [];
  readonly writers: Writer[] = [];
  readonly shared: Shared = {
    revision: 1,
    compactRevision: 0,
    watched: () => Math.min(...this.watchers.map(({ revision }) => revision)),
    stopping: false,
  };
  readonly restartsMs: number[] = [];

  constructor(member: MemberProcess, random: SimRandom) {
    this.#member = member;
    this.#random = random;
  }

  async open(): Promise<void> {
    for (let i = 0; i < WATCHER_COUNT; i++) this.watchers.push(new Watcher(await this.#connect()));
    for (let i = 0; i < WRITER_COUNT; i++) {
      const name = `w${i}`;
      // Two clients on one connection now and then.
      const store = i % 3 === 2 ? (this.#stores.at(-1) as Store) : await this.#connect();
      this.writers.push(new Writer(name, store, this.#random.split(name), this.shared));
    }
  }

  async #connect(): Promise<Store> {
    const store = await connect(this.#member.endpoint);
    this.#stores.push(store);
    return store;
  }

  async killAndRestart(): Promise<void> {
    await this.#liveOn();
    await this.#member.kill();
    const { revision, compactRevision } = this.shared;
    this.restartsMs.push(await this.#member.start());
    await this.#checkRestarted(revision, compactRevision);
  }

  async #liveOn(): Promise<void> {
    const until = this.shared.revision + this.#random.below(LIFE_REVISIONS);
    const deadline = Date.now() + STANDSTILL_MS;
    while (this.shared.revision < until && Date.now() < deadline) await sleep(1);
    await sleep(this.#random.below(LIFE_MS));
  }

  /** What was told before the crash still holds after it. */
  async #checkRestarted(revision: number, compactRevision: number): Promise<void> {
    const store = await connect(this.#member.endpoint);
    try {
      const { header } = await store.range({ key: 'k/0' });
      assert.ok(header.revision >= revision, `revision ${header.revision} after ${revision}`);
      if (compactRevision < 2) return;
      await assert.rejects(store.range({ key: 'k/0', revision: compactRevision - 1 }), (error) =>
        isStoreError(error, 'Compacted'),
      );
    } finally {
      await store.close();
    }
  }

  /** Lets every watcher see the end. @returns what the store holds then */
  async finish(): Promise<Map<string, string>> {
    const store = this.#stores[0] as Store;
    const { kvs, header } = await store.range(allKeys());
    const deadline = Date.now() + LAST_EVENTS_WITHIN_MS;
    while (this.shared.watched() < header.revision && Date.now() < deadline) {
      for (const { error } of this.watchers) if (error !== undefined) throw error;
      await sleep(10);
    }
    return new Map(kvs.map((kv) => [toText(kv.key), toText(kv.value)]));
  }

  async close(): Promise<void> {
    this.shared.stopping = true;
    for (const watcher of this.watchers) watcher.stop();
    for (const store of this.#stores) await store.close();
  }
}

describe('a member that is killed again and again', () => {
  it(`keeps every promise over ${KILL_COUNT} kills`, async function () {
    this.timeout(RUN_TIMEOUT_MS);
    const seed = Number(process.env['TIDELOCK_SEED'] ?? 1);
    const member = await startMember(FLAGS);
    const run = new CrashRun(member, new SimRandom(seed));
    let kills = 0;
    try {
      await run.open();
      const raw = new RawWriter(member.endpoint, run.shared);
      const clients = [...run.writers, raw];
      const writers = Promise.all(clients.map((client) => client.run()));
      const killer = (async () => {
        for (; kills < KILL_COUNT; kills++) await run.killAndRestart();
        await sleep(LIFE_MS);
        run.shared.stopping = true;
      })();
      await Promise.all([writers, killer]);
      const state = await run.finish();
      const [first, ...others] = run.watchers;
      assert.ok(first !== undefined);
      for (const other of others) assert.deepEqual(other.batches, first.batches);
      const history = new History(first.batches);
      history.checkWrites(clients.flatMap(({ writes }) => writes));
      history.checkReads(clients.flatMap(({ reads }) => reads));
      assert.deepEqual(state, sorted(history.finalState()));
      const acknowledged = run.writers.map((writer) => writer.acknowledgedCount);
      assert.ok(Math.min(...acknowledged) > 0, acknowledged.join());
      assert.ok(run.shared.compactRevision > 0, 'nothing was compacted');
    } catch (error) {
      throw new Error(`TIDELOCK_SEED=${seed}, after ${kills} kills: ${member.log.slice(-500)}`, {
        cause: error,
      });
    } finally {
      await run.close();
      await member.stop();
    }
  });
});

function sorted(state: Map<string, string>): Map<string, string> {
  return new Map([...state].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
