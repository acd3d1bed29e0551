// Proves E1, E2 and E4 of leases under whatever happens: holders renew through random members, now
// often and now hardly in time, while frames get lost and late, members are cut off, crash and come
// back, and leadership moves. What is left of leases is noted all the time, so that a note that a
// renewal did not take back would end a lease early.
import assert from 'node:assert/strict';
import { decodeLeaseRow } from '../../../src/kernel/lease/lease-row.js';
import type { SimRandom } from '../../../src/simulation/sim-random.js';
import { isStoreError } from '../../../src/store/index.js';
import {
  CLUSTER_SETTINGS,
  ClusterLite,
  ELECTION_MS,
  type LiteMember,
} from '../../support/sim-cluster-lite.js';
import { testSeed } from '../../support/world.js';

const CHECKPOINT_MS = 1000;
const SETTINGS = { ...CLUSTER_SETTINGS, leaseCheckpointMs: CHECKPOINT_MS };
const STEP_MS = 20;
const TROUBLE_MS = 40_000;
const SEED_COUNT = 6;

/** A lease with one key, and what its holder knows. */
class Holder {
  readonly key: string;
  readonly ttlMs: number;
  readonly #cluster: ClusterLite;
  readonly #random: SimRandom;
  #id = 0n;
  #renewAtMs = 0;
  #isAsking = false;
  /** When the newest acknowledged renewal was sent. */
  ackedMs = 0;
  ackCount = 0;
  /** When its key was first missing on some member. */
  endMs: number | undefined;
  isLeft = false;

  constructor(cluster: ClusterLite, key: string) {
    this.#cluster = cluster;
    this.#random = cluster.random.split(`holder ${key}`);
    this.key = key;
    this.ttlMs = 1000 * (3 + this.#random.below(6));
  }

  async begin(): Promise<void> {
    const cluster = this.#cluster;
    const { store } = this.#someone();
    this.ackedMs = cluster.clock.monotonic();
    const granted = await cluster.run(store.leases.grant({ ttlSeconds: this.ttlMs / 1000 }));
    this.#id = granted.id;
    await cluster.run(store.put({ key: this.key, value: '', lease: this.#id }));
    this.#plan();
  }

  #someone(): LiteMember['running'] {
    const { running } = this.#cluster;
    return (running[this.#random.below(running.length)] as LiteMember).running;
  }

  #plan(): void {
    this.#renewAtMs = this.#cluster.clock.monotonic() + this.#random.below(this.ttlMs);
  }

  step(): void {
    const nowMs = this.#cluster.clock.monotonic();
    if (this.isLeft || this.#isAsking || nowMs < this.#renewAtMs) return;
    this.#isAsking = true;
    const wasOver = this.endMs !== undefined;
    const asked = this.#someone().store.leases.keepAlive(this.#id);
    const giveUp = this.#cluster.clock.timer(2000, () => this.#done());
    asked.then(
      () => {
        assert.ok(!wasOver, `${this.key} was renewed after its end`);
        this.ackedMs = Math.max(this.ackedMs, nowMs);
        this.ackCount++;
        giveUp.cancel();
        this.#done();
      },
      (error: unknown) => {
        assert.ok(isStoreError(error));
        if (error.code === 'LeaseNotFound') this.isLeft = true;
        giveUp.cancel();
        this.#done();
      },
    );
  }

  #done(): void {
    this.#isAsking = false;
    this.#plan();
  }
}

class Trouble {
  readonly #cluster: ClusterLite;
  readonly #random: SimRandom;
  #crashed: { readonly id: bigint; readonly untilMs: number } | undefined;

  constructor(cluster: ClusterLite) {
    this.#cluster = cluster;
    this.#random = cluster.random.split('trouble');
  }

  async step(): Promise<void> {
    const cluster = this.#cluster;
    const dice = this.#random.below(400);
    const { leader } = cluster;
    if (this.#crashed !== undefined) {
      if (cluster.clock.monotonic() >= this.#crashed.untilMs) await this.#revive();
    } else if (dice === 0) {
      const id = leader?.id ?? 1n;
      const untilMs = cluster.clock.monotonic() + this.#random.below(3000);
      cluster.crash(id);
      this.#crashed = { id, untilMs };
    }
    if (dice > 0 && dice < 4) cluster.isolate(leader?.id ?? 1n);
    if (dice >= 4 && dice < 12) cluster.heal();
    if (dice >= 12 && dice < 16) {
      const target = cluster.running[this.#random.below(cluster.running.length)] as LiteMember;
      leader?.running.moveLeader(target.id).catch(() => undefined);
    }
  }

  async #revive(): Promise<void> {
    const id = this.#crashed?.id;
    this.#crashed = undefined;
    if (id !== undefined) await this.#cluster.start(id);
  }

  async end(): Promise<void> {
    await this.#revive();
    this.#cluster.heal();
    this.#cluster.loses = () => false;
    await this.#cluster.elect();
  }
}

async function note(cluster: ClusterLite, holders: readonly Holder[]): Promise<void> {
  for (const { running } of cluster.running) {
    const all = await running.store.range({ key: 'k', rangeEnd: 'l', serializable: true });
    // Who has just come back may not know yet of what was granted, but knows what it applied.
    if (all.header.revision <= holders.length) continue;
    const found = new Set(all.kvs.map(({ key }) => new TextDecoder().decode(key)));
    for (const holder of holders) {
      if (!found.has(holder.key)) holder.endMs ??= cluster.clock.monotonic();
    }
  }
}

async function runSeed(seed: number): Promise<{ readonly acks: number; readonly ends: number }> {
  const cluster = new ClusterLite({
    seed,
    settings: SETTINGS,
    latencyMs: () => (random.below(20) === 0 ? random.below(1200) : random.below(30)),
  });
  const random = cluster.random.split('network');
  await cluster.startAll();
  await cluster.elect();
  const holders = Array.from({ length: 6 }, (_, at) => new Holder(cluster, `k${at}`));
  for (const holder of holders) await holder.begin();
  cluster.loses = () => random.below(25) === 0;
  const trouble = new Trouble(cluster);
  for (let passedMs = 0; passedMs < TROUBLE_MS; passedMs += STEP_MS) {
    await trouble.step();
    for (const holder of holders) holder.step();
    await cluster.advance(STEP_MS);
    await note(cluster, holders);
  }
  await trouble.end();
  for (const holder of holders) holder.isLeft = true;
  const quietMs = cluster.clock.monotonic();
  const longestMs = Math.max(...holders.map(({ ttlMs }) => ttlMs));
  await cluster.advance(8000);
  await note(cluster, holders);
  const mostMs = longestMs + ELECTION_MS + 9000;
  while (holders.some(({ endMs }) => endMs === undefined)) {
    await cluster.advance(STEP_MS);
    await note(cluster, holders);
    assert.ok(cluster.clock.monotonic() - quietMs < mostMs, 'a lease lives on');
  }
  for (const { key, ttlMs, ackedMs, endMs } of holders) {
    const livedMs = (endMs ?? 0) - ackedMs;
    assert.ok(livedMs >= ttlMs, `${key} of ${ttlMs} ms ended ${livedMs} ms after its renewal`);
  }
  await cluster.advance(1000);
  for (const { backend } of cluster.running) {
    const rows = [...backend.range('lease', new Uint8Array(0), undefined, 0)];
    assert.deepEqual(
      rows.map(({ key, value }) => decodeLeaseRow(key, value)),
      [],
    );
  }
  await cluster.close();
  const acks = holders.reduce((sum, { ackCount }) => sum + ackCount, 0);
  return { acks, ends: holders.filter(({ endMs }) => (endMs ?? 0) < quietMs).length };
}

describe('leases under trouble', () => {
  it('never end before their time, always end, and are the same everywhere', async function () {
    this.timeout(120_000);
    const first = testSeed();
    let acks = 0;
    let ends = 0;
    for (let seed = first; seed < first + SEED_COUNT; seed++) {
      try {
        const done = await runSeed(seed);
        acks += done.acks;
        ends += done.ends;
      } catch (error) {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
      }
    }
    assert.ok(acks > 20 * SEED_COUNT, `${acks} renewals`);
    assert.ok(ends > 0, 'no lease ended under trouble');
  });
});
