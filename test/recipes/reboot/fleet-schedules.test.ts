// Proves by random schedules of asking, rebooting, coming back, dying, holding, pausing and
// changing the policy, under faults of every kind, that every grant keeps to the policy of its own
// revision: the limit, the windows, the holds, the cooldown, the zones and the failure budget; that
// no slot goes but by being released; and that nothing is left behind. Each rule that is left out
// of the judgement, and each comparison that is left out of the grant, makes a run fail, which
// names its seed.
import assert from 'node:assert/strict';
import {
  isCoordinationError,
  type RebootGroup,
  type RebootPolicyChange,
} from '../../../src/recipes/index.js';
import type { SimRandom } from '../../../src/simulation/sim-random.js';
import { inCi } from '../../support/in-ci.js';
import { type Client, testSeed, World } from '../../support/world.js';
import { type FleetCounts, FleetHistory, noteTimes } from './fleet-history.js';

const RUNS = inCi ? 1000 : 40;
const STEPS = 24;
const NODES = 8;
const GROUP = 'g';
/** How often everything is opened up before a wait counts as hung. */
const ROUNDS = 30;

describe('random schedules of a fleet', function () {
  this.timeout(120_000);

  it('every grant keeps to the policy of its moment', async () => {
    const base = testSeed();
    const total: FleetCounts = { grants: 0, forced: 0, stuck: 0, released: 0 };
    for (let i = 0; i < RUNS; i++) {
      const seed = base + i;
      try {
        const counts = await run(seed);
        for (const name of Object.keys(total) as (keyof FleetCounts)[]) total[name] += counts[name];
      } catch (error) {
        throw new Error(`seed ${seed}: TIDELOCK_SEED=${seed}`, { cause: error });
      }
    }
    const text = JSON.stringify(total);
    assert.ok(total.grants > RUNS * 3 && total.stuck > RUNS / 4 && total.forced > RUNS / 10, text);
  });
});

async function run(seed: number): Promise<FleetCounts> {
  const world = new World({ seed, session: { ttlSeconds: 300 } });
  const times = noteTimes(world);
  const random = world.random.split('schedule');
  const clients = ['a', 'b', 'c'].map((name) => world.client(name));
  const all: Promise<unknown>[] = [];
  const admin = world.client('admin').coord.reboots(GROUP);
  await world.run(admin.setPolicy(somePolicy(random)));
  for (let step = 0; step < STEPS; step++) {
    const client = clients[random.below(clients.length)] as Client;
    all.push(act(random, client, `n${random.below(NODES)}`).catch(acceptable));
    if (random.below(4) === 0) disturb(random, client);
    await world.advance(random.below(random.below(2) === 0 ? 50 : 200_000));
  }
  for (const client of clients) {
    client.unblock();
    client.store.heal();
  }
  let isDone = false;
  const ended = Promise.all(all).then(() => {
    isDone = true;
  });
  ended.catch(() => undefined);
  // What hung when the faults ended still takes effect, so it takes more than one round.
  for (let round = 0; !isDone && round < ROUNDS; round++) {
    await world.run(openUp(admin));
    await world.advance(100_000);
  }
  await world.run(ended, 0);
  await world.run(openUp(admin));
  await world.close();
  await world.advance(4 * 3_600_000);
  const stays = world.keys(`reboot/${GROUP}/`).filter((key) => !/\/(log|node)\//.test(key));
  assert.deepEqual(stays, [`reboot/${GROUP}/epoch`, `reboot/${GROUP}/policy`]);
  assert.deepEqual(world.server.leaseIds, []);
  assert.equal(world.clock.timerCount, 0);
  for (const { store } of clients) assert.equal(store.watchCount, 0);
  return new FleetHistory(GROUP).judge(world.server.kv.history, times);
}

/** Lets everybody have a slot who wants one. */
async function openUp(admin: RebootGroup): Promise<void> {
  await admin.resume();
  await admin.setPolicy({ max: 100, windows: [], failureBudget: 100, order: null });
  for (const { id } of (await admin.status()).holds) await admin.unhold({ id });
  for (const { node } of (await admin.status()).holders) await admin.release({ node });
}

/** One thing that a node or an administrator may do. */
async function act(random: SimRandom, client: Client, node: string): Promise<void> {
  const group = client.coord.reboots(GROUP);
  const bootId = `${node}-boot-${random.below(3)}`;
  const zone = `z${Number(node.slice(1)) % 3}`;
  switch (random.below(20)) {
    case 0:
      await group.setPolicy(somePolicy(random));
      return;
    case 1:
      await group.hold({ forSeconds: 1 + random.below(600) });
      return;
    case 2:
      await group.hold({ node, forSeconds: 1 + random.below(600) });
      return;
    case 3:
      await group.unhold(random.below(2) === 0 ? {} : { node });
      return;
    case 4:
      await group.pause();
      return;
    case 5:
    case 6:
      await group.resume();
      return;
    case 7:
      await group.forget({ node });
      return;
    case 8:
      if (random.below(3) === 0) await group.force({ node, zone, bootId });
      return;
    case 9:
      await group.release({ node });
      return;
    case 10:
      await group.tryAcquire({ node, zone, bootId, pollTtlSeconds: 1 + random.below(900) });
      return;
    case 11:
      await group.tryAcquire({ node, bootId });
      return;
    case 12:
    case 13:
      await group.steady({ node, ...(random.below(2) === 0 ? { bootId } : {}) });
      return;
    default:
      await cycle(random, client, node, zone);
  }
}

/** What an agent does, if it gets that far: every step can be the last one. */
async function cycle(random: SimRandom, client: Client, node: string, zone: string): Promise<void> {
  const group = client.coord.reboots(GROUP);
  const bootId = `${node}-before`;
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => client.clock.timer(ms, resolve));
  await group.acquire({ node, zone, bootId });
  if (random.below(6) === 0) return;
  await sleep(random.below(100_000));
  await group.rebooting({ node });
  if (random.below(6) === 0) return;
  await sleep(random.below(300_000));
  await group.steady({ node, bootId: `${node}-after` });
}

function somePolicy(random: SimRandom): RebootPolicyChange {
  const seconds = (bound: number): number => (random.below(2) === 0 ? 0 : 5 + random.below(bound));
  const window = (): { start: string; lengthMinutes: number } => ({
    start: `${String(random.below(24)).padStart(2, '0')}:${String(random.below(60)).padStart(2, '0')}`,
    lengthMinutes: 1 + random.below(600),
  });
  const windows = Array.from({ length: random.below(3) }, () => ({
    ...{ days: [], timeZone: 'UTC' },
    ...window(),
  }));
  const rule = random.below(2) === 0 ? 'one-per-zone' : 'one-zone-at-a-time';
  return {
    max: random.below(3) === 0 ? `${10 + random.below(60)}%` : 1 + random.below(3),
    windows: random.below(2) === 0 ? [] : windows,
    cooldownSeconds: seconds(100),
    soakSeconds: seconds(200),
    rebootTimeoutSeconds: seconds(200),
    grantTimeoutSeconds: seconds(200),
    failureBudget: random.below(3),
    order: random.below(3) === 0 ? { by: 'zone', rule } : null,
  };
}

/** One random fault at one client, or the end of one. */
function disturb(random: SimRandom, client: Client): void {
  const { store } = client;
  switch (random.below(10)) {
    case 0:
      return store.partition('fail');
    case 1:
      return store.partition('hang');
    case 2:
    case 3:
      return store.heal();
    case 4:
      return store.loseResponse(() => true);
    case 5:
      return store.loseRequest(() => true);
    case 6:
      return client.block();
    case 7:
      return client.unblock(random.below(2) === 0 ? 'timers-first' : 'network-first');
    case 8:
      return store.dropNextEvent(() => true);
    default:
      return store.delayRequest(() => true, random.below(30_000));
  }
}

/** What faults may do to a caller; anything else is a bug. */
function acceptable(error: unknown): void {
  if (isCoordinationError(error)) return;
  throw error;
}
