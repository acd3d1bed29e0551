// Proves what is promised of a member that is started and ended again and again: the others keep
// their leader and its term, and what it writes at each start does not pile up in its log.
import assert from 'node:assert/strict';
import { World } from '../../src/simulation/scenario/world.js';
import { Simulation } from '../../src/simulation/simulation.js';
import { settle } from './settle.js';

const ROUNDS = 30;
const WRITES_PER_ROUND = 5;
const SEGMENT_BYTES = 8192;
/** The one that is written, the one before it, and the one that the next mark will free. */
const SEGMENTS_MAX = 3;

/** What is left when a follower has been restarted that often, with marks that often. */
async function restarted(snapshotEntries: number) {
  const sim = new Simulation({ seed: 5, settle });
  const settings = { snapshotEntries, snapshotCatchUpEntries: 5, walSegmentBytes: SEGMENT_BYTES };
  const world = new World({ sim, memberCount: 3, callsPerSecond: 1, settings });
  const { cluster } = world;
  await sim.run(cluster.start(), 10_000);
  await sim.run(
    world.until(() => cluster.leader !== undefined, 10_000),
    20_000,
  );
  const { leader } = cluster;
  const term = leader?.kernel?.status().raftTerm;
  const member = cluster.members.find((one) => one !== leader);
  assert.ok(member !== undefined && term !== undefined);
  const { store } = world.addClient();
  for (let round = 0; round < ROUNDS; round++) {
    member.crash(round % 2 === 0 ? 'kill' : 'power');
    await sim.advance(200);
    await sim.run(member.start(), 10_000);
    for (let n = 0; n < WRITES_PER_ROUND; n++) {
      await sim.run(store.put({ key: `k${n}`, value: 'x'.repeat(300) }), 10_000);
    }
    await sim.advance(500);
  }
  assert.deepEqual(world.findings.violations, []);
  assert.deepEqual([cluster.leader, cluster.leader?.kernel?.status().raftTerm], [leader, term]);
  member.crash('kill');
  await sim.run(member.settled(), 10_000);
  return await member.disk.list('wal');
}

describe('a member that is started and ended again and again', () => {
  it('disturbs nobody, and its log does not grow', async () => {
    const segments = await restarted(20);
    assert.ok(segments.length <= SEGMENTS_MAX, segments.join(' '));
  });

  it('would have a long log without marks', async () => {
    assert.ok((await restarted(1_000_000)).length > SEGMENTS_MAX);
  });
});
