// Proves what is promised when the same data is damaged on a majority: those members refuse to
// start, each with the reason, and the one that is left neither leads nor takes a write, nor
// answers what only a majority can know. It goes on answering what it may: what it has, as it was.
import assert from 'node:assert/strict';
import type { SimMember } from '../../src/simulation/cluster/sim-member.js';
import { World } from '../../src/simulation/scenario/world.js';
import { Simulation } from '../../src/simulation/simulation.js';
import { isStoreError, prefix } from '../../src/store/index.js';
import { settle } from './settle.js';

const WRITES = 20;

/** A bit in the middle of what the log holds. */
async function damage(member: SimMember): Promise<void> {
  member.excuseDirectory('damaged');
  await member.settled();
  const [name = ''] = await member.disk.list('wal');
  const path = `wal/${name}`;
  const bytes = await member.disk.read(path);
  const used = bytes.findLastIndex((byte) => byte !== 0);
  member.disk.flipBit(path, Math.floor(used / 2), 3);
}

describe('a cluster of three of which two logs are damaged', () => {
  it('stands still, says why, and guesses nothing', async () => {
    const told: string[] = [];
    const sim = new Simulation({ seed: 11, settle, tell: (line) => told.push(line) });
    const { cluster, ...world } = await startedWorld(sim);
    const { store } = world.addClient();
    for (let n = 0; n < WRITES; n++) {
      await sim.run(store.put({ key: `k/${n}`, value: `${n}` }), 10_000);
    }
    await sim.advance(2000);
    for (const member of cluster.members) member.crash('power');
    const damaged = cluster.members.slice(0, 2);
    for (const member of damaged) await sim.run(damage(member), 10_000);
    for (const member of cluster.members) await sim.run(member.start(), 10_000);
    await sim.advance(20_000);

    assert.deepEqual(
      cluster.members.map(({ state }) => state),
      ['stopped', 'stopped', 'up'],
    );
    for (const { name } of damaged) {
      const reason = told.find((line) => line.includes(`${name}#2 stopped: `));
      assert.match(reason ?? '', /stopped: .*wal\/.* byte \d+/);
    }
    const left = cluster.members[2]?.kernel;
    assert.ok(left !== undefined);
    assert.deepEqual([left.status().role === 'leader', left.status().leader], [false, 0n]);
    const range = prefix('k/');
    const { kvs } = await sim.run(left.store.range({ ...range, serializable: true }), 5000);
    assert.equal(kvs.length, WRITES);
    for (const call of [() => left.store.put({ key: 'k/new' }), () => left.store.range(range)]) {
      await assert.rejects(sim.run(call(), 60_000), (error) => isStoreError(error));
    }
    assert.deepEqual(world.findings.violations, []);
  });
});

async function startedWorld(sim: Simulation) {
  const world = new World({ sim, memberCount: 3, callsPerSecond: 1 });
  const { cluster, findings } = world;
  await sim.run(cluster.start(), 10_000);
  await sim.run(
    world.until(() => cluster.leader !== undefined, 10_000),
    20_000,
  );
  return { cluster, findings, addClient: () => world.addClient() };
}
