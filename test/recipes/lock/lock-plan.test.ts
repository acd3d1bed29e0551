// Proves that a lock shows itself as a whole at one revision, and that a handle can say why it
// waits, or would: who holds the lock since when, how many are ahead, and which rule is in the way.
import assert from 'node:assert/strict';
import type { WaitPlan } from '../../../src/recipes/base/wait-plan.js';
import type { Lock } from '../../../src/recipes/lock/lock.js';
import type { LockRule, LockStatus } from '../../../src/recipes/lock/lock-status.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

describe('what a lock shows', () => {
  let world: World;
  let a: Client;
  let b: Client;
  let c: Client;

  beforeEach(() => {
    world = new World();
    [a, b, c] = ['a', 'b', 'c'].map((name) => world.client(name)) as [Client, Client, Client];
  });

  const follow = (lock: Lock): WaitPlan<LockRule>[] => {
    const plans: WaitPlan<LockRule>[] = [];
    lock.plan$.subscribe((plan) => plans.push(plan));
    return plans;
  };

  it('why a handle waits, from before it asks until it holds', async () => {
    const lock = c.coord.lock('jobs');
    const plans = follow(lock);
    await world.settle();
    assert.equal(plans.at(-1)?.state, 'free');
    const held = await world.run(a.coord.lock('jobs').acquire());
    const second = peek(b.coord.lock('jobs').acquire());
    await world.settle();
    const stranger = plans.at(-1);
    assert.equal(stranger?.state, 'waiting');
    assert.equal(stranger.position, 2);
    const mine = peek(lock.acquire());
    await world.settle();
    const waiting = plans.at(-1);
    assert.equal(waiting?.state, 'waiting');
    assert.equal(waiting.rule, 'held');
    assert.equal(waiting.position, 2);
    assert.match(waiting.reason, /^held by a since \d\d:\d\d:\d\dZ, 1 ahead of you$/);
    assert.deepEqual(
      waiting.blockers.map(({ identity }) => identity),
      ['a', 'b'],
    );
    await world.run(held.release());
    await world.run((await world.run(second.promise)).release());
    const own = await world.run(mine.promise);
    await world.settle();
    assert.equal(plans.at(-1)?.state, 'held');
    await world.run(own.release());
    await world.settle();
    assert.equal(plans.at(-1)?.state, 'free');
  });

  it('a delay after a loss is a rule of its own', async () => {
    const held = await world.run(a.coord.lock('jobs').acquire({ delaySeconds: 20 }));
    const lock = c.coord.lock('jobs');
    const plans = follow(lock);
    void peek(lock.acquire());
    await world.settle();
    assert.equal(plans.at(-1)?.rule, 'held', "the delay of who holds is in nobody's way");
    await world.run(b.coord.lock('jobs').break({ by: 'ops', reason: 'test' }));
    await world.settle();
    const plan = plans.at(-1);
    assert.equal(plan?.rule, 'delay');
    assert.match(plan.reason, /^kept free after the loss of a since /);
    assert.equal(plan.blockers[0]?.identity, 'a');
    assert.ok(held.signal.aborted);
    await world.advance(30_000);
    assert.equal(plans.at(-1)?.state, 'held');
  });

  it('holder, waiters, delays and the last break, at one revision', async () => {
    const seen: LockStatus[] = [];
    b.coord.lock('jobs').status$.subscribe((status) => seen.push(status));
    await world.run(a.coord.lock('jobs').acquire({ metadata: { task: 'nightly' } }));
    void peek(c.coord.lock('jobs').acquire());
    await world.settle();
    const before = seen.at(-1);
    assert.equal(before?.holder?.identity, 'a');
    assert.deepEqual(before.holder.metadata, { task: 'nightly' });
    assert.deepEqual(
      before.waiters.map(({ identity, position }) => [identity, position]),
      [['c', 1]],
    );
    assert.equal(before.lastBroken, undefined);
    await world.run(b.coord.lock('jobs').break({ by: 'ops', reason: 'test' }));
    await world.settle();
    const after = seen.at(-1);
    assert.equal(after?.holder?.identity, 'c');
    assert.equal(after.lastBroken?.by, 'ops');
    assert.equal(after.revision, world.server.kv.revision);
    await world.close();
    assert.equal(b.store.watchCount, 0);
  });
});
