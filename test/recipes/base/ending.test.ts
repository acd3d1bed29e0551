// Proves that an end is told once to everybody who still follows it, that whoever stops following
// takes nothing from another, and that it may be followed and left while it is told.
import assert from 'node:assert/strict';
import { Ending } from '../../../src/recipes/base/ending.js';

describe('an ending', () => {
  it('is told once, in order, and at once to who comes later', () => {
    const ending = new Ending();
    const told: string[] = [];
    for (const name of ['a', 'b']) ending.follow(() => told.push(name));
    const leave = ending.follow(() => told.push('left'));
    leave();
    ending.end('first');
    ending.end('second');
    ending.follow(() => told.push('late'));
    assert.deepEqual(told, ['a', 'b', 'late']);
    assert.deepEqual(
      [ending.isOver, ending.reason, ending.signal.reason],
      [true, 'first', 'first'],
    );
  });

  it('is still told to who follows again when the first time is left twice', () => {
    const ending = new Ending();
    let told = 0;
    const follower = (): void => {
      told += 1;
    };
    const leave = ending.follow(follower);
    leave();
    ending.follow(follower);
    leave();
    ending.end('over');
    assert.equal(told, 1);
  });

  it('may be followed and left while it is told', () => {
    const ending = new Ending();
    const told: string[] = [];
    const leaves: (() => void)[] = [];
    ending.follow(() => {
      told.push('first');
      leaves[0]?.();
      ending.follow(() => told.push('inner'));
    });
    leaves.push(ending.follow(() => told.push('left')));
    ending.follow(() => told.push('last'));
    ending.end('over');
    assert.deepEqual(told, ['first', 'inner', 'last']);
  });
});
