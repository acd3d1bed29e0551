// Proves that the expiry queue always has the earliest entry in front, whatever was scheduled,
// moved and removed, and that what left it is really gone.
import assert from 'node:assert/strict';
import {
  ExpiryQueue,
  NOT_QUEUED,
  type QueueEntry,
} from '../../../src/kernel/lease/expiry-queue.js';
import { forSeeds } from '../watch/seeds.js';

describe('ExpiryQueue', () => {
  it('has the earliest in front', () => {
    forSeeds(30, (random) => {
      const queue = new ExpiryQueue<QueueEntry>();
      const entries = Array.from({ length: 40 }, () => ({ queueIndex: NOT_QUEUED, queueDueMs: 0 }));
      const model = new Map<QueueEntry, number>();
      for (let step = 0; step < 500; step++) {
        const entry = entries[random.below(entries.length)] as QueueEntry;
        if (random.below(3) === 0) {
          queue.remove(entry);
          model.delete(entry);
        } else {
          const dueMs = random.below(100);
          queue.schedule(entry, dueMs);
          model.set(entry, dueMs);
        }
        assert.equal(queue.size, model.size);
        const front = queue.peek();
        if (front === undefined) assert.equal(model.size, 0);
        else assert.equal(model.get(front), Math.min(...model.values()));
      }
    });
  });

  it('forgets everything when cleared, so that entries can come back', () => {
    const queue = new ExpiryQueue<QueueEntry>();
    const entry = { queueIndex: NOT_QUEUED, queueDueMs: 0 };
    queue.schedule(entry, 5);
    queue.clear();
    assert.equal(queue.peek(), undefined);
    queue.remove(entry);
    queue.schedule(entry, 7);
    assert.equal(queue.peek(), entry);
    assert.equal(queue.size, 1);
  });
});
