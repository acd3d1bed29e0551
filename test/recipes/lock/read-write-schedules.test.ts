// Proves by random schedules of readers, writers, tries, changes between the two and faults of
// every kind that a writer is never sure of the lock beside anybody else, and that nothing is left
// behind.
import assert from 'node:assert/strict';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import type { HeldHandle } from '../../../src/recipes/lock/held-handle.js';
import { HeldRead, HeldWrite } from '../../../src/recipes/lock/held-read-write.js';
import type { SimRandom } from '../../../src/simulation/sim-random.js';
import { calm, disturb } from '../../support/disturb.js';
import { type Client, testSeed, World } from '../../support/world.js';

const TTL_SECONDS = 4;
const RUNS = 12;
const STEPS = 120;

describe('random schedules of a read/write lock', function () {
  this.timeout(60_000);

  it('a writer is alone, always', async () => {
    const counted = { reads: 0, writes: 0, upgrades: 0, downgrades: 0 };
    for (let i = 0; i < RUNS; i++) {
      const seed = testSeed() + i;
      try {
        await run(seed, counted);
      } catch (error) {
        throw new Error(`seed ${seed}: TIDELOCK_SEED=${seed}`, { cause: error });
      }
    }
    const enough = Object.values(counted).every((count) => count >= RUNS / 2);
    assert.ok(enough, `the schedules prove too little: ${JSON.stringify(counted)}`);
  });
});

interface Counted {
  reads: number;
  writes: number;
  upgrades: number;
  downgrades: number;
}

async function run(seed: number, counted: Counted): Promise<void> {
  const world = new World({ seed, latencyMaxMs: 40, session: { ttlSeconds: TTL_SECONDS } });
  const random = world.random.split('schedule');
  const clients = ['a', 'b', 'c'].map((name) => world.client(name));
  const held = new Set<HeldHandle>();
  const check = (): void => {
    const sure = [...held].filter(isSure);
    const writers = sure.filter((handle) => handle instanceof HeldWrite);
    const what = `${writers.length} writers of ${sure.length}`;
    assert.ok(writers.length === 0 || sure.length === 1, `at ${world.clock.monotonic()}: ${what}`);
  };
  const keep = <T extends HeldHandle>(handle: T): T => {
    held.add(handle);
    check();
    return handle;
  };
  const all: Promise<unknown>[] = [];
  const work = async (client: Client): Promise<void> => {
    const pause = (): Promise<void> =>
      new Promise((resolve) => client.clock.timer(random.below(900), resolve));
    let handle: HeldRead | HeldWrite | undefined = await take(client, random);
    if (handle === undefined) return;
    counted[handle instanceof HeldRead ? 'reads' : 'writes'] += 1;
    keep(handle);
    for (let change = random.below(3); change > 0; change--) {
      await pause();
      const next: HeldRead | HeldWrite | undefined = await changed(handle);
      if (next === undefined) continue;
      counted[next instanceof HeldRead ? 'downgrades' : 'upgrades'] += 1;
      handle = keep(next);
    }
    await pause();
    check();
    await handle.release();
  };
  for (let step = 0; step < STEPS; step++) {
    const client = clients[random.below(clients.length)] as Client;
    if (random.below(4) === 0) disturb(random, client);
    else if (all.length < 60) all.push(work(client).catch(acceptable));
    await world.advance(random.below(500));
    check();
  }
  for (const client of clients) calm(client);
  await world.run(Promise.all(all), 300_000);
  await world.close();
  await world.advance(TTL_SECONDS * 3000);
  assert.deepEqual(world.keys(), []);
  for (const { store } of clients) assert.equal(store.watchCount, 0);
  assert.equal(world.clock.timerCount, 0);
}

async function take(client: Client, random: SimRandom): Promise<HeldRead | HeldWrite | undefined> {
  const lock = client.coord.readWriteLock('thing');
  const timeoutMs = 60_000;
  switch (random.below(6)) {
    case 0: {
      const tried = await lock.tryRead();
      return tried.ok ? tried.held : undefined;
    }
    case 1: {
      const tried = await lock.tryWrite();
      return tried.ok ? tried.held : undefined;
    }
    case 2:
    case 3:
      return await lock.write({ timeoutMs });
    default:
      return await lock.read({ timeoutMs });
  }
}

function changed(handle: HeldRead | HeldWrite): Promise<HeldRead | HeldWrite | undefined> {
  return handle instanceof HeldRead ? handle.tryUpgrade() : handle.downgrade();
}

function isSure(handle: HeldHandle): boolean {
  try {
    handle.assertHeld();
    return true;
  } catch {
    return false;
  }
}

/** What faults may do to a caller; anything else is a bug. */
function acceptable(error: unknown): void {
  if (!isCoordinationError(error)) throw error;
}
