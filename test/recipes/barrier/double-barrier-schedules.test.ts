// Proves by random schedules of every fault that a generation opens only when enough members are in
// the store, that whoever has left in time finds nobody of its generation there, that members go on
// once the faults are over, and that nothing is left behind. A failing run names its seed.
import assert from 'node:assert/strict';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import { toText } from '../../../src/store/index.js';
import { calm, compactAll, disturb } from '../../support/disturb.js';
import { inCi } from '../../support/in-ci.js';
import { type Client, testSeed, World } from '../../support/world.js';

const TTL_SECONDS = 4;
const RUNS = inCi ? 8 : 3;
const STEPS = 80;
const NEEDED = 3;
const ALL = 'thing/@rendezvous/';

/** What faults may do to a caller; anything else is a bug. */
function acceptable(error: unknown): void {
  if (!isCoordinationError(error)) throw error;
}

/** Goes through all of history: at each opening, were enough there? Returns their number. */
function judge(world: World): number {
  const members = new Set<string>();
  let generation = 1;
  for (const { revision, events } of world.server.kv.history) {
    for (const { type, kv } of events) {
      const key = toText(kv.key);
      if (key.startsWith(`${ALL}member/`)) {
        if (type === 'delete') members.delete(key);
        else members.add(key);
      } else if (key === `${ALL}generation`) {
        // Whoever counted may have lost one since; the count itself was of one revision.
        const start = `${ALL}member/${String(generation).padStart(10, '0')}/`;
        const here = [...members].filter((member) => member.startsWith(start)).length;
        assert.ok(here >= NEEDED - 1, `revision ${revision}: ${here} members at the opening`);
        const said = (JSON.parse(toText(kv.value)) as { generation: number }).generation;
        assert.equal(said, generation + 1, 'a generation was left out');
        generation = said;
      }
    }
  }
  return generation - 1;
}

async function run(seed: number): Promise<number> {
  const world = new World({ seed, latencyMaxMs: 40, session: { ttlSeconds: TTL_SECONDS } });
  const random = world.random.split('schedule');
  const clients = ['a', 'b', 'c', 'd'].map((name) => world.client(name));
  let isOver = false;
  const membersOf = (generation: number): string[] =>
    world.keys(`${ALL}member/${String(generation).padStart(10, '0')}/`);
  const round = async (client: Client): Promise<void> => {
    const gate = client.coord.doubleBarrier('thing', { members: NEEDED });
    const inside = await gate.enter({ timeoutMs: 20_000 });
    await new Promise<void>((resolve) => client.clock.timer(random.below(800), resolve));
    await inside.leave({ timeoutMs: 20_000 });
    assert.deepEqual(membersOf(inside.generation), [], 'left before all had');
  };
  const live = async (client: Client): Promise<void> => {
    while (!isOver) {
      await round(client).catch(acceptable);
      await new Promise<void>((resolve) => client.clock.timer(100, resolve));
    }
  };
  const all = clients.map(live);
  for (let step = 0; step < STEPS; step++) {
    if (random.below(2) === 0) disturb(random, clients[random.below(clients.length)] as Client);
    if (random.below(20) === 0) compactAll(world);
    await world.advance(random.below(800));
  }
  for (const client of clients) calm(client);
  await world.advance(TTL_SECONDS * 10_000);
  const before = judge(world);
  await world.advance(60_000);
  assert.ok(judge(world) > before, 'nobody goes on though the faults are over');
  isOver = true;
  await world.run(Promise.all(all), 300_000);
  await world.close();
  await world.advance(TTL_SECONDS * 3000);
  assert.deepEqual(world.keys(), [`${ALL}generation`]);
  for (const { store } of clients) assert.equal(store.watchCount, 0);
  assert.equal(world.clock.timerCount, 0);
  return judge(world);
}

describe('random schedules of a double barrier', function () {
  this.timeout(60_000);

  it('opens for enough, closes behind all, and leaves nothing', async () => {
    const base = testSeed();
    let generations = 0;
    for (let seed = base; seed < base + RUNS; seed++) {
      try {
        generations += await run(seed);
      } catch (error) {
        throw new Error(`seed ${seed}: TIDELOCK_SEED=${seed}`, { cause: error });
      }
    }
    assert.ok(generations > RUNS * 10, `only ${generations} generations`);
  });
});
