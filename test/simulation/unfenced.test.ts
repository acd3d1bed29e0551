// Shows what locks cannot do, and fences can: a holder that falls asleep between its last look and
// its action acts after the lock is another's. A resource that does not look at fences takes the
// action, and breaks; one that does refuses it.
import assert from 'node:assert/strict';
import { coordinate, type HeldLock } from '../../src/recipes/index.js';
import { World } from '../../src/simulation/scenario/world.js';
import { Simulation } from '../../src/simulation/simulation.js';
import { FencedResource } from '../../src/simulation/workloads/fenced-resource.js';
import { settle } from './settle.js';

const TTL_SECONDS = 4;
/** How long an action is on its way from the last look at the lock to the resource. */
const ACTION_MS = 50;

interface Action {
  readonly by: string;
  readonly fence: number;
}

/** Two users of one lock, of which the first sleeps before its action arrives. */
async function play(accepts: (action: Action) => boolean): Promise<readonly Action[]> {
  const sim = new Simulation({ seed: 7, settle });
  const world = new World({ sim, memberCount: 3, callsPerSecond: 1 });
  const accepted: Action[] = [];
  const users = ['first', 'second'].map((name) => {
    const client = world.addClient();
    const coordination = coordinate(client.store, { identity: name, ttlSeconds: TTL_SECONDS });
    const act = async (held: HeldLock): Promise<void> => {
      held.assertHeld();
      await client.pause(ACTION_MS);
      const action = { by: name, fence: held.fence };
      if (accepts(action)) accepted.push(action);
    };
    return { client, lock: coordination.lock('ledger'), act, coordination };
  });
  const story = async (): Promise<void> => {
    const [first, second] = users;
    assert.ok(first !== undefined && second !== undefined);
    await world.cluster.start();
    await world.until(() => world.cluster.leader !== undefined, 10_000);
    const early = await first.lock.acquire();
    const acting = first.act(early);
    first.client.machine.pause();
    const late = await second.lock.acquire();
    await second.act(late);
    first.client.machine.resume();
    await acting;
    assert.throws(() => early.assertHeld(), 'the sleeper knows by now');
    await late.release();
    for (const { coordination } of users) await coordination.close();
  };
  await sim.run(story(), 120_000);
  return accepted;
}

describe('an action of a lock holder that fell asleep', () => {
  it('is taken by a resource without fences, after that of the next holder', async () => {
    const accepted = await play(() => true);
    assert.deepEqual(
      accepted.map(({ by }) => by),
      ['second', 'first'],
    );
    assert.ok((accepted[0]?.fence ?? 0) > (accepted[1]?.fence ?? 0), 'an older fence came later');
  });

  it('is refused by one that looks at fences', async () => {
    const resource = new FencedResource();
    const accepted = await play(({ fence }) => resource.act(fence));
    assert.deepEqual(
      accepted.map(({ by }) => by),
      ['second'],
    );
  });
});
