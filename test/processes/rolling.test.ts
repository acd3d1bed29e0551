// Proves that a rolling restart is nobody's failure: each of three real members is ended by SIGTERM
// and started again under load, and no call of clients that may repeat calls fails, neither a read
// nor a write that may be repeated. It also measures how long writes stand still.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../src/client/index.js';
import type { Store } from '../../src/store/index.js';
import { ClusterProcesses } from '../support/cluster-processes.js';
import { inCi, tooLong } from '../support/in-ci.js';
import { skipWhen } from '../support/skip.js';

const ROUNDS = inCi ? 3 : 1;
const USERS = 4;
/** A leader that ends hands over; what is left is about an election timeout, on a busy machine. */
const STALL_MAX_MS = 5000;

/** A user whose writes may be repeated: each goes through once, whoever answers. */
class PatientUser {
  readonly failures: unknown[] = [];
  readonly #store: Store;
  readonly #key: string;
  calls = 0;
  stalledMs = 0;

  constructor(store: Store, key: string) {
    this.#store = store;
    this.#key = key;
  }

  async run(over: () => boolean): Promise<void> {
    while (!over()) {
      const startedAt = performance.now();
      try {
        await this.#once();
      } catch (error) {
        this.failures.push(error);
      }
      this.calls++;
      this.stalledMs = Math.max(this.stalledMs, performance.now() - startedAt);
      await sleep(2);
    }
  }

  /** A read, then a txn that only goes through if nobody wrote since. */
  async #once(): Promise<void> {
    const { kvs } = await this.#store.range({ key: this.#key });
    const operand = kvs[0]?.modRevision ?? 0;
    const value = `${this.calls}`;
    await this.#store.txn({
      compare: [{ key: this.#key, target: 'mod', operator: '=', operand }],
      success: [{ kind: 'put', key: this.#key, value }],
    });
    // Sent again, the txn may say that it did not go through; then this is what it left.
    const after = await this.#store.range({ key: this.#key });
    assert.equal(new TextDecoder().decode(after.kvs[0]?.value), value);
  }
}

describe('a rolling restart of three members', () => {
  it('fails no call of a client that may repeat it', async function () {
    this.timeout(240_000);
    skipWhen(this, tooLong());
    const cluster = await ClusterProcesses.start({ program: 'tidelock' });
    const stores = await Promise.all(
      Array.from({ length: USERS }, () => connect(cluster.endpoints, { writes: 'at-least-once' })),
    );
    const users = stores.map((store, at) => new PatientUser(store, `u${at}`));
    let isOver = false;
    const running = users.map((user) => user.run(() => isOver));
    try {
      for (let round = 0; round < ROUNDS; round++) {
        for (const member of cluster.members) {
          const log = member.process.log.length;
          assert.equal(await member.terminate(), 0, member.process.log.slice(log));
          await member.start();
          await cluster.settled();
        }
      }
      isOver = true;
      await Promise.all(running);
      assert.deepEqual(
        users.flatMap(({ failures }) => failures),
        [],
      );
      const calls = users.reduce((sum, user) => sum + user.calls, 0);
      const stalledMs = Math.round(Math.max(...users.map((user) => user.stalledMs)));
      process.stdout.write(`    ${calls} rounds of calls, the longest took ${stalledMs} ms\n`);
      assert.ok(calls > 50 * ROUNDS, `${calls} rounds`);
      assert.ok(stalledMs < STALL_MAX_MS, `a call took ${stalledMs} ms`);
    } finally {
      isOver = true;
      await Promise.all(running);
      await Promise.all(stores.map((store) => store.close()));
      await cluster.stop();
    }
  });
});
