// Proves what the state machine makes of a leader's word about leases: it counts in the leader's
// own term only, and only for the very grant that the leader spoke of, not for another one that has
// taken the id meanwhile.
import assert from 'node:assert/strict';
import { Applier } from '../../../src/kernel/apply/applier.js';
import type { Alarms } from '../../../src/kernel/apply/alarms.js';
import type { Members } from '../../../src/kernel/apply/members.js';
import type { Command } from '../../../src/kernel/codec/command.js';
import { decodeLeaseRow } from '../../../src/kernel/lease/lease-row.js';
import { Lessor } from '../../../src/kernel/lease/lessor.js';
import type { Mvcc } from '../../../src/kernel/mvcc/mvcc.js';
import { MemoryRows } from '../lease/memory-rows.js';

/** Leases without keys, for which no revision is made. */
class Machine {
  readonly rows = new MemoryRows();
  readonly lessor = new Lessor({ buffer: this.rows, minTtlSeconds: 1 });
  readonly #applier = new Applier({
    mvcc: { revision: 1 } as unknown as Mvcc,
    lessor: this.lessor,
    alarms: { isRaised: () => false } as unknown as Alarms,
    members: {} as unknown as Members,
    onRevision: () => undefined,
  });
  #index = 0;

  apply(command: Command, term = 1): ReturnType<Applier['apply']> {
    this.#index++;
    return this.#applier.apply(command, { term, index: this.#index });
  }

  get remaining(): readonly number[] {
    return [...this.rows.range('lease')].map(
      ({ key, value }) => decodeLeaseRow(key, value).remainingTtlSeconds,
    );
  }
}

const GRANT = { kind: 'leaseGrant', id: 7n, ttlSeconds: 60 } as const;
const REVOKE = { kind: 'leaseRevoke', id: 7n } as const;
const FIRST = { id: 7n, grantIndex: 1 };

describe('commands about leases', () => {
  it('expire what ran out by the clock of the leader of their term, and of no other', () => {
    const machine = new Machine();
    machine.apply(GRANT);
    const expire = { kind: 'leaseExpire', term: 1, leases: [FIRST] } as const;
    const late = machine.apply(expire, 2);
    assert.deepEqual(late, { kind: 'leaseExpire', revision: 1, expired: 0 });
    assert.equal(machine.lessor.has(7n), true);
    const now = machine.apply(expire, 1);
    assert.deepEqual(now, { kind: 'leaseExpire', revision: 1, expired: 1 });
    assert.equal(machine.lessor.has(7n), false);
    assert.equal(machine.rows.count, 0);
  });

  it('expire no lease that was granted again under the same id', () => {
    const machine = new Machine();
    machine.apply(GRANT);
    machine.apply(REVOKE);
    machine.apply(GRANT);
    machine.apply({ kind: 'leaseExpire', term: 1, leases: [FIRST] });
    assert.equal(machine.lessor.has(7n), true);
  });

  it('note what is left in the term of the leader that says so, and in no other', () => {
    const machine = new Machine();
    machine.apply(GRANT);
    const items = [{ ...FIRST, remainingTtlSeconds: 9 }];
    const late = machine.apply({ kind: 'leaseCheckpoint', term: 1, items }, 2);
    assert.deepEqual(late, { kind: 'leaseCheckpoint', revision: 1, isCurrent: false });
    assert.deepEqual(machine.remaining, [0]);
    const now = machine.apply({ kind: 'leaseCheckpoint', term: 1, items }, 1);
    assert.deepEqual(now, { kind: 'leaseCheckpoint', revision: 1, isCurrent: true });
    assert.deepEqual(machine.remaining, [9]);
    const clear = [{ ...FIRST, remainingTtlSeconds: 0 }];
    machine.apply({ kind: 'leaseCheckpoint', term: 2, items: clear }, 2);
    assert.deepEqual(machine.remaining, [0]);
  });

  it('note nothing for a lease that is gone, or was granted again, and never more than its TTL', () => {
    const machine = new Machine();
    machine.apply(GRANT);
    machine.apply(REVOKE);
    const items = [{ ...FIRST, remainingTtlSeconds: 9 }];
    machine.apply({ kind: 'leaseCheckpoint', term: 1, items });
    assert.equal(machine.rows.count, 0);
    machine.apply(GRANT);
    machine.apply({ kind: 'leaseCheckpoint', term: 1, items });
    assert.deepEqual(machine.remaining, [0]);
    const long = [{ id: 7n, grantIndex: 4, remainingTtlSeconds: 600 }];
    machine.apply({ kind: 'leaseCheckpoint', term: 1, items: long });
    assert.deepEqual(machine.remaining, [60]);
  });
});
