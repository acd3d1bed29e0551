// Proves that every stream of every recipe completes when its coordination object closes: whoever
// iterates over one, or waits for its end, is let go.
import assert from 'node:assert/strict';
import type { Observable } from 'rxjs';
import { z } from 'zod';
import type { Coordination } from '../../src/recipes/index.js';
import { World } from '../support/world.js';

const STREAMS: Readonly<Record<string, (coord: Coordination) => Observable<unknown>>> = {
  session$: (coord) => coord.session$,
  'lock.status$': (coord) => coord.lock('x').status$,
  'lock.plan$': (coord) => coord.lock('x').plan$,
  'locks.status$': (coord) => coord.locks(['x', 'y']).status$,
  'locks.plan$': (coord) => coord.locks(['x', 'y']).plan$,
  'readWriteLock.status$': (coord) => coord.readWriteLock('x').status$,
  'readWriteLock.plan$': (coord) => coord.readWriteLock('x').plan$,
  'readWriteLock.readPlan$': (coord) => coord.readWriteLock('x').readPlan$,
  'election.leader$': (coord) => coord.election('x').leader$,
  'election.status$': (coord) => coord.election('x').status$,
  'election.plan$': (coord) => coord.election('x').plan$,
  'barrier.plan$': (coord) => coord.barrier('x').plan$,
  'doubleBarrier.plan$': (coord) => coord.doubleBarrier('x', { members: 2 }).plan$,
  'latch.plan$': (coord) => coord.latch('x').plan$,
  'queue.status$': (coord) => coord.queue('x').status$,
  'queue.plan$': (coord) => coord.queue('x').plan$,
  'semaphore.status$': (coord) => coord.semaphore('x', { initialLimit: 1 }).status$,
  'semaphore.plan$': (coord) => coord.semaphore('x', { initialLimit: 1 }).plan$,
  'reboots.status$': (coord) => coord.reboots('x').status$,
  'reboots.plan$': (coord) => coord.reboots('x').plan$('n'),
  'members.members$': (coord) => coord.members('x').members$,
  'counter.value$': (coord) => coord.counter('x').value$,
  'sequence.status$': (coord) => coord.sequence('x').status$,
  'config.value$': (coord) => coord.config('x/', z.unknown()).value$,
  'config.status$': (coord) => coord.config('x/', z.unknown()).status$,
  'config.confirmed$': (coord) => coord.config('x/', z.unknown()).confirmed$,
  'config.reports$': (coord) => coord.config('x/', z.unknown()).reports$,
  'config.rollout$': (coord) => coord.config('x/', z.unknown()).rollout$,
  'config.at$': (coord) => coord.config('x/', z.unknown()).at$,
  'rollout.plan$': (coord) => {
    const gate = coord.semaphore('gate', { initialLimit: 1 });
    return coord.config('x/', z.unknown()).applyWith(gate, { apply: () => undefined }).plan$;
  },
  combineAt: (coord) => coord.combineAt([coord.counter('x').value$]),
};

describe('streams of the recipes', () => {
  for (const [name, open] of Object.entries(STREAMS)) {
    it(`${name} completes when the coordination object closes`, async () => {
      const world = new World();
      const { coord } = world.client('a');
      await world.run(coord.lock('opens a session').tryAcquire());
      let end: unknown = 'none';
      open(coord).subscribe({
        error: (error: unknown) => (end = error),
        complete: () => (end = 'complete'),
      });
      await world.advance(100);
      assert.equal(end, 'none');
      await world.run(coord.close());
      await world.advance(100);
      assert.equal(end, 'complete');
    });
  }
});
