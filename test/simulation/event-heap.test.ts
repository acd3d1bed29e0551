// Proves that events come out by (time, sequence) whatever the order in which they went in, and
// that a cancelled one is never seen, against a sorted array as the model.
import assert from 'node:assert/strict';
import { EventHeap, type HeapEvent } from '../../src/simulation/event-heap.js';
import { SimRandom } from '../../src/simulation/sim-random.js';
import { testSeed } from '../support/world.js';

describe('EventHeap', () => {
  it('gives events in order, without those that were cancelled', () => {
    const seed = testSeed();
    const random = new SimRandom(seed);
    const heap = new EventHeap();
    let model: HeapEvent[] = [];
    const takeBoth = (): void => {
      model.sort((a, b) => a.dueMs - b.dueMs || a.sequence - b.sequence);
      const expected = model.shift();
      assert.equal(heap.peek(), expected, `TIDELOCK_SEED=${seed}`);
      const work = expected?.work;
      assert.equal(heap.take(), work, `TIDELOCK_SEED=${seed}`);
    };
    for (let sequence = 0; sequence < 5000; sequence++) {
      const event: HeapEvent = { dueMs: random.below(200), sequence, work: () => undefined };
      heap.add(event);
      model.push(event);
      const roll = random.below(10);
      if (roll < 3) takeBoth();
      if (roll > 5) {
        const victim = model[random.below(model.length)];
        if (victim === undefined) continue;
        heap.cancel(victim);
        heap.cancel(victim);
        model = model.filter((other) => other !== victim);
      }
      assert.equal(heap.size, model.length, `TIDELOCK_SEED=${seed}`);
    }
    while (model.length > 0) takeBoth();
    assert.equal(heap.peek(), undefined);
    assert.equal(heap.take(), undefined);
  });
});
