import type { SimClient } from '../scenario/sim-client.js';
import type { World } from '../scenario/world.js';
import { expectLeader, type Fault, leadershipOf } from './fault.js';

/** What goes wrong with a watch, a lease or a read is in the history. */
const ignore = (): void => undefined;

/** Watchers that read a message a second, from the first revision on. */
export const slowWatchers: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    world.noteFault('C1');
    const client = world.addClient({ windowMessages: 1, readMs: dice.between(300, 2000) });
    const range = { key: '\0', rangeEnd: '\0' };
    const watches = Array.from({ length: 1 + dice.below(4) }, (_, at) =>
      client.store.watch({ ...range, startRevision: at % 2 }).subscribe({ error: ignore }),
    );
    await world.hold(dice.between(2000, 15_000));
    for (const watch of watches) watch.unsubscribe();
  },
};

/** Leases that end in the same second, */
const LEASES = 200;
/** and how many of them are granted at once. */
const AT_ONCE = 20;

/** Many leases, granted together, of which nobody keeps one. That is no reason for an election. */
export const massExpiry: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    world.noteFault('C4');
    const before = leadershipOf(world);
    const client = world.addClient();
    const ttlSeconds = 2 + dice.below(3);
    for (let number = 0; number < LEASES && !world.isHealing; number += AT_ONCE) {
      const grants = Array.from({ length: AT_ONCE }, (_, at) =>
        grantOne(client, ttlSeconds, `mass/${client.number}/${number + at}`).catch(ignore),
      );
      await Promise.all(grants);
    }
    await world.hold(ttlSeconds * 1000 + 4000);
    expectLeader(world, 'C4', before);
  },
};

async function grantOne(client: SimClient, ttlSeconds: number, key: string): Promise<void> {
  const { id } = await client.store.leases.grant({ ttlSeconds });
  await client.store.put({ key, value: key, lease: id });
}

/** A client whose every call goes to another member, as through a load balancer. */
export const hopAround: Fault = {
  membersMin: 2,
  perform: async (world, dice) => {
    world.noteFault('C13');
    const client = world.addClient({ isRestless: true });
    const endMs = world.sim.nowMs + dice.between(2000, 10_000);
    for (let count = 0; world.sim.nowMs < endMs && !world.isHealing; count++) {
      const key = `k${dice.below(10)}`;
      const serializable = dice.below(2) === 0;
      if (dice.below(4) === 0) {
        await client.store.put({ key, value: `h${client.number}v${count}` }).catch(ignore);
      } else await client.store.range({ key, serializable }).catch(ignore);
      await world.hold(dice.between(1, 60));
    }
  },
};

/** The alarm of a full store is cleared; now and then before anything was given back. */
export const disarm: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const full = world.serving.filter(({ kernel }) => (kernel?.alarms().length ?? 0) > 0);
    if (full.length === 0) return;
    const isEarly = dice.below(3) === 0;
    world.noteFault('O7', isEarly ? 'too early' : '');
    await makeRoom(world, !isEarly);
    await world.hold(dice.between(200, 2000));
  },
};

/** Clears alarms of a full store, after all history was given back if that is wanted. */
export async function makeRoom(world: World, compacts: boolean): Promise<void> {
  const kernel = (world.cluster.leader ?? world.serving[0])?.kernel;
  if (kernel === undefined) return;
  if (compacts) {
    const client = world.addClient();
    const revision = kernel.status().revision;
    await client.store.compact({ revision, physical: true }).catch(ignore);
    // What was removed leaves the backend with the next flush.
    await world.sim.pause(500);
  }
  const clearing = kernel.alarms().map((alarm) => kernel.setAlarm('deactivate', alarm));
  await Promise.race([Promise.allSettled(clearing), world.sim.pause(5000)]);
}
