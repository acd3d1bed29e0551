// Proves by random schedules of faults that after a hold with a delay was lost against its will
// nobody gets the lock before the delay has passed, counted from the moment at which the server
// dropped the entry; and that all delays end, and nothing is left behind.
import assert from 'node:assert/strict';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import { toText } from '../../../src/store/index.js';
import { calm, disturb } from '../../support/disturb.js';
import { type Client, testSeed, World } from '../../support/world.js';

const TTL_SECONDS = 4;
const DELAY_SECONDS = 3;
const RUNS = 12;
const STEPS = 150;

describe('random schedules of a lock with a delay', function () {
  this.timeout(60_000);

  it('a lost hold keeps everybody out for its delay', async () => {
    const counted = { grants: 0, losses: 0 };
    for (let i = 0; i < RUNS; i++) {
      const seed = testSeed() + i;
      try {
        await run(seed, counted);
      } catch (error) {
        throw new Error(`seed ${seed}: TIDELOCK_SEED=${seed}`, { cause: error });
      }
    }
    const text = JSON.stringify(counted);
    assert.ok(counted.grants > RUNS * 5 && counted.losses > RUNS * 2, `too little: ${text}`);
  });
});

interface Counted {
  grants: number;
  losses: number;
}

async function run(seed: number, counted: Counted): Promise<void> {
  const world = new World({ seed, latencyMaxMs: 40, session: { ttlSeconds: TTL_SECONDS } });
  const random = world.random.split('schedule');
  const clients = ['a', 'b', 'c'].map((name) => world.client(name));
  /** Holds that nobody has begun to give back, by their key. */
  const inUse = new Set<string>();
  let lastLossMs = -Infinity;
  world.server.listen(() => {
    for (const { type, kv } of world.server.kv.history.at(-1)?.events ?? []) {
      if (type !== 'delete' || !inUse.delete(toText(kv.key))) continue;
      lastLossMs = world.clock.monotonic();
      counted.losses += 1;
    }
  });
  const work = async (client: Client): Promise<void> => {
    const options = { delaySeconds: DELAY_SECONDS, timeoutMs: 60_000 };
    const held = await client.coord.lock('thing').acquire(options);
    const sinceMs = world.clock.monotonic() - lastLossMs;
    assert.ok(sinceMs >= DELAY_SECONDS * 1000, `granted ${sinceMs} ms after a loss`);
    counted.grants += 1;
    // One that is gone by now was lost, and never in use.
    if (world.keys('thing/q/').includes(held.key)) inUse.add(held.key);
    await new Promise<void>((resolve) => client.clock.timer(random.below(1500), resolve));
    // A release that is told of a loss gives back nothing; all others do, sooner or later.
    if (!held.signal.aborted) inUse.delete(held.key);
    await held.release();
  };
  const all: Promise<unknown>[] = [];
  for (let step = 0; step < STEPS; step++) {
    const client = clients[random.below(clients.length)] as Client;
    const what = random.below(8);
    if (what < 2) disturb(random, client);
    else if (what === 2) all.push(breakIt(client).catch(acceptable));
    else if (all.length < 60) all.push(work(client).catch(acceptable));
    await world.advance(random.below(900));
  }
  for (const client of clients) calm(client);
  await world.run(Promise.all(all), 600_000);
  await world.advance((DELAY_SECONDS + TTL_SECONDS * 4) * 1000);
  await world.close();
  await world.advance(TTL_SECONDS * 3000);
  assert.deepEqual(
    world.keys().filter((key) => !key.endsWith('/@broken')),
    [],
  );
  for (const { store } of clients) assert.equal(store.watchCount, 0);
  assert.equal(world.clock.timerCount, 0);
}

async function breakIt(client: Client): Promise<void> {
  await client.coord.lock('thing').break({ by: 'ops', reason: 'a drill', timeoutMs: 5000 });
}

/** What faults may do to a caller; anything else is a bug. */
function acceptable(error: unknown): void {
  if (!isCoordinationError(error)) throw error;
}
