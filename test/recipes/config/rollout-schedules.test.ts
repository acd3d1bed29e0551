// Proves by random schedules that a rollout holds its limit and its budget under latency,
// partitions, lost answers, deaths and restarts, and that it always comes to its end when all is
// well again. The seed is in the message of a failure; TIDELOCK_SEED replays it.
import assert from 'node:assert/strict';
import { z } from 'zod';
import type { Config } from '../../../src/recipes/config/config.js';
import type { Rollout } from '../../../src/recipes/config/rollout.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { type Client, testSeed, World } from '../../support/world.js';

const Settings = z.object({ n: z.number() });
const LIMIT = 2;
const BUDGET = 1;
const TTL_MS = 10_000;

interface Running {
  readonly client: Client;
  readonly config: Config<{ n: number }>;
  readonly rollout: Rollout<{ n: number }>;
  isDead: boolean;
}

/** One run: a fleet, a bad value and a good one, and all that can go wrong meanwhile. */
class Schedule {
  readonly #world: World;
  readonly #random: SimRandom;
  readonly #fleet = new Map<string, Running>();
  readonly #busy = new Set<Running>();
  readonly applied = new Map<string, number>();
  /** The instances that began with the bad value. */
  readonly hurt = new Set<string>();
  #starts = 0;
  #compacted = 0;

  constructor(seed: number) {
    this.#world = new World({ seed, latencyMaxMs: 30 });
    this.#random = new SimRandom(seed).split('schedule');
  }

  start(name: string): void {
    const client = this.#world.client(`${name}-${this.#starts++}`);
    const config = client.coord.config('app/', Settings);
    const gate = client.coord.semaphore('gate', { initialLimit: LIMIT });
    const rollout = config.applyWith(gate, {
      instance: name,
      failureBudget: BUDGET,
      soakMs: 500,
      apply: async ({ n }, { signal }) => {
        if (n === 13) this.hurt.add(name);
        this.#busy.add(running);
        signal.addEventListener('abort', () => this.#busy.delete(running));
        this.#judge();
        await new Promise<void>((resolve) => client.clock.timer(this.#random.below(300), resolve));
        if (n === 13) throw new Error('unlucky');
        this.applied.set(name, n);
      },
    });
    const running: Running = { client, config, rollout, isDead: false };
    rollout.state$.subscribe(({ kind }) => {
      if (kind !== 'applying' && kind !== 'soaking') this.#busy.delete(running);
    });
    this.#fleet.set(name, running);
  }

  /** Those who were not told of an end, and whose session can still be alive. */
  #judge(): void {
    const living = [...this.#busy].filter(({ isDead }) => !isDead);
    assert.ok(living.length <= LIMIT, `${living.length} at a time`);
  }

  set(n: number): void {
    this.#world.server.run(() => this.#world.server.kv.put({ key: 'app/n', value: `${n}` }));
  }

  #pick(): Running | undefined {
    const all = [...this.#fleet.values()];
    return all[this.#random.below(all.length)];
  }

  /** Some trouble for somebody, which passes. */
  async trouble(mayDie: boolean): Promise<void> {
    const victim = this.#pick();
    if (victim === undefined) return;
    const { store } = victim.client;
    switch (this.#random.below(mayDie ? 6 : 5)) {
      case 0:
        store.loseResponse(({ name }) => name === 'txn');
        return;
      case 1:
        store.loseRequest(({ name }) => name === 'txn');
        return;
      case 2:
        store.delayRequest(({ name }) => name === 'txn', this.#random.below(3000));
        return;
      case 3:
        store.breakWatches();
        store.dropNextEvent(() => true);
        return;
      case 4: {
        store.partition(this.#random.below(2) === 0 ? 'fail' : 'hang');
        await this.pass(this.#random.below(4000));
        store.heal();
        return;
      }
      default:
        await this.#restart(victim);
    }
  }

  /** A process dies, wherever it is, and is started anew before anybody knows. */
  async #restart(victim: Running): Promise<void> {
    for (const [name, running] of this.#fleet) {
      if (running !== victim) continue;
      running.isDead = true;
      running.client.crash();
      await this.pass(this.#random.below(2000));
      this.start(name);
      return;
    }
  }

  pass(ms: number): Promise<void> {
    return this.#world.advance(ms);
  }

  compact(): void {
    const { server } = this.#world;
    if (this.#compacted === server.kv.revision) return;
    this.#compacted = server.kv.revision;
    server.run(() => {
      server.kv.compact(server.kv.revision);
      return {};
    });
  }

  async run(): Promise<void> {
    const names = ['a', 'b', 'c', 'd', 'e'];
    this.set(1);
    for (const name of names) this.start(name);
    await this.pass(10_000);
    for (const n of [2, 13, 3, 4]) {
      this.set(n);
      for (let i = 0; i < 6; i++) {
        await this.trouble(n !== 13);
        await this.pass(this.#random.below(800));
        if (this.#random.below(4) === 0) this.compact();
      }
    }
    await this.pass(10 * TTL_MS);
    // An instance that died while it was at it stays away from that value until somebody says so.
    await this.#world.run(this.#pick()?.config.clearRollout() ?? Promise.resolve(0));
    await this.pass(10 * TTL_MS);
    for (const name of names) assert.equal(this.applied.get(name), 4, `${name} runs 4`);
    assert.ok(this.hurt.size <= LIMIT + BUDGET, `${this.hurt.size} met the bad value`);
    const left = this.#world.keys('app@rollout/').filter((key) => !key.includes('/done/'));
    assert.deepEqual(left, []);
  }
}

describe('Config.applyWith under random schedules', () => {
  it('holds its limit and its budget, and comes to its end', async () => {
    for (let i = 0; i < 8; i++) {
      const seed = testSeed() + i;
      try {
        await new Schedule(seed).run();
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  }).timeout(30_000);
});
