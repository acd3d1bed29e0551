// Proves that a leader knows of every checkpoint that could shorten a lease after a renewal, also
// of those that are only on their way, that it finds the leases worth one a few at a time, and that
// what was noted is where the next leader begins.
import assert from 'node:assert/strict';
import { Lessor } from '../../../src/kernel/lease/lessor.js';
import { LIMITS } from '../../../src/store/index.js';
import { MemoryRows } from './memory-rows.js';

const INTERVAL_MS = 10_000;

function newLessor(buffer = new MemoryRows()): Lessor {
  const lessor = new Lessor({ buffer, minTtlSeconds: 1 });
  lessor.restore();
  return lessor;
}

describe('Lessor: checkpoints', () => {
  it('that are on their way must be taken back too, and later ones by later renewals', () => {
    const lessor = newLessor();
    lessor.promote(0, 0);
    lessor.grant(7n, 60, 3);
    lessor.renew(7n, 0);
    assert.equal(lessor.clearing(7n), undefined);
    const { items } = lessor.checkpoints(20_000, INTERVAL_MS);
    assert.deepEqual(items, [{ id: 7n, grantIndex: 3, remainingTtlSeconds: 40 }]);
    // Nothing is applied yet, and may be at any time.
    lessor.renew(7n, 21_000);
    const first = lessor.clearing(7n);
    assert.deepEqual(first?.item, { id: 7n, grantIndex: 3, remainingTtlSeconds: 0 });
    assert.equal(lessor.checkpoints(40_000, INTERVAL_MS).items[0]?.remainingTtlSeconds, 41);
    lessor.cleared(first);
    lessor.renew(7n, 42_000);
    const second = lessor.clearing(7n);
    assert.ok(second !== undefined);
    lessor.cleared(second);
    assert.equal(lessor.clearing(7n), undefined);
  });

  it('are known to the next leader, which begins with them, and after a restart', () => {
    const buffer = new MemoryRows();
    const old = newLessor(buffer);
    old.grant(7n, 60, 3);
    old.checkpoint({ id: 7n, grantIndex: 3, remainingTtlSeconds: 12 });
    const lessor = newLessor(buffer);
    lessor.promote(1000, 500);
    assert.equal(lessor.timeToLive(7n, 1000)?.remainingMs, 12_500);
    assert.equal(lessor.renew(7n, 1000), 60);
    const clearing = lessor.clearing(7n);
    assert.ok(clearing !== undefined);
    lessor.checkpoint(clearing.item);
    lessor.cleared(clearing);
    const third = newLessor(buffer);
    third.promote(2000, 500);
    assert.equal(third.timeToLive(7n, 2000)?.remainingMs, 60_500);
    assert.equal(third.clearing(7n), undefined);
  });

  it('are made for long leases that were not renewed lately, and never promise less than is left', () => {
    const lessor = newLessor();
    lessor.promote(0, 0);
    lessor.grant(1n, 10, 1);
    lessor.grant(2n, 60, 1);
    lessor.grant(3n, 60, 1);
    lessor.grant(4n, 11, 1);
    lessor.due(0, 9);
    lessor.renew(3n, 9000);
    const { items, isRoundOver } = lessor.checkpoints(18_501, INTERVAL_MS);
    assert.deepEqual(items, [{ id: 2n, grantIndex: 1, remainingTtlSeconds: 42 }]);
    assert.equal(isRoundOver, true);
    lessor.checkpoint({ id: 2n, grantIndex: 1, remainingTtlSeconds: 42 });
    assert.deepEqual(lessor.checkpoints(18_600, INTERVAL_MS).items, []);
  });

  it('are made a few at a time, while leases come and go', () => {
    const lessor = newLessor();
    lessor.promote(0, 0);
    const count = LIMITS.leaseCheckpointBatch + 10;
    for (let id = 1; id <= count; id++) lessor.grant(BigInt(id), 60, 1);
    lessor.due(0, 1);
    const first = lessor.checkpoints(20_000, INTERVAL_MS);
    assert.equal(first.items.length, LIMITS.leaseCheckpointBatch);
    assert.equal(first.isRoundOver, false);
    lessor.revoke(BigInt(count));
    const second = lessor.checkpoints(20_500, INTERVAL_MS);
    assert.equal(second.items.length, 9);
    assert.equal(second.isRoundOver, true);
  });

  it('of an earlier leadership are its successor’s to know', () => {
    const lessor = newLessor();
    lessor.promote(0, 0);
    lessor.grant(7n, 60, 3);
    lessor.due(0, 1);
    lessor.checkpoints(20_000, INTERVAL_MS);
    lessor.demote();
    // It was refused, for the term had ended: this leader has applied all, and it is not there.
    lessor.promote(30_000, 0);
    lessor.renew(7n, 30_000);
    assert.equal(lessor.clearing(7n), undefined);
  });
});
