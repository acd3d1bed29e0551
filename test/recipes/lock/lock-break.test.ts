// Proves that an administrator can take a lock away, that it takes one transaction and touches that
// one entry, and that whoever had it learns by whom and why, and otherwise what else ended it.
import assert from 'node:assert/strict';
import { TIMING } from '../../../src/recipes/base/timing.js';
import { isCoordinationError, type LossCause } from '../../../src/recipes/errors.js';
import type { HeldLock } from '../../../src/recipes/lock/held-lock.js';
import type { ModelCall } from '../../../src/simulation/model/model-store.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const WHY = { by: 'ops', reason: 'host a does not answer' };

describe('breaking a lock', () => {
  let world: World;
  let a: Client;
  let b: Client;
  let admin: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
    admin = world.client('admin');
  });

  const causesOf = (held: HeldLock): LossCause[] => {
    const causes: LossCause[] = [];
    held.lost$.subscribe((cause) => causes.push(cause));
    return causes;
  };

  it('tells the holder who did it and why, and hands over to the next', async () => {
    const held = await world.run(a.coord.lock('jobs').acquire());
    const next = peek(b.coord.lock('jobs').acquire());
    await world.settle();
    const causes = causesOf(held);
    const before = admin.store.calls.length;
    const broken = await world.run(admin.coord.lock('jobs').break(WHY));
    assert.equal(broken?.key, held.key);
    assert.equal(admin.store.calls.length - before, 2);
    await world.advance(TIMING.holdUnwatchedMs);
    assert.ok(held.signal.aborted);
    assert.deepEqual(causes, [{ kind: 'broken', key: held.key, ...WHY }]);
    await assert.rejects(world.run(held.release()), (error) => {
      assert.ok(isCoordinationError(error, 'LockLost'));
      assert.match(error.message, /broken by ops: host a does not answer/);
      // The code alone says that there is a cause.
      return error.loss.kind === 'broken';
    });
    (await world.run(next.promise)).assertHeld();
  });

  it('fires the signal before anybody has answered why', async () => {
    const held = await world.run(a.coord.lock('jobs').acquire());
    await world.advance(TIMING.holdUnwatchedMs);
    const causes = causesOf(held);
    a.store.loseRequest((call) => {
      const isQuestion = call.name === 'range' || call.name === 'lease-time-to-live';
      if (isQuestion) assert.ok(held.signal.aborted, 'asked before the signal was aborted');
      return false;
    });
    a.store.hold();
    await world.run(admin.coord.lock('jobs').break(WHY));
    assert.equal(held.signal.aborted, false, 'nothing has arrived yet');
    a.store.release();
    await world.settle();
    assert.equal(causes.length, 1);
  });

  it('says no more than is certain when nobody answers why', async () => {
    const held = await world.run(a.coord.lock('jobs').acquire());
    const causes = causesOf(held);
    const isQuestion = (call: ModelCall): boolean => call.name === 'lease-time-to-live';
    a.store.loseResponse(isQuestion);
    world.server.run(() => ({ gone: world.server.kv.delete({ key: held.key }) }));
    await world.advance(TIMING.holdUnwatchedMs);
    assert.deepEqual(causes, [{ kind: 'deleted', key: held.key }]);
  });

  it('tells a revoked lease from a deleted key', async () => {
    const held = await world.run(a.coord.lock('jobs').acquire());
    const causes = causesOf(held);
    const [lease] = world.server.leaseIds;
    world.server.run(() => world.server.revoke(lease ?? 0n));
    await world.advance(TIMING.holdUnwatchedMs);
    assert.deepEqual(causes, [{ kind: 'revoked' }]);
  });

  it('reaches a waiter, and a waiter whose lease was revoked hears of that', async () => {
    const held = await world.run(a.coord.lock('jobs').acquire());
    const waiting = peek(b.coord.lock('jobs').acquire());
    await world.settle();
    const [entry] = await world.run(admin.coord.lock('jobs').waiters());
    assert.ok(entry !== undefined);
    assert.ok(await world.run(admin.coord.lock('jobs').break({ ...WHY, entry })));
    await world.settle();
    assert.ok(isCoordinationError(waiting.error, 'LockLost'));
    assert.equal(waiting.error.loss.kind, 'broken');
    held.assertHeld();

    const again = peek(b.coord.lock('jobs').acquire());
    await world.settle();
    const [, lease] = world.server.leaseIds;
    world.server.run(() => world.server.revoke(lease ?? 0n));
    await world.settle();
    assert.ok(isCoordinationError(again.error, 'SessionLost'), String(again.error));
  });

  it('touches nobody who came after the entry that was meant', async () => {
    const held = await world.run(a.coord.lock('jobs').acquire());
    const entry = await world.run(admin.coord.lock('jobs').holder());
    assert.ok(entry !== undefined);
    await world.run(held.release());
    const next = await world.run(b.coord.lock('jobs').acquire());
    assert.equal(await world.run(admin.coord.lock('jobs').break({ ...WHY, entry })), undefined);
    await world.advance(TTL_MS);
    next.assertHeld();
    assert.deepEqual(world.keys('jobs/@broken'), []);
  });

  it('recognises its own break when the answer was lost', async () => {
    const held = await world.run(a.coord.lock('jobs').acquire());
    const next = peek(b.coord.lock('jobs').acquire());
    await world.settle();
    admin.store.loseResponse((call) => call.name === 'txn');
    const broken = await world.run(admin.coord.lock('jobs').break(WHY));
    assert.equal(broken?.key, held.key);
    (await world.run(next.promise)).assertHeld();
  });

  it('wants to know by whom and why', async () => {
    for (const bad of [
      { by: '', reason: 'x' },
      { by: 'x', reason: '' },
    ]) {
      await assert.rejects(admin.coord.lock('jobs').break(bad), (error) => {
        return isCoordinationError(error, 'InvalidArgument');
      });
    }
    assert.equal(await world.run(admin.coord.lock('jobs').break(WHY)), undefined);
  });
});
