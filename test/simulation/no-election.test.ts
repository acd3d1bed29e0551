// Proves that scenarios in which nothing may depose a leader notice when one is deposed: many
// leases that end at once, with a leader that stands still meanwhile.
import assert from 'node:assert/strict';
import { FAULTS } from '../../src/simulation/faults/faults.js';
import { World } from '../../src/simulation/scenario/world.js';
import { SimDice } from '../../src/simulation/sim-dice.js';
import { Simulation } from '../../src/simulation/simulation.js';
import { settle } from './settle.js';

/** What is found while many leases end, and `meanwhile` happens when they have been granted. */
async function found(meanwhile: (world: World) => Promise<void>): Promise<readonly string[]> {
  const sim = new Simulation({ seed: 3, settle });
  const world = new World({ sim, memberCount: 3, callsPerSecond: 1 });
  const story = async (): Promise<void> => {
    await world.cluster.start();
    await world.until(() => world.cluster.leader !== undefined, 10_000);
    await Promise.all([
      FAULTS.C4.perform(world, new SimDice(sim.random.split('leases'))),
      sim.pause(2000).then(() => meanwhile(world)),
    ]);
  };
  await sim.run(story(), 60_000);
  return world.findings.violations.map(({ property }) => property);
}

async function pauseLeader({ cluster, sim }: World): Promise<void> {
  const machine = cluster.leader?.machine;
  machine?.pause();
  await sim.pause(3500);
  machine?.resume();
}

describe('the end of many leases at once', () => {
  it('needs no election', async () => {
    assert.deepEqual(await found(() => Promise.resolve()), []);
  });

  it('is told of when there was one, and nothing else to blame', async () => {
    assert.deepEqual(await found(pauseLeader), ['C4']);
  });

  it('is not blamed when something else happened', async () => {
    const pause = async (world: World): Promise<void> => {
      world.noteFault('P3');
      await pauseLeader(world);
    };
    assert.deepEqual(await found(pause), []);
  });
});
