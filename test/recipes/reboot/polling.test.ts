// Proves what a machine gets that asks now and then and does not wait: an answer at once that names
// the rule, a place among those who poll for as long as it keeps asking, and no way past those who
// stand in line.
import assert from 'node:assert/strict';
import type { RebootGroup } from '../../../src/recipes/index.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

describe('polling for a reboot slot', () => {
  let world: World;
  let a: Client;
  let b: Client;
  let groupA: RebootGroup;
  let groupB: RebootGroup;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
    groupA = a.coord.reboots('workers');
    groupB = b.coord.reboots('workers');
  });

  it('answers at once, with the rule and the reason', async () => {
    const first = await world.run(groupA.tryAcquire({ node: 'n1' }));
    assert.ok(first.ok);
    const again = await world.run(groupB.tryAcquire({ node: 'n1' }));
    assert.deepEqual(again, first);
    const second = await world.run(groupB.tryAcquire({ node: 'n2' }));
    assert.ok(!second.ok);
    assert.deepEqual([second.rule, second.position], ['semaphore_full', 0]);
    assert.match(second.reason, /^1 of 1 slot is taken, by n1 since \S+Z$/);
    assert.deepEqual(world.keys('reboot/workers/poll/'), []);
    assert.deepEqual(world.keys('reboot/workers/want/'), []);
  });

  it('keeps the place of those who ask often enough, and no longer', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    const poll = async (node: string): Promise<number> => {
      const tried = await world.run(groupB.tryAcquire({ node, pollTtlSeconds: 60 }));
      return tried.ok ? -1 : tried.position;
    };
    assert.deepEqual([await poll('n2'), await poll('n3')], [0, 1]);
    await world.advance(50_000);
    assert.equal(await poll('n3'), 1);
    assert.equal(await poll('n2'), 0);
    const { queue } = await world.run(groupA.status());
    assert.deepEqual(
      queue.map(({ node, position, polls }) => `${position} ${node} ${polls}`),
      ['0 n2 true', '1 n3 true'],
    );
    await world.advance(50_000);
    assert.equal(await poll('n3'), 1);
    await world.advance(20_000);
    assert.deepEqual(world.keys('reboot/workers/poll/'), ['reboot/workers/poll/n3']);
    await world.run(groupA.release({ node: 'n1' }));
    assert.equal(await poll('n3'), -1);
    assert.deepEqual(world.keys('reboot/workers/poll/'), []);
  });

  it('does not pass by those who stand in line', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    const waiting = peek(groupB.acquire({ node: 'n2' }));
    await world.settle();
    b.store.hold();
    await world.run(groupA.release({ node: 'n1' }));
    const tried = await world.run(groupA.tryAcquire({ node: 'n3', pollTtlSeconds: 60 }));
    assert.ok(!tried.ok);
    assert.deepEqual([tried.rule, tried.position, tried.reason], ['behind', 1, 'n2 came first']);
    b.store.release();
    await world.run(waiting.promise);
  });

  it('may pass by others who poll, who are not there', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    await world.run(groupA.tryAcquire({ node: 'n2', pollTtlSeconds: 600 }));
    await world.run(groupA.release({ node: 'n1' }));
    assert.ok((await world.run(groupB.tryAcquire({ node: 'n3', pollTtlSeconds: 600 }))).ok);
  });

  it('and waiting are one wish', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    await world.run(groupA.tryAcquire({ node: 'n2', pollTtlSeconds: 600 }));
    const waiting = peek(groupB.acquire({ node: 'n2' }));
    await world.settle();
    await world.run(groupA.tryAcquire({ node: 'n2', pollTtlSeconds: 600 }));
    assert.deepEqual(world.keys('reboot/workers/poll/'), []);
    await world.run(groupA.release({ node: 'n1' }));
    await world.run(waiting.promise);
    assert.deepEqual(world.keys('reboot/workers/want/'), []);
  });

  it('survives the loss of the lease of its trace, and of every answer', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    const poll = (): Promise<unknown> =>
      world.run(groupB.tryAcquire({ node: 'n2', pollTtlSeconds: 60 }));
    for (let fatal = 1; fatal <= 4; fatal++) {
      let count = 0;
      b.store.loseResponse(() => ++count === fatal);
      await poll();
      assert.deepEqual(world.keys('reboot/workers/poll/'), ['reboot/workers/poll/n2']);
      for (const lease of world.server.leaseIds) world.server.run(() => world.server.revoke(lease));
      await poll();
      assert.deepEqual(world.keys('reboot/workers/poll/'), ['reboot/workers/poll/n2']);
      for (const lease of world.server.leaseIds) world.server.run(() => world.server.revoke(lease));
    }
  });

  it('refuses a time that makes no sense', async () => {
    for (const pollTtlSeconds of [0, -1, 1.5, 1e9]) {
      await assert.rejects(groupA.tryAcquire({ node: 'n1', pollTtlSeconds }), /pollTtlSeconds/);
    }
    await assert.rejects(groupA.tryAcquire({ node: 'n'.repeat(2000) }), /node is longer than/);
  });
});
