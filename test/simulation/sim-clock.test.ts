// Proves that virtual time runs timers in order, one at a time, with promises settled in between,
// and that a stall and a wall jump move exactly one of the two times.
import assert from 'node:assert/strict';
import { SimClock } from '../../src/simulation/sim-clock.js';

describe('SimClock', () => {
  it('runs timers by due time, then by creation, each at its own time', async () => {
    const clock = new SimClock();
    const seen: string[] = [];
    const note = (name: string) => () => seen.push(`${name}@${clock.monotonic()}`);
    clock.timer(20, note('late'));
    clock.timer(10, note('first'));
    clock.timer(10, note('second'));
    clock.timer(31, note('never'));
    await clock.advance(30);
    assert.deepEqual(seen, ['first@10', 'second@10', 'late@20']);
    assert.equal(clock.monotonic(), 30);
    assert.equal(clock.timerCount, 1);
    assert.equal(clock.nextTimerMs, 31);
  });

  it('runs a timer that another one sets within the same advance', async () => {
    const clock = new SimClock();
    const seen: number[] = [];
    const tick = (): void => {
      seen.push(clock.monotonic());
      clock.timer(10, tick);
    };
    clock.timer(10, tick);
    await clock.advance(35);
    assert.deepEqual(seen, [10, 20, 30]);
  });

  it('lets promise reactions settle between two timers', async () => {
    const clock = new SimClock();
    const seen: string[] = [];
    clock.timer(1, () => {
      void (async () => {
        for (let i = 0; i < 100; i++) await Promise.resolve();
        seen.push('reaction');
      })();
    });
    clock.timer(1, () => seen.push('second'));
    await clock.advance(1);
    assert.deepEqual(seen, ['reaction', 'second']);
  });

  it('does not run what was cancelled, once or twice', async () => {
    const clock = new SimClock();
    let count = 0;
    const gone = clock.timer(5, () => count++);
    clock.timer(5, () => count++);
    gone.cancel();
    gone.cancel();
    await clock.advance(10);
    assert.equal(count, 1);
    gone.cancel();
    assert.equal(clock.timerCount, 0);
  });

  it('stalls monotonic time without running timers, then runs them late', async () => {
    const clock = new SimClock();
    const seen: number[] = [];
    clock.timer(5, () => seen.push(clock.monotonic()));
    const wall = clock.wall();
    clock.stall(100);
    assert.deepEqual(seen, []);
    assert.equal(clock.wall() - wall, 100);
    await clock.advance(0);
    assert.deepEqual(seen, [100]);
  });

  it('moves the wall clock alone when it jumps', () => {
    const clock = new SimClock();
    const wall = clock.wall();
    clock.jumpWall(-3_600_000);
    assert.equal(clock.wall() - wall, -3_600_000);
    assert.equal(clock.monotonic(), 0);
  });
});
