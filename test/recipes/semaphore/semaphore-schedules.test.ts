// Proves by random schedules of every fault that no grant ever exceeds the limit of its moment,
// that whoever is sure of permits has them in the store, and that nothing is left behind once the
// faults are over. A failing run names its seed.
import assert from 'node:assert/strict';
import { isCoordinationError } from '../../../src/recipes/errors.js';
import type { HeldPermit } from '../../../src/recipes/semaphore/held-permit.js';
import { toText } from '../../../src/store/index.js';
import { calm, compactAll, disturb } from '../../support/disturb.js';
import { inCi } from '../../support/in-ci.js';
import { type Client, testSeed, World } from '../../support/world.js';

const TTL_SECONDS = 4;
const RUNS = inCi ? 8 : 3;
const STEPS = 120;
const ALL = 'thing/@semaphore/';

interface Judgement {
  readonly grants: number;
  readonly changes: number;
}

/** What faults may do to a caller; anything else is a bug. */
function acceptable(error: unknown): void {
  if (!isCoordinationError(error)) throw error;
}

function isSure(held: HeldPermit): boolean {
  try {
    held.assertHeld();
    return true;
  } catch {
    return false;
  }
}

/** Goes through all of history: at each grant, were the permits within the limit of that moment? */
function judge(world: World): Judgement {
  const weights = new Map<string, number>();
  let limit = 0;
  let grants = 0;
  let changes = 0;
  for (const { revision, events } of world.server.kv.history) {
    let isGrant = false;
    for (const { type, kv } of events) {
      const key = toText(kv.key);
      if (key === `${ALL}limit`) {
        limit = (JSON.parse(toText(kv.value)) as { limit: number }).limit;
        changes += 1;
      } else if (key.startsWith(`${ALL}held/`)) {
        if (type === 'delete') weights.delete(key);
        else {
          weights.set(key, (JSON.parse(toText(kv.value)) as { weight: number }).weight);
          isGrant = true;
          grants += 1;
        }
      }
    }
    const sum = [...weights.values()].reduce((all, one) => all + one, 0);
    assert.ok(!isGrant || sum <= limit, `revision ${revision}: ${sum} permits of ${limit}`);
  }
  return { grants, changes };
}

async function run(seed: number): Promise<Judgement> {
  const world = new World({ seed, latencyMaxMs: 40, session: { ttlSeconds: TTL_SECONDS } });
  const random = world.random.split('schedule');
  const clients = ['a', 'b', 'c'].map((name) => world.client(name));
  const owned: HeldPermit[] = [];
  const all: Promise<unknown>[] = [];
  const limits: Promise<unknown>[] = [];
  const check = (): void => {
    for (const held of owned.filter(isSure)) {
      const found = world.server.kv.range({ key: held.key }).kvs[0];
      assert.equal(found?.createRevision, held.grantRevision, 'sure of what the store denies');
    }
  };
  const work = async (client: Client): Promise<void> => {
    const slots = client.coord.semaphore('thing', { initialLimit: 2 });
    const held = await slots.acquire({ weight: 1 + random.below(3) });
    owned.push(held);
    check();
    await new Promise<void>((resolve) => client.clock.timer(random.below(1500), resolve));
    await held.release();
  };
  for (let step = 0; step < STEPS; step++) {
    const client = clients[random.below(clients.length)] as Client;
    const what = random.below(8);
    const slots = client.coord.semaphore('thing');
    const order = random.below(2) === 0 ? 'fifo' : 'firstFit';
    if (what < 2) disturb(random, client);
    else if (what < 3) limits.push(slots.setLimit(random.below(5), { order }).catch(acceptable));
    else all.push(work(client).catch(acceptable));
    if (random.below(20) === 0) compactAll(world);
    await world.advance(random.below(500));
    check();
  }
  for (const client of clients) calm(client);
  await world.run(Promise.all(limits));
  await world.run(world.client('d').coord.semaphore('thing').setLimit(5));
  await world.run(Promise.all(all), 600_000);
  await world.close();
  await world.advance(TTL_SECONDS * 3000);
  assert.deepEqual(world.keys(), [`${ALL}epoch`, `${ALL}limit`]);
  for (const { store } of clients) assert.equal(store.watchCount, 0);
  assert.equal(world.clock.timerCount, 0);
  return judge(world);
}

describe('random schedules of a semaphore', function () {
  this.timeout(60_000);

  it('never more permits than the limit allowed at the grant, nothing left behind', async () => {
    const base = testSeed();
    let grants = 0;
    let changes = 0;
    for (let seed = base; seed < base + RUNS; seed++) {
      try {
        const judged = await run(seed);
        grants += judged.grants;
        changes += judged.changes;
      } catch (error) {
        throw new Error(`seed ${seed}: TIDELOCK_SEED=${seed}`, { cause: error });
      }
    }
    assert.ok(grants > RUNS * 10 && changes > RUNS * 5, `${grants} grants, ${changes} changes`);
  });
});
