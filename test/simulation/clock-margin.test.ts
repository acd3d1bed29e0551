// Proves that the time by which a session ends before the store's lease is enough for clocks that
// run five in a hundred wrong, the holder's slow and those of all members fast: who has lost
// everybody knows that its lock is gone before another one gets it. With much less of that time it
// does not.
import assert from 'node:assert/strict';
import { coordinate } from '../../src/recipes/index.js';
import { World } from '../../src/simulation/scenario/world.js';
import { Simulation } from '../../src/simulation/simulation.js';
import { settle } from './settle.js';

const TTL_SECONDS = 20;
const WRONG = 0.05;
/** How closely the holder is watched. */
const LOOK_MS = 5;

/** How long before another one got the lock its holder knew that it was gone, in true time. */
async function aheadMs(rates: { readonly holder: number; readonly members: number }, margin = {}) {
  const sim = new Simulation({ seed: 9, settle });
  const world = new World({ sim, memberCount: 3, callsPerSecond: 1 });
  const { cluster, network } = world;
  const [holder, other] = [world.addClient(), world.addClient()];
  const options = { ttlSeconds: TTL_SECONDS, ...margin };
  const [first, second] = [holder, other].map(({ store, machine }) => {
    return coordinate(store, { identity: machine.name, ...options }).lock('ledger');
  });
  assert.ok(first !== undefined && second !== undefined);
  const story = async (): Promise<number> => {
    await cluster.start();
    await world.until(() => cluster.leader !== undefined, 10_000);
    for (const { machine } of cluster.members) machine.setRate(rates.members);
    holder.machine.setRate(rates.holder);
    const held = await first.acquire();
    const granted = second.acquire().then(() => sim.nowMs);
    await sim.pause(TTL_SECONDS * 1000);
    for (const { machine } of cluster.members) {
      network.setCut(holder.machine, machine, true);
      network.setCut(machine, holder.machine, true);
    }
    const isLost = (): boolean => held.signal.aborted;
    const lost = world.until(isLost, 3 * TTL_SECONDS * 1000, LOOK_MS).then(() => sim.nowMs);
    const [lostMs, grantedMs] = await Promise.all([lost, granted]);
    return grantedMs - lostMs;
  };
  return await sim.run(story(), 10 * TTL_SECONDS * 1000);
}

describe('a lock whose holder has lost everybody', () => {
  for (const [holder, members] of [
    [1, 1],
    [1 - WRONG, 1],
    [1, 1 + WRONG],
    [1 - WRONG, 1 + WRONG],
    [1 + WRONG, 1 - WRONG],
  ] as const) {
    it(`is given up first, with clocks at ${holder} and ${members}`, async () => {
      const ms = await aheadMs({ holder, members });
      assert.ok(ms > LOOK_MS, `${ms} ms`);
    });
  }

  it('is held by two when the session ends hardly sooner than the lease, and clocks are wrong', async () => {
    const ms = await aheadMs({ holder: 1 - WRONG, members: 1 + WRONG }, { marginMs: 200 });
    assert.ok(ms < -LOOK_MS, `${ms} ms`);
  });
});
