// Proves that clients of ours keep working while members of a cluster die and come back, one at a
// time and the leader too: nobody's operation fails, watches neither miss nor repeat a revision,
// leases stay, and the history of all of it passes the checkers. A client that may not repeat
// writes says of each that it gave up that the outcome is unknown.
import assert from 'node:assert/strict';
import { connect } from '../../src/client/index.js';
import { checkHistory } from '../../src/simulation/check/check-history.js';
import type { History } from '../../src/simulation/check/history.js';
import {
  prefix,
  type RevisionBatch,
  type Store,
  StoreError,
  toText,
} from '../../src/store/index.js';
import { ClusterProcesses } from '../support/cluster-processes.js';
import { etcdMissing } from '../support/etcd-process.js';
import { inCi, tooLong } from '../support/in-ci.js';
import { RecordingClient, RunRecorder } from '../support/recording-client.js';
import { skipWhen } from '../support/skip.js';
import { SILENT } from '../support/tcp-proxy.js';

const LEASE_TTL_SECONDS = 10;
const KEEP_ALIVE_EVERY_MS = 1500;
/** Longer than an election. */
const PAUSE_MS = 1500;
/** Long, for a machine with much else to do. */
const ARRIVED_WITHIN_MS = 30_000;

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Does something again and again until told to stop, and keeps what went wrong. */
class Loop {
  readonly errors: unknown[] = [];
  rounds = 0;
  #over = false;
  readonly #done: Promise<void>;

  constructor(pauseMs: number, round: (nth: number) => Promise<unknown>) {
    this.#done = this.#run(pauseMs, round);
  }

  async #run(pauseMs: number, round: (nth: number) => Promise<unknown>): Promise<void> {
    while (!this.#over) {
      try {
        await round(this.rounds++);
      } catch (error) {
        this.errors.push(error);
      }
      await sleep(pauseMs);
    }
  }

  async end(): Promise<void> {
    this.#over = true;
    await this.#done;
  }
}

/** Users of a cluster: each with a client of its own. */
class Users {
  readonly recorder: RunRecorder;
  readonly stores: Store[] = [];
  /** What the watchers saw of the keys below `w/`. */
  readonly seen: RevisionBatch[][] = [];
  readonly watchErrors: unknown[] = [];
  readonly loops: Readonly<Record<'puts' | 'guarded' | 'reads' | 'keepAlives', Loop>>;
  readonly leases: readonly bigint[];

  private constructor(stores: Store[], recorder: RunRecorder, leases: readonly bigint[]) {
    const [careful, repeating, reading, keeping] = stores as [Store, Store, Store, Store];
    this.stores = stores;
    this.recorder = recorder;
    this.leases = leases;
    const writer = new RecordingClient(careful, recorder, 1);
    const reader = new RecordingClient(reading, recorder, 2);
    const keeper = new RecordingClient(keeping, recorder, 3);
    const repeater = new RecordingClient(repeating, recorder, 4);
    for (const store of [reading, keeping]) this.#watch(store);
    this.recorder.observe(keeping);
    this.loops = {
      // The outcome of one that broke is unknown: it goes into the history as such.
      guarded: new Loop(5, async (nth) => {
        await writer.txn({
          compare: [{ key: 'g', target: 'version', operator: '>', operand: -1 }],
          success: [{ kind: 'put', key: 'g', value: `${nth}` }],
        });
      }),
      puts: new Loop(5, async (nth) => {
        const request = { key: `w/${nth % 7}`, value: `${nth}` };
        // One that is repeated may take effect twice: as a call of which nobody heard any more.
        recorder.mayRepeat(4, { kind: 'put', request });
        await repeater.put(request);
      }),
      reads: new Loop(5, async () => await reader.range({ key: 'g' })),
      keepAlives: new Loop(KEEP_ALIVE_EVERY_MS, async () => {
        const kept = await Promise.all(leases.map((id) => keeper.leases.keepAlive(id)));
        for (const { ttlSeconds } of kept) assert.equal(ttlSeconds, LEASE_TTL_SECONDS);
      }),
    };
  }

  static async start(cluster: ClusterProcesses): Promise<Users> {
    const { endpoints } = cluster;
    const stores = [
      await connect(endpoints),
      await connect(endpoints, { writes: 'at-least-once' }),
      await connect(endpoints),
      await connect(endpoints),
    ];
    const recorder = new RunRecorder();
    const first = new RecordingClient(stores[0] as Store, recorder, 1);
    const leases: bigint[] = [];
    for (let index = 0; index < 3; index++) {
      const lease = await first.leases.grant({ ttlSeconds: LEASE_TTL_SECONDS });
      await first.put({ key: `leased/${index}`, lease: lease.id });
      leases.push(lease.id);
    }
    return new Users(stores, recorder, leases);
  }

  #watch(store: Store): void {
    const seen: RevisionBatch[] = [];
    this.seen.push(seen);
    const client = new RecordingClient(store, this.recorder, 10 + this.seen.length);
    client.watch({ ...prefix('w/'), startRevision: 2 }).subscribe({
      next: (batch) => seen.push(batch),
      error: (error: unknown) => this.watchErrors.push(error),
    });
  }

  /** Ends all users, wherever they are. */
  async stop(): Promise<void> {
    await Promise.all(this.stores.map((store) => store.close()));
    await Promise.all(Object.values(this.loops).map((loop) => loop.end()));
  }

  /** Ends all users, after what they did has arrived everywhere. @returns the history */
  async end(): Promise<History> {
    await Promise.all(Object.values(this.loops).map((loop) => loop.end()));
    const store = this.stores[0] as Store;
    const { kvs, header } = await store.range(prefix('w/'));
    const last = Math.max(...kvs.map(({ modRevision }) => modRevision));
    const untilMs = performance.now() + ARRIVED_WITHIN_MS;
    const arrived = (): boolean =>
      this.recorder.log.nextRevision > header.revision &&
      this.seen.every((batches) => (batches.at(-1)?.revision ?? 0) >= last);
    while (!arrived() && performance.now() < untilMs) await sleep(20);
    assert.ok(arrived(), 'a watch did not arrive');
    const leased = await store.range(prefix('leased/'));
    assert.equal(leased.count, this.leases.length, 'a lease was lost');
    const history = this.recorder.finish();
    assert.deepEqual(this.watchErrors, []);
    await Promise.all(this.stores.map((one) => one.close()));
    return history;
  }
}

/** What must hold at the end of every run, whatever was done to the members. */
async function checkUsers(users: Users, writesMin = 20): Promise<void> {
  const { puts, reads, guarded, keepAlives } = users.loops;
  // Who had sent a write to a member that was lost waited for long, and goes on now.
  const untilMs = performance.now() + ARRIVED_WITHIN_MS;
  const atWork = (): boolean => guarded.rounds > writesMin && reads.rounds > 20;
  while (!atWork() && performance.now() < untilMs) await sleep(20);
  const history = await users.end();
  assert.deepEqual([puts.errors, reads.errors, keepAlives.errors], [[], [], []]);
  for (const error of guarded.errors) {
    assert.ok(error instanceof StoreError, String(error));
    assert.ok(['Unavailable', 'Timeout'].includes(error.code), String(error));
  }
  for (const batches of users.seen) {
    const revisions = batches.map(({ revision }) => revision);
    assert.deepEqual(
      revisions,
      [...new Set(revisions)].sort((a, b) => a - b),
    );
    const values = batches.flatMap(({ events }) =>
      events.map(({ kv }) => Number(toText(kv.value))),
    );
    // A put that was repeated shows twice at most, and none is missing or out of its order.
    assert.deepEqual(
      [...new Set(values)],
      Array.from({ length: puts.rounds }, (_, nth) => nth),
    );
  }
  const violations = checkHistory(history);
  assert.deepEqual(violations.slice(0, 5), []);
  assert.ok(atWork(), `${guarded.rounds} and ${reads.rounds}`);
}

/** The same client has to live with etcd; that takes a while. */
const PROGRAMS = inCi ? (['tidelock', 'etcd'] as const) : (['tidelock'] as const);

for (const program of PROGRAMS) {
  describe(`clients of three members of ${program}`, function () {
    // Fifteen seconds where nothing else runs.
    this.timeout(240_000);
    let cluster: ClusterProcesses;
    let users: Users;
    // An etcd lets a write wait for seven seconds that it passed to a leader which died.
    const writesMin = program === 'tidelock' ? 20 : 0;

    before(function () {
      skipWhen(this, tooLong());
      if (program === 'etcd') skipWhen(this, etcdMissing());
    });

    beforeEach(async () => {
      cluster = await ClusterProcesses.start({ program });
      users = await Users.start(cluster);
    });

    afterEach(async function () {
      if (this.currentTest?.state === 'failed') {
        const failures = [...users.recorder.failures].map(([what, times]) => `${times} x ${what}`);
        process.stderr.write(`${failures.join('\n')}\n${cluster.logs()}\n`);
      }
      // A test that failed has left them at work.
      await users.stop();
      await cluster.stop();
    });

    it('go on while each member in turn is killed', async () => {
      for (const index of [0, 1, 2]) {
        await cluster.member(index).kill();
        await sleep(PAUSE_MS);
        users.recorder.restarts(cluster.member(index).id);
        await cluster.member(index).start();
        await cluster.settled();
      }
      await checkUsers(users, writesMin);
    });

    it('go on while the leader is killed, twice', async () => {
      for (let time = 0; time < 2; time++) {
        const leader = cluster.member(await cluster.leader());
        await leader.kill();
        await cluster.leader();
        await sleep(500);
        users.recorder.restarts(leader.id);
        await leader.start();
        await cluster.settled();
      }
      await checkUsers(users, writesMin);
    });

    it('see no failed request while every member is told to stop and starts again', async () => {
      for (const index of [0, 1, 2]) {
        const code = await cluster.member(index).terminate();
        if (program === 'tidelock') assert.equal(code, 0, cluster.logs());
        await cluster.leader();
        users.recorder.restarts(cluster.member(index).id);
        await cluster.member(index).start();
        await cluster.settled();
      }
      // Of an etcd that ends, calls are cut off.
      if (program === 'tidelock') assert.deepEqual(users.loops.guarded.errors, []);
      await checkUsers(users, writesMin);
    });

    it('leave a member that is stopped in its tracks, and the leader too', async () => {
      const leader = await cluster.leader();
      for (const index of [leader, (leader + 1) % 3]) {
        cluster.member(index).pause();
        await sleep(3 * PAUSE_MS);
        cluster.member(index).resume();
        await cluster.settled();
      }
      // A write is not repeated that may have been sent: whoever sent one to each of the two
      // waited.
      await checkUsers(users, 0);
    });

    it('leave a leader that the others do not reach any more', async () => {
      const leader = await cluster.leader();
      const others = [0, 1, 2].filter((index) => index !== leader);
      cluster.partition([[leader], others], SILENT);
      await cluster.leader(others);
      await sleep(2 * PAUSE_MS);
      cluster.heal();
      await cluster.settled();
      await checkUsers(users, writesMin);
    });
  });
}
