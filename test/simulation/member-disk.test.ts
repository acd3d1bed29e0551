// Proves that a member's disk takes its time, fails when it is full, and that what was under way
// when the process ended has happened or not while what came later has not.
import assert from 'node:assert/strict';
import { DiskError } from '../../src/ports/disk.js';
import { CALM_DISK, type DiskWeather, MemberDisk } from '../../src/simulation/member-disk.js';
import { SimDisk } from '../../src/simulation/sim-disk.js';
import { SimMachine } from '../../src/simulation/sim-machine.js';
import { SimProcess } from '../../src/simulation/sim-process.js';
import { Simulation } from '../../src/simulation/simulation.js';

const BYTES = Uint8Array.of(1, 2, 3);

class Bench {
  readonly sim: Simulation;
  readonly medium: SimDisk;
  readonly process: SimProcess;
  readonly disk: MemberDisk;
  weather: DiskWeather = CALM_DISK;

  constructor(seed: number) {
    this.sim = new Simulation({ seed });
    this.medium = new SimDisk(this.sim.random.split('medium'));
    const machine = new SimMachine(this.sim, 'm');
    this.process = new SimProcess(machine, 1, () => undefined);
    this.disk = new MemberDisk(this.sim, this.medium, this.process, () => this.weather);
  }
}

describe('MemberDisk', () => {
  it('answers a sync after the time that the medium takes, a write at once', async () => {
    const { sim, disk } = new Bench(1);
    const file = await sim.run(disk.create('file', 0), 1000);
    const startMs = sim.nowMs;
    await file.write(BYTES, 0);
    assert.equal(sim.nowMs, startMs);
    await sim.run(file.sync(), 1000);
    const tookMs = sim.nowMs - startMs;
    assert.ok(tookMs >= CALM_DISK.syncMinMs && tookMs <= CALM_DISK.syncMaxMs, String(tookMs));
  });

  it('has no room for new files while it is full', async () => {
    const bench = new Bench(1);
    bench.weather = { ...CALM_DISK, isFull: true };
    await assert.rejects(
      bench.sim.run(bench.disk.create('file', 10), 1000),
      (error) => error instanceof DiskError && error.kind === 'full',
    );
    bench.weather = CALM_DISK;
    await bench.sim.run(bench.disk.create('file', 10), 1000);
  });

  it('settles by chance what was under way, and never answers it', async () => {
    const outcomes = new Set<boolean>();
    for (let seed = 1; seed <= 20; seed++) {
      const { sim, disk, process, medium } = new Bench(seed);
      const file = await sim.run(disk.create('file', 0), 1000);
      let isAnswered = false;
      void file.writeDurably(BYTES, 0).then(() => {
        isAnswered = true;
      });
      process.end();
      await disk.end();
      void file.write(BYTES, 100);
      await sim.advance(1000);
      assert.equal(isAnswered, false);
      const { length } = await medium.read('file');
      assert.ok(length === 0 || length === BYTES.length, String(length));
      outcomes.add(length > 0);
    }
    assert.equal(outcomes.size, 2);
  });
});
