// Proves by random schedules that faults of every kind, in any order, never let two owners be sure
// of the same thing at one moment, never let a fence go back, never over-admit a reboot, and never
// leave a waiter or a key behind once the faults are over. A failing run names its seed.
import assert from 'node:assert/strict';
import { isCoordinationError } from '../../src/recipes/errors.js';
import type { SimRandom } from '../../src/simulation/sim-random.js';
import { toText } from '../../src/store/index.js';
import { type Client, testSeed, World } from '../support/world.js';

const TTL_SECONDS = 4;
const RUNS = 12;
const STEPS = 120;

/** Something that is owned by one at a time: a held lock or a leadership. */
interface Owned {
  readonly client: Client;
  readonly fence: number;
  readonly isMine: () => boolean;
  readonly release: () => Promise<void>;
}

interface Recipe {
  readonly name: string;
  readonly take: (client: Client) => Promise<Owned>;
  /** Whether the server agrees that `owned` is the one owner. */
  readonly agrees: (world: World, owned: Owned) => boolean;
}

/** Whether `check` returns without throwing. */
function passes(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

const RECIPES: readonly Recipe[] = [
  {
    name: 'lock',
    take: async (client) => {
      const held = await client.coord.lock('thing').acquire();
      return {
        client,
        fence: held.fence,
        isMine: () => passes(() => held.assertHeld()),
        release: () => held.release(),
      };
    },
    agrees: (world, { fence }) => {
      const queue = { key: 'thing/q/', rangeEnd: 'thing/q0', sortTarget: 'create' } as const;
      return world.server.kv.range(queue).kvs[0]?.createRevision === fence;
    },
  },
  {
    name: 'election',
    take: async (client) => {
      const leadership = await client.coord.election('thing').campaign();
      return {
        client,
        fence: leadership.term,
        isMine: () => passes(() => leadership.assertLeader()),
        release: () => leadership.resign(),
      };
    },
    agrees: (world, { fence }) => {
      return world.server.kv.range({ key: 'thing/leader' }).kvs[0]?.modRevision === fence;
    },
  },
];

/** One random fault at one client, or the end of one. */
function disturb(random: SimRandom, client: Client): void {
  const { store, clock } = client;
  switch (random.below(13)) {
    case 0:
      return store.partition('fail');
    case 1:
      return store.partition('hang');
    case 2:
    case 3:
    case 4:
      return store.heal();
    case 5:
      return store.loseResponse(() => true);
    case 6:
      return store.loseRequest(() => true);
    case 7:
      return client.block();
    case 8:
      return client.unblock(random.below(2) === 0 ? 'timers-first' : 'network-first');
    case 9:
      return store.breakWatches();
    case 10:
      return store.dropNextEvent(() => true);
    case 11:
      return store.delayRequest(() => true, random.below(3000));
    default:
      return clock.jumpWall(random.below(20_000) - 10_000);
  }
}

function calm(client: Client): void {
  client.unblock();
  client.store.heal();
}

describe('random schedules', function () {
  this.timeout(60_000);
  const base = testSeed();

  const eachSeed = async (run: (seed: number) => Promise<void>): Promise<void> => {
    for (let i = 0; i < RUNS; i++) {
      const seed = base + i;
      try {
        await run(seed);
      } catch (error) {
        throw new Error(`seed ${seed}: TIDELOCK_SEED=${seed}`, { cause: error });
      }
    }
  };

  for (const recipe of RECIPES) {
    it(`${recipe.name}: one owner at a time, fences in order, nothing left behind`, async () => {
      let grants = 0;
      await eachSeed(async (seed) => {
        grants += await runOwners(recipe, seed);
      });
      assert.ok(grants > RUNS * 10, `only ${grants} grants: the schedules prove too little`);
    });
  }

  it('reboots: never more slots than the policy allowed at the grant', async () => {
    let grants = 0;
    let changes = 0;
    await eachSeed(async (seed) => {
      const counted = await runReboots(seed);
      grants += counted.grants;
      changes += counted.changes;
    });
    assert.ok(grants > RUNS * 10 && changes > RUNS * 5, `${grants} grants, ${changes} changes`);
  });
});

/** Returns the number of grants. */
async function runOwners(recipe: Recipe, seed: number): Promise<number> {
  const world = new World({ seed, latencyMaxMs: 40, session: { ttlSeconds: TTL_SECONDS } });
  const random = world.random.split('schedule');
  const clients = ['a', 'b', 'c'].map((name) => world.client(name));
  const owned: Owned[] = [];
  const all: Promise<unknown>[] = [];
  let grants = 0;
  let fence = 0;

  const check = (): void => {
    const sure = owned.filter((owner) => owner.isMine());
    const who = sure.map((owner) => `${owner.client.name}:${owner.fence}`).join(' ');
    assert.ok(sure.length <= 1, `at ${world.clock.monotonic()} two owners: ${who}`);
    for (const owner of sure) assert.ok(recipe.agrees(world, owner), `the server denies ${who}`);
  };
  const work = async (client: Client): Promise<void> => {
    const owner = await recipe.take(client);
    check();
    assert.ok(owner.fence > fence, `fence ${owner.fence} after ${fence}`);
    fence = owner.fence;
    grants += 1;
    owned.push(owner);
    check();
    const workMs = random.below(1500);
    await new Promise<void>((resolve) => client.clock.timer(workMs, resolve));
    check();
    await owner.release().catch(acceptable);
  };
  for (let step = 0; step < STEPS; step++) {
    const client = clients[random.below(clients.length)] as Client;
    if (random.below(3) === 0) disturb(random, client);
    else if (all.length < 60) all.push(work(client).catch(acceptable));
    if (random.below(20) === 0) compact(world);
    await world.advance(random.below(600));
    check();
  }
  for (const client of clients) calm(client);
  await world.run(Promise.all(all), 300_000);
  await world.close();
  await world.advance(TTL_SECONDS * 3000);
  assert.deepEqual(world.keys(), []);
  for (const { store } of clients) assert.equal(store.watchCount, 0);
  assert.equal(world.clock.timerCount, 0);
  return grants;
}

/** What faults may do to a caller; anything else is a bug. */
function acceptable(error: unknown): void {
  if (isCoordinationError(error)) return;
  throw error;
}

function compact(world: World): void {
  const { kv } = world.server;
  if (kv.revision > kv.compactedRevision + 1) {
    world.server.run(() => {
      kv.compact(kv.revision);
      return {};
    });
  }
}

async function runReboots(seed: number): Promise<{ grants: number; changes: number }> {
  const world = new World({ seed, latencyMaxMs: 40, session: { ttlSeconds: TTL_SECONDS } });
  const random = world.random.split('schedule');
  const clients = ['a', 'b', 'c'].map((name) => world.client(name));
  const all: Promise<unknown>[] = [];
  const work = async (client: Client, node: string): Promise<void> => {
    const group = client.coord.reboots('g');
    await group.acquire({ node });
    await new Promise<void>((resolve) => client.clock.timer(random.below(1500), resolve));
    await group.release({ node });
  };
  for (let step = 0; step < STEPS; step++) {
    const client = clients[random.below(clients.length)] as Client;
    const what = random.below(6);
    if (what === 0) disturb(random, client);
    else if (what === 1) all.push(client.coord.reboots('g').setMax(1 + random.below(3)));
    else all.push(work(client, `n${random.below(12)}`).catch(acceptable));
    if (random.below(20) === 0) compact(world);
    await world.advance(random.below(300));
  }
  for (const client of clients) calm(client);
  await world.run(Promise.all(all), 600_000);
  await world.close();
  return judgeReboots(world);
}

/** Goes through all of history: at each grant, were the slots within the limit of that moment? */
function judgeReboots(world: World): { grants: number; changes: number } {
  const slots = new Set<string>();
  let max = 1;
  let grants = 0;
  let changes = 0;
  for (const { revision, events } of world.server.kv.history) {
    for (const { type, kv } of events) {
      const key = toText(kv.key);
      if (key === 'reboot/g/policy') {
        max = (JSON.parse(toText(kv.value)) as { max: number }).max;
        changes += 1;
      } else if (key.startsWith('reboot/g/slot/')) {
        if (type === 'delete') slots.delete(key);
        else {
          slots.add(key);
          grants += 1;
          assert.ok(slots.size <= max, `revision ${revision}: ${slots.size} slots of ${max}`);
        }
      }
    }
  }
  return { grants, changes };
}
