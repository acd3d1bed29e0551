// Proves that a machine keeps its own time, wrong rates and leaps included, that nothing happens on
// one that is paused, and that a slow one does one thing after the other.
import assert from 'node:assert/strict';
import { SimMachine } from '../../src/simulation/sim-machine.js';
import { SimProcess } from '../../src/simulation/sim-process.js';
import { Simulation } from '../../src/simulation/simulation.js';

interface Bench {
  readonly sim: Simulation;
  readonly machine: SimMachine;
  readonly seen: string[];
  readonly note: (name: string) => () => void;
}

function bench(): Bench {
  const sim = new Simulation({ seed: 1 });
  const seen: string[] = [];
  const note = (name: string) => () => void seen.push(`${name}@${sim.nowMs.toFixed(0)}`);
  return { sim, machine: new SimMachine(sim, 'm'), seen, note };
}

describe('SimMachine', () => {
  it('runs timers by its own clock, whose rate can change under them', async () => {
    const { sim, machine, seen, note } = bench();
    machine.setRate(2);
    machine.timer(100, note('fast'));
    machine.timer(400, note('slow'));
    await sim.advance(100);
    assert.deepEqual(seen, ['fast@50']);
    assert.equal(machine.monotonic(), 200);
    machine.setRate(0.5);
    await sim.advance(1000);
    assert.deepEqual(seen, ['fast@50', 'slow@500']);
  });

  it('never lets a timer see less time than it asked for', async () => {
    const { sim, machine } = bench();
    machine.setRate(1.037);
    await sim.advance(0.1);
    const startMs = machine.monotonic();
    const late: number[] = [];
    for (let ms = 0.1; ms < 50; ms += 0.7) {
      machine.timer(ms, () => late.push(machine.monotonic() - (startMs + ms)));
    }
    await sim.advance(60);
    assert.ok(late.length > 50 && late.every((ms) => ms >= 0), String(late));
  });

  it('leaps ahead, and its wall clock on its own', async () => {
    const { sim, machine, seen, note } = bench();
    machine.timer(1000, note('due'));
    await sim.advance(10);
    machine.jump(5000);
    machine.jumpWall(-3_600_000);
    await sim.advance(1);
    assert.deepEqual(seen, ['due@10']);
    assert.equal(machine.monotonic(), 5011);
    assert.equal(machine.wall(), sim.clock.wall() - 3_600_000);
  });

  for (const [order, expected] of [
    ['as-it-came', ['b@50', 'a@50', 'c@50']],
    ['timers-first', ['a@50', 'b@50', 'c@50']],
    ['arrivals-first', ['b@50', 'c@50', 'a@50']],
  ] as const) {
    it(`holds everything while it is paused, then meets it ${order}`, async () => {
      const { sim, machine, seen, note } = bench();
      machine.timer(20, note('a'));
      machine.pause();
      sim.after(10, () => machine.arrive(note('b')));
      sim.after(30, () => machine.arrive(note('c')));
      await sim.advance(50);
      assert.deepEqual(seen, []);
      machine.resume(order);
      await sim.advance(1);
      assert.deepEqual(seen, expected);
    });
  }

  it('does one thing after the other when it is slow', async () => {
    const { sim, machine, seen, note } = bench();
    machine.slowDown(10);
    for (const name of ['a', 'b', 'c']) machine.arrive(note(name));
    await sim.advance(15);
    machine.slowDown(0);
    machine.arrive(note('d'));
    await sim.advance(50);
    machine.arrive(note('e'));
    assert.deepEqual(seen, ['a@10', 'b@20', 'c@30', 'd@30', 'e@65']);
  });
});

describe('SimProcess', () => {
  it('hears nothing any more once it has ended', async () => {
    const { sim, machine, seen, note } = bench();
    const process = new SimProcess(machine, 1, note('ended'));
    process.clock.timer(10, note('timer'));
    process.arrive(note('arrival'));
    process.end();
    process.arrive(note('late arrival'));
    process.clock.timer(10, note('late timer'));
    await sim.advance(100);
    assert.deepEqual(seen, ['arrival@0']);
    assert.equal(process.enter(), false);
  });

  it('ends in the middle of the call that it was told to', () => {
    const { machine, seen, note } = bench();
    const process = new SimProcess(machine, 1, note('ended'));
    process.endAtCall(3);
    assert.deepEqual([process.enter(), process.enter()], [true, true]);
    assert.equal(process.enter(), false);
    assert.equal(process.isAlive, false);
    assert.deepEqual(seen, ['ended@0']);
    assert.equal(process.enter(), false);
    assert.equal(process.callCount, 3);
  });
});
