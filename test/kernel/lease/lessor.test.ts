// Proves, one by one, what the applier and the leader rely on: what a grant and a revoke do, that a
// key has one lease, that time counts only while this member leads and never runs short, and that
// leases survive a restart. The random test beside this one goes through all of it in any order.
import assert from 'node:assert/strict';
import { encodeLeaseKey, encodeLeaseRow } from '../../../src/kernel/lease/lease-row.js';
import { Lessor } from '../../../src/kernel/lease/lessor.js';
import {
  isStoreError,
  LIMITS,
  type StoreErrorCode,
  toBytes,
  toText,
} from '../../../src/store/index.js';
import { MemoryRows } from './memory-rows.js';

const A = toBytes('a');
const B = toBytes('b');

function newLessor(buffer = new MemoryRows()): { lessor: Lessor; buffer: MemoryRows } {
  return { lessor: new Lessor({ buffer, minTtlSeconds: 2 }), buffer };
}

function refuses(code: StoreErrorCode, call: () => unknown): void {
  assert.throws(call, (error) => isStoreError(error, code));
}

function dueOf(lessor: Lessor, nowMs: number, limit: number): readonly bigint[] {
  return lessor.due(nowMs, limit).map(({ id }) => id);
}

function texts(keys: readonly Uint8Array[]): string[] {
  return keys.map(toText);
}

describe('Lessor: leases of many keys', () => {
  it('sorts them for those alone who want to see them', () => {
    const { lessor } = newLessor();
    lessor.grant(7n, 100, 1);
    for (let at = 0; at < 20_000; at++) lessor.attach(toBytes(`${at % 777}/${at}`), 7n);
    lessor.promote(0, 0);
    const start = process.cpuUsage();
    for (let ask = 0; ask < 1000; ask++) {
      assert.equal(lessor.timeToLive(7n, ask)?.grantedTtlSeconds, 100);
    }
    // Sorted each time they took 30 s.
    assert.ok(process.cpuUsage(start).user < 1_000_000);
    assert.equal(lessor.timeToLive(7n, 0)?.keys.length, 20_000);
  });
});

describe('Lessor: what the log says', () => {
  it('raises a TTL before it is proposed, and grants what was proposed', () => {
    const { lessor } = newLessor();
    assert.equal(lessor.raiseTtl(1), 2);
    assert.equal(lessor.raiseTtl(-4), 2);
    assert.equal(lessor.raiseTtl(3), 3);
    assert.deepEqual(lessor.grant(7n, 1, 1), { id: 7n, ttlSeconds: 1 });
    assert.deepEqual(lessor.grant(8n, 0, 1), { id: 8n, ttlSeconds: 1 });
    assert.equal(lessor.count, 2);
  });

  it('refuses a TTL that is too large, an id that is taken, and id 0', () => {
    const { lessor, buffer } = newLessor();
    refuses('LeaseTtlTooLarge', () => lessor.grant(7n, LIMITS.leaseTtlMaxSeconds + 1, 1));
    lessor.grant(7n, LIMITS.leaseTtlMaxSeconds, 1);
    refuses('LeaseExists', () => lessor.grant(7n, 5, 1));
    refuses('LeaseNotFound', () => lessor.grant(0n, 5, 1));
    assert.equal(buffer.count, 1);
  });

  it('revokes with all keys in byte order, once', () => {
    const { lessor, buffer } = newLessor();
    lessor.grant(7n, 5, 1);
    for (const key of ['b', 'a', 'ab', 'b']) lessor.attach(toBytes(key), 7n);
    lessor.attach(Uint8Array.of(0xff), 7n);
    lessor.attach(Uint8Array.of(0x80), 7n);
    const keys = lessor.revoke(7n);
    assert.deepEqual(keys.slice(0, 3).map(toText), ['a', 'ab', 'b']);
    assert.deepEqual(keys.slice(3), [Uint8Array.of(0x80), Uint8Array.of(0xff)]);
    refuses('LeaseNotFound', () => lessor.revoke(7n));
    refuses('LeaseNotFound', () => lessor.attach(A, 7n));
    assert.equal(lessor.has(7n), false);
    assert.equal(buffer.count, 0);
    lessor.detach(A, 7n);
  });

  it('keeps a key at its newest lease only', () => {
    const { lessor } = newLessor();
    lessor.grant(7n, 5, 1);
    lessor.grant(8n, 5, 1);
    lessor.attach(A, 7n);
    lessor.attach(B, 7n);
    lessor.attach(A, 8n);
    assert.deepEqual(texts(lessor.keys(7n)), ['b']);
    lessor.detach(A, 7n);
    assert.deepEqual(texts(lessor.revoke(8n)), ['a']);
    lessor.detach(B, 7n);
    assert.deepEqual(lessor.revoke(7n), []);
  });

  it('does not give a key of a revoked lease to a later one', () => {
    const { lessor } = newLessor();
    lessor.grant(7n, 5, 1);
    lessor.attach(A, 7n);
    lessor.revoke(7n);
    lessor.grant(7n, 5, 1);
    lessor.attach(A, 7n);
    assert.deepEqual(texts(lessor.keys(7n)), ['a']);
  });

  it('lists ids in order', () => {
    const { lessor } = newLessor();
    for (const id of [9n, 2n ** 62n, 3n]) lessor.grant(id, 5, 1);
    assert.deepEqual(lessor.ids(), [3n, 9n, 2n ** 62n]);
  });
});

describe('Lessor: the leader’s clock', () => {
  it('counts for nobody but the leader', () => {
    const { lessor } = newLessor();
    lessor.grant(7n, 5, 1);
    assert.deepEqual(dueOf(lessor, 1e12, 10), []);
    refuses('NotLeader', () => lessor.renew(7n, 0));
    refuses('NotLeader', () => lessor.timeToLive(7n, 0));
    lessor.promote(0, 0);
    lessor.demote();
    assert.deepEqual(dueOf(lessor, 1e12, 10), []);
    refuses('NotLeader', () => lessor.renew(7n, 0));
  });

  it('starts with the first time that is told after the grant', () => {
    const { lessor } = newLessor();
    lessor.promote(1000, 0);
    lessor.grant(7n, 5, 1);
    assert.deepEqual(dueOf(lessor, 9000, 10), []);
    assert.deepEqual(dueOf(lessor, 13_999, 10), []);
    assert.equal(lessor.timeToLive(7n, 13_999)?.remainingMs, 1);
    assert.deepEqual(dueOf(lessor, 14_000, 10), [7n]);
  });

  it('does not date a lease that was revoked at once', () => {
    const { lessor } = newLessor();
    lessor.promote(0, 0);
    lessor.grant(7n, 5, 1);
    lessor.revoke(7n);
    assert.deepEqual(dueOf(lessor, 0, 10), []);
    assert.deepEqual(dueOf(lessor, 1e9, 10), []);
  });

  it('gives every lease its whole time, and more, under a new leader', () => {
    const { lessor } = newLessor();
    lessor.grant(7n, 5, 1);
    lessor.promote(1000, 1500);
    assert.equal(lessor.timeToLive(7n, 1000)?.remainingMs, 6500);
    assert.deepEqual(dueOf(lessor, 7499, 10), []);
    lessor.demote();
    lessor.promote(8000, 0);
    assert.deepEqual(dueOf(lessor, 12_999, 10), []);
    assert.deepEqual(dueOf(lessor, 13_000, 10), [7n]);
  });

  it('never shortens a lease that it promotes twice', () => {
    const { lessor } = newLessor();
    lessor.grant(7n, 5, 1);
    lessor.promote(0, 2000);
    lessor.promote(1000, 0);
    assert.equal(lessor.timeToLive(7n, 1000)?.remainingMs, 6000);
    assert.deepEqual(dueOf(lessor, 6999, 10), []);
  });

  it('renews from now, and never to an earlier end', () => {
    const { lessor } = newLessor();
    lessor.grant(7n, 5, 1);
    lessor.promote(0, 2000);
    assert.equal(lessor.renew(7n, 1000), 5);
    assert.equal(lessor.timeToLive(7n, 1000)?.remainingMs, 6000);
    lessor.renew(7n, 6000);
    assert.deepEqual(dueOf(lessor, 10_999, 10), []);
    assert.deepEqual(dueOf(lessor, 11_000, 10), [7n]);
  });

  it('does not renew what is due, even while its expiry is still on the way', () => {
    const { lessor } = newLessor();
    lessor.grant(7n, 5, 1);
    lessor.promote(0, 0);
    refuses('LeaseNotFound', () => lessor.renew(7n, 5000));
    assert.deepEqual(dueOf(lessor, 5000, 10), [7n]);
    refuses('LeaseNotFound', () => lessor.renew(7n, 5001));
    refuses('LeaseNotFound', () => lessor.renew(8n, 0));
    assert.equal(lessor.timeToLive(7n, 6000)?.remainingMs, 0);
  });

  it('hands out the longest overdue first, as many as are wanted, and again only after a while', () => {
    const { lessor } = newLessor();
    for (const [id, ttl] of [
      [1n, 9],
      [2n, 3],
      [3n, 6],
    ] as const)
      lessor.grant(id, ttl, 1);
    lessor.promote(0, 0);
    assert.deepEqual(dueOf(lessor, 10_000, 2), [2n, 3n]);
    assert.deepEqual(dueOf(lessor, 10_000, 2), [1n]);
    assert.deepEqual(dueOf(lessor, 10_000 + LIMITS.leaseExpiryRetryMs - 1, 9), []);
    lessor.revoke(3n);
    const again = dueOf(lessor, 10_000 + LIMITS.leaseExpiryRetryMs, 9);
    assert.deepEqual(new Set(again), new Set([1n, 2n]));
  });

  it('tells what is left, with the keys', () => {
    const { lessor } = newLessor();
    lessor.grant(7n, 5, 1);
    lessor.attach(B, 7n);
    lessor.attach(A, 7n);
    lessor.promote(0, 0);
    assert.deepEqual(lessor.timeToLive(7n, 1500), {
      grantedTtlSeconds: 5,
      remainingMs: 3500,
      keys: [A, B],
    });
    assert.equal(lessor.timeToLive(8n, 0), undefined);
  });
});

describe('Lessor: restart', () => {
  it('brings back leases and attachments, and counts no time before it leads', () => {
    const { lessor, buffer } = newLessor();
    lessor.promote(0, 0);
    lessor.grant(7n, 5, 1);
    lessor.grant(8n, 60, 1);
    lessor.grant(9n, 60, 1);
    lessor.revoke(9n);
    const again = newLessor(buffer).lessor;
    again.restore();
    again.restoreAttachment(A, 8n);
    assert.deepEqual(again.ids(), [7n, 8n]);
    assert.equal(again.leading, false);
    assert.deepEqual(texts(again.keys(8n)), ['a']);
    again.promote(100, 0);
    assert.equal(again.timeToLive(8n, 100)?.grantedTtlSeconds, 60);
    assert.deepEqual(dueOf(again, 5100, 10), [7n]);
  });

  it('replaces what was there, as after a snapshot', () => {
    const { lessor, buffer } = newLessor();
    lessor.grant(7n, 5, 1);
    lessor.attach(A, 7n);
    lessor.promote(0, 0);
    buffer.remove('lease', encodeLeaseKey(7n));
    buffer.put(
      'lease',
      encodeLeaseKey(8n),
      encodeLeaseRow({ id: 8n, ttlSeconds: 4, remainingTtlSeconds: 0, grantIndex: 1 }),
    );
    lessor.restore();
    assert.deepEqual(lessor.ids(), [8n]);
    assert.equal(lessor.leading, false);
    lessor.restoreAttachment(A, 8n);
    assert.deepEqual(texts(lessor.revoke(8n)), ['a']);
  });

  it('gives a checkpointed lease what was left of it', () => {
    const { lessor, buffer } = newLessor();
    buffer.put(
      'lease',
      encodeLeaseKey(8n),
      encodeLeaseRow({ id: 8n, ttlSeconds: 60, remainingTtlSeconds: 9, grantIndex: 1 }),
    );
    lessor.restore();
    for (const nowMs of [0, 1000]) {
      lessor.promote(nowMs, 0);
      assert.equal(lessor.timeToLive(8n, nowMs)?.remainingMs, 9000);
      lessor.demote();
    }
  });

  it('refuses rows that are damaged and attachments to nothing', () => {
    const { lessor, buffer } = newLessor();
    assert.throws(() => lessor.restoreAttachment(A, 255n), /lease ff, which does not exist/);
    buffer.put('lease', encodeLeaseKey(8n), Uint8Array.of(1, 2, 3));
    assert.throws(() => lessor.restore(), /lease row 0000000000000008: 3 bytes are too few/);
  });
});
