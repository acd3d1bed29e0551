// Proves by random schedules of every fault that no message is ever lost, that no two consumers are
// sure of one message at one moment, that fences of a message only grow, and that nothing is left
// once everything was worked on. A failing run names its seed.
import assert from 'node:assert/strict';
import { TIMING } from '../../../src/recipes/base/timing.js';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import type { Message } from '../../../src/recipes/queue/message.js';
import { calm, compactAll, disturb } from '../../support/disturb.js';
import { inCi } from '../../support/in-ci.js';
import { type Client, testSeed, World } from '../../support/world.js';

const TTL_SECONDS = 4;
const RUNS = inCi ? 8 : 3;
const STEPS = 100;
const OPTIONS = { maxAttempts: 1000 };

/** What faults may do to a caller; anything else is a bug. */
function acceptable(error: unknown): void {
  if (!isCoordinationError(error)) throw error;
}

function isSure(message: Message): boolean {
  try {
    message.assertHeld();
    return true;
  } catch {
    return false;
  }
}

class Run {
  readonly world: World;
  readonly #clients: readonly Client[];
  readonly #sent = new Set<string>();
  readonly #done = new Set<string>();
  readonly #fences = new Map<string, number>();
  readonly #working = new Set<Message>();
  deliveries = 0;

  constructor(seed: number) {
    this.world = new World({ seed, latencyMaxMs: 40, session: { ttlSeconds: TTL_SECONDS } });
    this.#clients = ['a', 'b', 'c'].map((name) => this.world.client(name));
  }

  async go(): Promise<void> {
    const { world } = this;
    const random = world.random.split('schedule');
    const stop = new AbortController();
    const all: Promise<unknown>[] = [];
    for (const client of this.#clients) {
      const { signal } = stop;
      const work = (message: Message): Promise<void> => this.#work(client, message);
      const queue = client.coord.queue('thing', OPTIONS);
      all.push(
        queue.consume(work, { signal, concurrency: 2, retryDelayMs: random.below(3) * 1000 }),
      );
    }
    for (let step = 0; step < STEPS; step++) {
      const client = this.#clients[random.below(this.#clients.length)] as Client;
      if (random.below(3) === 0) disturb(random, client);
      else all.push(this.#send(client, `m${step}`).catch(acceptable));
      if (random.below(20) === 0) compactAll(world);
      await world.advance(random.below(500));
      this.#check();
    }
    for (const client of this.#clients) calm(client);
    for (let i = 0; i < 200 && world.keys('thing/@queue/body/').length > 0; i++) {
      await world.advance(1000);
      this.#check();
    }
    stop.abort();
    await world.run(Promise.all(all), 300_000);
    await world.advance(TTL_SECONDS * 3000);
    for (const id of this.#sent) assert.ok(this.#done.has(id), `${id} was lost`);
    // What is kept of messages that were sent twice has a lease of its own.
    assert.deepEqual(
      world.keys('thing/').filter((key) => !key.startsWith('thing/@queue/answered/')),
      [],
    );
    await world.advance(TIMING.sessionTtlSeconds * 2 ** TIMING.lateWriteLooks * 1000);
    assert.deepEqual(world.keys('thing/'), []);
    await world.close();
    await world.advance(TTL_SECONDS * 3000);
    for (const { store } of this.#clients) assert.equal(store.watchCount, 0);
    assert.equal(world.clock.timerCount, 0);
  }

  async #send(client: Client, id: string): Promise<void> {
    const random = this.world.random;
    const priority = random.below(3);
    const delayMs = random.below(4) === 0 ? random.below(5000) : 0;
    await client.coord.queue('thing').send(id, { id, priority, delayMs, timeoutMs: 20_000 });
    this.#sent.add(id);
  }

  async #work(client: Client, message: Message): Promise<void> {
    const { id, fence } = message;
    assert.ok(fence > (this.#fences.get(id) ?? 0), `${id}: fence ${fence} came too late`);
    this.#fences.set(id, fence);
    this.deliveries += 1;
    this.#working.add(message);
    try {
      await new Promise<void>((resolve) =>
        client.clock.timer(this.world.random.below(900), resolve),
      );
      if (this.world.random.below(6) === 0) throw new Error('not this time');
      this.#done.add(id);
    } finally {
      this.#working.delete(message);
    }
  }

  #check(): void {
    const sure = [...this.#working].filter(isSure).map(({ id }) => id);
    assert.equal(new Set(sure).size, sure.length, `two are sure of one of ${sure.join(' ')}`);
  }
}

describe('random schedules of a queue', function () {
  this.timeout(60_000);

  it('nothing is lost, nothing is in two hands, nothing is left behind', async () => {
    const base = testSeed();
    let deliveries = 0;
    for (let seed = base; seed < base + RUNS; seed++) {
      const run = new Run(seed);
      try {
        await run.go();
      } catch (error) {
        throw new Error(`seed ${seed}: TIDELOCK_SEED=${seed}`, { cause: error });
      }
      deliveries += run.deliveries;
    }
    assert.ok(deliveries > RUNS * 30, `only ${deliveries} deliveries`);
  });
});
