// Proves what the leader's clock over the leases does with time that did not pass normally: a stall
// of the process ends no lease, and what was due before it stays due.
import assert from 'node:assert/strict';
import type { Command } from '../../../src/kernel/codec/command.js';
import { Lessor } from '../../../src/kernel/lease/lessor.js';
import { LeaseKeeper } from '../../../src/kernel/replica/lease-keeper.js';
import { SimClock } from '../../../src/simulation/sim-clock.js';
import { isStoreError } from '../../../src/store/index.js';
import { MemoryRows } from '../lease/memory-rows.js';

class Fixture {
  readonly clock = new SimClock();
  readonly lessor = new Lessor({ buffer: new MemoryRows(), minTtlSeconds: 1 });
  readonly proposed: bigint[] = [];
  readonly keeper = new LeaseKeeper({
    lessor: this.lessor,
    clock: this.clock,
    extendMs: 1000,
    propose: (command: Command) => {
      if (command.kind === 'leaseExpire') this.proposed.push(...command.ids);
    },
  });

  constructor() {
    this.keeper.lead(1);
  }

  /** Time passes as it should, with a tick each 100 ms. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      await this.clock.advance(100);
      this.keeper.tick();
    }
  }
}

describe('the keeper of leases', () => {
  it('proposes a lease to expire after its time, and not before', async () => {
    const fixture = new Fixture();
    const { keeper, lessor, proposed } = fixture;
    lessor.grant(1n, 5);
    keeper.tick();
    await fixture.pass(4900);
    assert.equal(proposed.length, 0);
    await fixture.pass(700);
    assert.deepEqual(proposed, [1n]);
  });

  it('lets nobody pay for a stall of the process', async () => {
    const fixture = new Fixture();
    const { keeper, lessor, proposed, clock } = fixture;
    lessor.grant(1n, 5);
    lessor.grant(2n, 5);
    keeper.tick();
    await fixture.pass(2000);
    await clock.advance(60_000);
    keeper.tick();
    assert.equal(proposed.length, 0);
    // Its renewal waited to be read.
    assert.equal(lessor.renew(1n, clock.monotonic()), 5);
    await fixture.pass(2900);
    assert.equal(proposed.length, 0);
    await fixture.pass(700);
    assert.deepEqual(proposed, [2n]);
    await fixture.pass(3000);
    assert.ok(proposed.includes(1n));
  });

  it('saves nothing that was due before the stall', async () => {
    const fixture = new Fixture();
    const { keeper, lessor, proposed, clock } = fixture;
    lessor.grant(1n, 5);
    keeper.tick();
    await fixture.pass(6000);
    assert.deepEqual(proposed, [1n]);
    await clock.advance(60_000);
    keeper.tick();
    assert.throws(
      () => lessor.renew(1n, clock.monotonic()),
      (error) => isStoreError(error, 'LeaseNotFound'),
    );
    assert.deepEqual(proposed, [1n, 1n]);
  });
});
