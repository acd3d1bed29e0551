// Proves that reads which follow each other give way now and then, and no sooner; and that nothing
// changes where a clock has no turns.
import assert from 'node:assert/strict';
import { ReadTurns } from '../../src/kernel/read-turns.js';
import type { Clock } from '../../src/ports/clock.js';

class HandClock implements Clock {
  nowMs = 1000;
  turns = 0;
  looks = 0;
  monotonic(): number {
    this.looks++;
    return this.nowMs;
  }
  wall(): number {
    return 0;
  }
  timer(): never {
    throw new Error('no timer was needed');
  }
  nextTurn?(): Promise<void> {
    this.turns++;
    return Promise.resolve();
  }
}

describe('turns of reads', () => {
  function read(turns: ReadTurns, rowCount: number, times: number): number {
    let waits = 0;
    for (let at = 0; at < times; at++) {
      if (turns.next() !== undefined) waits++;
      turns.did(rowCount);
    }
    return waits;
  }

  it('give way once in ten milliseconds of reads, and look at the clock now and then', () => {
    const clock = new HandClock();
    const turns = new ReadTurns(clock);
    assert.equal(read(turns, 1, 33), 1, 'the first look is long after nothing');
    assert.equal(read(turns, 1, 1000), 0, 'no time has passed');
    clock.nowMs += 9.9;
    assert.equal(read(turns, 1, 1000), 0);
    clock.nowMs += 0.1;
    assert.equal(read(turns, 1, 1000), 1);
    assert.equal(clock.turns, 2);
    assert.ok(clock.looks < 110, `${clock.looks} looks`);
  });

  it('count what a read reads', () => {
    const clock = new HandClock();
    const turns = new ReadTurns(clock);
    let waits = 0;
    for (let at = 0; at < 20; at++) {
      waits += read(turns, 100, 1);
      clock.nowMs += 10;
    }
    assert.equal(waits, 19, 'the next one after each that reads much');
  });

  it('are not taken where a clock has none', () => {
    const clock: Clock = { monotonic: () => 1e9, wall: () => 0, timer: assert.fail };
    assert.equal(read(new ReadTurns(clock), 100, 100), 0);
  });
});
