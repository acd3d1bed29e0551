/**
 * Proves that no order of ticks, messages, losses, repetitions, crashes and partitions breaks
 * Raft's promises in clusters of one to seven members, whose configuration changes, whose logs are
 * compacted, and which lose disks; and that every cluster recovers once the faults end.
 * TIDELOCK_SEED runs one seed only.
 */
import assert from 'node:assert/strict';
import { SimulatedCluster } from './simulated-cluster.js';
import { NO_COUNTS } from './simulated-counts.js';

const SEED_COUNT = 100;
const STEPS = 5000;

function runSeed(seed: number): SimulatedCluster['counts'] {
  try {
    const cluster = new SimulatedCluster(seed);
    for (let step = 0; step < STEPS; step++) cluster.step();
    cluster.mustRecover();
    return cluster.counts;
  } catch (error) {
    throw new Error(`TIDELOCK_SEED=${seed} fails`, { cause: error });
  }
}

describe('raft under random faults', () => {
  it('keeps every invariant and recovers', () => {
    const only = process.env['TIDELOCK_SEED'];
    if (only !== undefined) {
      runSeed(Number(only));
      return;
    }
    const total = { ...NO_COUNTS };
    for (let seed = 1; seed <= SEED_COUNT; seed++) {
      const counts = runSeed(seed);
      for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += counts[name];
    }
    // The runs prove nothing unless much happens in them.
    assert.ok(total.elections > SEED_COUNT * 2, `elections: ${total.elections}`);
    assert.ok(total.committed > SEED_COUNT * 10, `committed: ${total.committed}`);
    assert.ok(total.reads > SEED_COUNT * 3, `reads: ${total.reads}`);
    assert.ok(total.crashes > SEED_COUNT, `crashes: ${total.crashes}`);
    assert.ok(total.rejections > SEED_COUNT / 2, `rejections: ${total.rejections}`);
    assert.ok(total.changes > SEED_COUNT, `changes: ${total.changes}`);
    assert.ok(total.joints > SEED_COUNT / 3, `joint configurations: ${total.joints}`);
    assert.ok(total.transfers > SEED_COUNT / 10, `transfers: ${total.transfers}`);
    assert.ok(total.gone > SEED_COUNT, `leaders said to be gone: ${total.gone}`);
    assert.ok(total.installs > SEED_COUNT / 3, `snapshots installed: ${total.installs}`);
    assert.ok(total.wiped > SEED_COUNT / 10, `disks lost: ${total.wiped}`);
  });
});
