// Proves E1 to E3 of the lessor: through any sequence of grants, revokes, attachments, renewals,
// changes of leader and restarts, a key is attached to the lease that it was put with last, a
// revoke returns exactly the keys of its lease, no lease is due before its whole time has passed
// since it was last promised, and every lease becomes due soon after.
import assert from 'node:assert/strict';
import { Lessor } from '../../../src/kernel/lease/lessor.js';
import type { SimRandom } from '../../../src/simulation/sim-random.js';
import { isStoreError, LIMITS, toBytes, toText } from '../../../src/store/index.js';
import { forSeeds } from '../watch/seeds.js';
import { MemoryRows } from './memory-rows.js';

const KEYS = ['a', 'b', 'c', 'd', 'ä', 'f'];
const TICK_MS = 300;

interface ModelLease {
  readonly ttlMs: number;
  /** Not before: the last promise plus the TTL. */
  earliestMs: number;
  /** The latest time at which the lessor was told of it. */
  latestMs: number;
  handedOutMs: number;
}

class World {
  readonly #random: SimRandom;
  readonly #buffer = new MemoryRows();
  #lessor = new Lessor({ buffer: this.#buffer, minTtlSeconds: 1 });
  readonly #leases = new Map<bigint, ModelLease>();
  readonly #leaseOfKey = new Map<string, bigint>();
  #nowMs = 0;
  #leading = false;
  expiredCount = 0;

  constructor(random: SimRandom) {
    this.#random = random;
  }

  step(): void {
    const dice = this.#random.below(100);
    if (dice < 15) this.#grant();
    else if (dice < 22) this.#revoke(this.#someId());
    else if (dice < 45) this.#put();
    else if (dice < 50) this.#delete();
    else if (dice < 70) this.#renew();
    else if (dice < 95) this.#tick();
    else if (dice < 98) this.#perhapsPromote();
    else if (this.#random.below(8) === 0) this.#restart();
    else if (this.#random.below(4) === 0) this.#demote();
    this.#check();
  }

  #someId(): bigint {
    return BigInt(1 + this.#random.below(8));
  }

  #grant(): void {
    const id = this.#someId();
    const ttlSeconds = 1 + this.#random.below(4);
    if (this.#leases.has(id)) {
      assert.throws(
        () => this.#lessor.grant(id, ttlSeconds, 1),
        (e) => isStoreError(e, 'LeaseExists'),
      );
      return;
    }
    this.#lessor.grant(id, ttlSeconds, 1);
    const ttlMs = ttlSeconds * 1000;
    const earliestMs = this.#nowMs + ttlMs;
    this.#leases.set(id, {
      ttlMs,
      earliestMs,
      latestMs: this.#leading ? earliestMs + TICK_MS : Infinity,
      handedOutMs: -Infinity,
    });
  }

  #revoke(id: bigint): void {
    if (!this.#leases.delete(id)) {
      assert.throws(
        () => this.#lessor.revoke(id),
        (e) => isStoreError(e, 'LeaseNotFound'),
      );
      return;
    }
    const expected = this.#keysOf(id);
    assert.deepEqual(this.#lessor.revoke(id).map(toText), expected);
    for (const key of expected) this.#leaseOfKey.delete(key);
  }

  /** A put as the applier makes it: it may say detach first, or leave it to attach. */
  #put(): void {
    const key = KEYS[this.#random.below(KEYS.length)] as string;
    const before = this.#leaseOfKey.get(key);
    const id = this.#random.below(4) === 0 ? 0n : this.#someId();
    if (id === 0n) {
      if (before !== undefined) this.#lessor.detach(toBytes(key), before);
      this.#leaseOfKey.delete(key);
    } else if (this.#leases.has(id)) {
      const detachFirst = before !== undefined && this.#random.below(2) === 0;
      if (detachFirst) this.#lessor.detach(toBytes(key), before);
      this.#lessor.attach(toBytes(key), id);
      this.#leaseOfKey.set(key, id);
    } else {
      assert.throws(
        () => this.#lessor.attach(toBytes(key), id),
        (e) => isStoreError(e, 'LeaseNotFound'),
      );
    }
  }

  #delete(): void {
    const key = KEYS[this.#random.below(KEYS.length)] as string;
    const id = this.#leaseOfKey.get(key) ?? this.#someId();
    this.#lessor.detach(toBytes(key), id);
    if (this.#leaseOfKey.get(key) === id) this.#leaseOfKey.delete(key);
  }

  #renew(): void {
    const id = this.#someId();
    const lease = this.#leases.get(id);
    try {
      assert.equal(this.#lessor.renew(id, this.#nowMs), (lease?.ttlMs ?? 0) / 1000);
      assert.ok(this.#leading && lease !== undefined);
      assert.ok(lease.handedOutMs === -Infinity, 'renewed after it was handed out');
      assert.ok(this.#nowMs < lease.latestMs);
      lease.earliestMs = Math.max(lease.earliestMs, this.#nowMs + lease.ttlMs);
      lease.latestMs = Math.max(lease.latestMs, lease.earliestMs);
    } catch (error) {
      if (!this.#leading) assert.ok(isStoreError(error, 'NotLeader'), String(error));
      else {
        assert.ok(isStoreError(error, 'LeaseNotFound'), String(error));
        assert.ok(lease === undefined || this.#nowMs >= lease.earliestMs, 'refused too early');
      }
    }
  }

  #tick(): void {
    this.#nowMs += this.#random.below(TICK_MS);
    const limit = 1 + this.#random.below(8);
    const due = this.#lessor.due(this.#nowMs, limit);
    assert.ok(due.length <= limit);
    for (const { id } of due) {
      const lease = this.#leases.get(id);
      assert.ok(lease !== undefined && this.#leading);
      assert.ok(this.#nowMs >= lease.earliestMs, 'due before its time');
      assert.ok(this.#nowMs - lease.handedOutMs >= LIMITS.leaseExpiryRetryMs, 'handed out again');
      lease.handedOutMs = this.#nowMs;
      this.expiredCount++;
      if (this.#random.below(3) > 0) this.#revoke(id);
    }
    if (!this.#leading || due.length === limit) return;
    for (const lease of this.#leases.values()) {
      if (lease.handedOutMs === -Infinity)
        assert.ok(this.#nowMs < lease.latestMs, 'not due in time');
    }
  }

  #perhapsPromote(): void {
    if (!this.#leading || this.#random.below(8) === 0) this.#promote();
  }

  #promote(): void {
    const extendMs = this.#random.below(500);
    this.#lessor.promote(this.#nowMs, extendMs);
    const wasLeading = this.#leading;
    this.#leading = true;
    for (const lease of this.#leases.values()) {
      lease.earliestMs = Math.max(lease.earliestMs, this.#nowMs + lease.ttlMs + extendMs);
      const latestMs = wasLeading ? lease.latestMs : 0;
      lease.latestMs = Math.max(latestMs, lease.earliestMs);
      lease.handedOutMs = -Infinity;
    }
  }

  #demote(): void {
    this.#lessor.demote();
    this.#leading = false;
    // What the former leader promised is its successor's to keep: it does by starting anew.
    for (const lease of this.#leases.values()) lease.latestMs = Infinity;
  }

  #restart(): void {
    this.#lessor = new Lessor({ buffer: this.#buffer, minTtlSeconds: 1 });
    this.#lessor.restore();
    for (const [key, id] of this.#leaseOfKey) this.#lessor.restoreAttachment(toBytes(key), id);
    this.#demote();
  }

  #keysOf(id: bigint): string[] {
    const keys = KEYS.filter((key) => this.#leaseOfKey.get(key) === id);
    return keys.sort((a, b) => Buffer.compare(toBytes(a), toBytes(b)));
  }

  #check(): void {
    assert.equal(this.#lessor.count, this.#leases.size);
    assert.deepEqual(
      this.#lessor.ids(),
      [...this.#leases.keys()].sort((a, b) => Number(a - b)),
    );
    for (const id of this.#leases.keys()) {
      assert.deepEqual(this.#lessor.keys(id).map(toText), this.#keysOf(id));
    }
  }
}

describe('Lessor against its model', () => {
  it('keeps leases, keys and time right', () => {
    let expiredCount = 0;
    forSeeds(60, (random) => {
      const world = new World(random);
      for (let step = 0; step < 600; step++) world.step();
      expiredCount += world.expiredCount;
    });
    if (process.env['TIDELOCK_SEED'] === undefined)
      assert.ok(expiredCount > 500, `${expiredCount}`);
  });
});
