// Proves what the leader's clock over the leases does with time that did not pass normally (a stall
// of the process ends no lease, and what was due before it stays due), that a leader counts only
// when it knows all that its predecessors did and ends nothing before a quorum has confirmed it,
// and when it notes what is left of long leases.
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
  readonly commands: Command[] = [];
  appliedTerm = 1;
  /** What a quorum says; undefined for a leader that needs none. */
  confirmation: Promise<void> | undefined;
  confirmCount = 0;
  readonly keeper = new LeaseKeeper({
    lessor: this.lessor,
    clock: this.clock,
    extendMs: 1000,
    checkpointMs: 20_000,
    appliedTerm: () => this.appliedTerm,
    confirm: () => {
      this.confirmCount++;
      return this.confirmation;
    },
    propose: (command: Command) => {
      this.commands.push(command);
      if (command.kind !== 'leaseExpire') return;
      this.proposed.push(...command.leases.map(({ id }) => id));
    },
  });

  constructor() {
    this.keeper.lead(1);
    this.keeper.tick();
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
    lessor.grant(1n, 5, 1);
    keeper.tick();
    await fixture.pass(4900);
    assert.equal(proposed.length, 0);
    await fixture.pass(700);
    assert.deepEqual(proposed, [1n]);
  });

  it('lets nobody pay for a stall of the process', async () => {
    const fixture = new Fixture();
    const { keeper, lessor, proposed, clock } = fixture;
    lessor.grant(1n, 5, 1);
    lessor.grant(2n, 5, 1);
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
    lessor.grant(1n, 5, 1);
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

describe('the keeper of leases and its leadership', () => {
  it('counts from when all of its predecessors is applied, and knows their last word', async () => {
    const fixture = new Fixture();
    const { keeper, lessor, clock } = fixture;
    lessor.grant(1n, 60, 1);
    lessor.checkpoint({ id: 1n, grantIndex: 1, remainingTtlSeconds: 7 });
    keeper.lead(2);
    keeper.tick();
    assert.equal(keeper.now(), undefined);
    assert.equal(lessor.leading, false);
    // The predecessor took its checkpoint back, and that is applied only now.
    await clock.advance(300);
    lessor.checkpoint({ id: 1n, grantIndex: 1, remainingTtlSeconds: 0 });
    fixture.appliedTerm = 2;
    keeper.tick();
    assert.equal(lessor.timeToLive(1n, clock.monotonic())?.remainingMs, 61_000);
  });

  it('expires nothing before a quorum has confirmed it, and asks once at a time', async () => {
    const fixture = new Fixture();
    const { keeper, lessor, proposed } = fixture;
    let confirm: () => void = () => undefined;
    fixture.confirmation = new Promise((resolve) => {
      confirm = resolve;
    });
    lessor.grant(1n, 5, 1);
    keeper.tick();
    await fixture.pass(9000);
    assert.deepEqual(proposed, []);
    assert.equal(fixture.confirmCount, 1);
    confirm();
    await fixture.pass(0);
    await Promise.resolve();
    assert.deepEqual(proposed, [1n]);
  });

  it('does nothing with a confirmation that comes too late, and asks again after a refusal', async () => {
    const fixture = new Fixture();
    const { keeper, lessor, proposed } = fixture;
    let confirm: () => void = () => undefined;
    let refuse: (error: Error) => void = () => undefined;
    fixture.confirmation = new Promise((_resolve, reject) => {
      refuse = reject;
    });
    lessor.grant(1n, 5, 1);
    keeper.tick();
    await fixture.pass(6000);
    refuse(new Error('nobody was heard'));
    fixture.confirmation = new Promise((resolve) => {
      confirm = resolve;
    });
    await fixture.pass(1000);
    assert.equal(fixture.confirmCount, 2);
    keeper.lead(undefined);
    confirm();
    await fixture.pass(5000);
    assert.deepEqual(proposed, []);
    assert.equal(fixture.confirmCount, 2);
  });

  it('renewals that were heard while it waited for the quorum count', async () => {
    const fixture = new Fixture();
    const { keeper, lessor, proposed, clock } = fixture;
    let confirm: () => void = () => undefined;
    fixture.confirmation = new Promise((resolve) => {
      confirm = resolve;
    });
    lessor.grant(1n, 5, 1);
    lessor.grant(2n, 6, 1);
    keeper.tick();
    await fixture.pass(5900);
    assert.equal(fixture.confirmCount, 1);
    lessor.renew(2n, clock.monotonic());
    await fixture.pass(500);
    confirm();
    await fixture.pass(0);
    await Promise.resolve();
    assert.deepEqual(proposed, [1n]);
  });
});

describe('the keeper of leases and its checkpoints', () => {
  it('notes what is left of leases that are longer than the interval and were not renewed', async () => {
    const fixture = new Fixture();
    const { keeper, lessor, clock, commands } = fixture;
    lessor.grant(1n, 100, 11);
    lessor.grant(2n, 20, 12);
    lessor.grant(3n, 100, 13);
    keeper.tick();
    await fixture.pass(15_000);
    for (const id of [2n, 3n]) lessor.renew(id, clock.monotonic());
    await fixture.pass(14_000);
    assert.equal(commands.length, 0);
    for (const id of [2n, 3n]) lessor.renew(id, clock.monotonic());
    await fixture.pass(12_000);
    const [command] = commands;
    assert.equal(commands.length, 1);
    assert.ok(command?.kind === 'leaseCheckpoint');
    assert.equal(command.term, 1);
    assert.deepEqual(
      command.items.map(({ id, grantIndex }) => [id, grantIndex]),
      [[1n, 11]],
    );
    const { remainingMs } = lessor.timeToLive(1n, clock.monotonic()) ?? { remainingMs: 0 };
    const noted = command.items[0]?.remainingTtlSeconds ?? 0;
    assert.ok(noted * 1000 >= remainingMs && noted < 62, `${noted} s of ${remainingMs} ms`);
  });
});
