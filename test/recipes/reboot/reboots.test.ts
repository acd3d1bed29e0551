// Proves that no more slots are granted than the policy allows at that moment, that slots outlive
// their agents, that asking and releasing twice is harmless, and that the line is fair.
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { RebootStatus } from '../../../src/recipes/reboot/reboot-status.js';
import type { RebootGroup } from '../../../src/recipes/reboot/reboots.js';
import type { ModelCall } from '../../../src/simulation/model/model-store.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);
const grants = (call: ModelCall): boolean => {
  const request = call.request as { success?: { kind: string; key: string }[] };
  const first = request.success?.[0];
  return call.name === 'txn' && first?.kind === 'put' && first.key.includes('/slot/');
};

describe('RebootGroup', () => {
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

  it('grants a free slot in one read and one write, without a lease', async () => {
    const held = await world.run(groupA.acquire({ node: 'n1', reason: 'kernel', bootId: 'x' }));
    assert.equal(a.store.callCount('txn'), 2);
    assert.deepEqual(world.server.leaseIds, []);
    assert.equal(held.node, 'n1');
    const status = await world.run(groupB.status());
    assert.deepEqual(status.holders, [held]);
    assert.equal(held.reason, 'kernel');
    assert.equal(held.bootId, 'x');
    assert.equal(held.by, 'a');
    assert.equal(held.sinceMs, world.clock.wall());
    assert.equal(status.max, 1);
    assert.deepEqual(world.keys('reboot/'), [
      'reboot/workers/epoch',
      'reboot/workers/log/000000000001',
      'reboot/workers/node/n1',
      'reboot/workers/slot/n1',
    ]);
  });

  it('keeps a slot when its agent dies, and gives it again to the same node', async () => {
    const held = await world.run(groupA.acquire({ node: 'n1' }));
    await world.run(a.coord.close());
    a.crash();
    await world.advance(TTL_MS * 100);
    const again = await world.run(groupB.acquire({ node: 'n1', reason: 'other words' }));
    assert.equal(again.revision, held.revision);
    assert.equal((await world.run(groupB.status())).holders.length, 1);
  });

  it('releases what is held, and says so; releasing what is not is harmless', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    assert.equal(await world.run(groupB.release({ node: 'n2' })), false);
    assert.equal(await world.run(groupB.release({ node: 'n1' })), true);
    assert.equal(await world.run(groupB.release({ node: 'n1' })), false);
    assert.deepEqual(world.keys('reboot/workers/slot/'), []);
  });

  it('serves the line in order, one after the other, and shows it', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    const order: string[] = [];
    const waiting = ['n2', 'n3', 'n4'].map((node, place) => {
      const group = place % 2 === 0 ? groupB : groupA;
      return () =>
        group.acquire({ node }).then(async () => {
          order.push(node);
          await group.release({ node });
        });
    });
    const all: Promise<void>[] = [];
    for (const ask of waiting) {
      all.push(ask());
      await world.settle();
    }
    const status = await world.run(groupA.status());
    assert.deepEqual(
      status.queue.map(({ node, position }) => `${position} ${node}`),
      ['0 n2', '1 n3', '2 n4'],
    );
    await world.advance(TTL_MS * 2);
    assert.deepEqual(order, []);
    await world.run(groupA.release({ node: 'n1' }));
    await world.run(Promise.all(all));
    assert.deepEqual(order, ['n2', 'n3', 'n4']);
    assert.deepEqual(world.keys('reboot/workers/want/'), []);
  });

  it('nobody overtakes the line though a slot is free for a moment', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    const second = peek(groupB.acquire({ node: 'n2' }));
    await world.settle();
    b.store.hold();
    await world.run(groupA.release({ node: 'n1' }));
    const third = peek(groupA.acquire({ node: 'n3' }));
    await world.advance(1000);
    assert.equal(third.value, undefined);
    b.store.release();
    await world.advance(10);
    assert.ok(second.value !== undefined);
    assert.equal(third.value, undefined);
  });

  it('raising the limit lets the next ones go; lowering it shows draining and grants nothing', async () => {
    await world.run(groupA.setMax(2));
    await world.run(groupA.acquire({ node: 'n1' }));
    await world.run(groupA.acquire({ node: 'n2' }));
    const third = peek(groupB.acquire({ node: 'n3' }));
    await world.settle();
    await world.run(groupA.setMax(1));
    const status = await world.run(groupB.status());
    assert.equal(status.draining, true);
    assert.equal(status.holders.length, 2);
    await world.run(groupA.release({ node: 'n1' }));
    await world.advance(TTL_MS * 2);
    assert.equal(third.value, undefined);
    await world.run(groupA.setMax(3));
    await world.run(third.promise);
    const [slot] = world.server.kv.range({ key: 'reboot/workers/slot/n3' }).kvs;
    assert.equal(slot?.lease, 0n);
    assert.equal((await world.run(groupB.status())).draining, false);
  });

  it('a limit of 0 pauses the group, and so does a policy that makes no sense', async () => {
    await world.run(groupA.setMax(0));
    const waiting = peek(groupA.acquire({ node: 'n1' }));
    await world.advance(TTL_MS * 2);
    assert.equal(waiting.value, undefined);
    const policy = { key: 'reboot/workers/policy', value: 'two, please' };
    world.server.run(() => ({ kv: world.server.kv.put(policy) }));
    await world.advance(TTL_MS * 2);
    assert.equal(waiting.value, undefined);
    await world.run(groupA.setMax(1));
    await world.run(waiting.promise);
  });

  it('a lost answer to the grant takes one slot, and to release frees no later one', async () => {
    a.store.loseResponse(grants);
    await world.run(groupA.acquire({ node: 'n1' }));
    assert.equal(world.keys('reboot/workers/slot/').length, 1);
    a.store.loseResponse(
      (call) => call.name === 'txn' && inspect(call.request, { depth: 9 }).includes('released'),
    );
    const released = peek(groupA.release({ node: 'n1' }));
    await world.settle();
    assert.equal(released.value, undefined);
    assert.deepEqual(world.keys('reboot/workers/slot/'), []);
    await world.run(groupB.acquire({ node: 'n1' }));
    await world.run(released.promise);
    await world.advance(5000);
    assert.deepEqual(world.keys('reboot/workers/slot/'), ['reboot/workers/slot/n1']);
  });

  it('a waiter that dies leaves the line with its lease, and its node keeps its place if it is back', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    const c = world.client('c');
    void peek(groupB.acquire({ node: 'n2' }));
    await world.settle();
    const last = peek(c.coord.reboots('workers').acquire({ node: 'n3' }));
    await world.settle();
    b.crash();
    const back = world.client('b again');
    const second = peek(back.coord.reboots('workers').acquire({ node: 'n2' }));
    await world.advance(TTL_MS * 2);
    assert.equal(world.keys('reboot/workers/want/').length, 2);
    await world.run(groupA.release({ node: 'n1' }));
    await world.advance(100);
    assert.ok(second.value !== undefined);
    assert.equal(last.value, undefined);
    back.crash();
    await world.run(groupA.release({ node: 'n2' }));
    await world.run(last.promise);
  });

  it('a wait outlives its session', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    const waiting = peek(groupB.acquire({ node: 'n2' }));
    await world.settle();
    b.store.partition('hang');
    await world.advance(TTL_MS * 2);
    assert.deepEqual(world.keys('reboot/workers/want/'), []);
    b.store.heal();
    await world.advance(5000);
    assert.equal(world.keys('reboot/workers/want/').length, 1);
    await world.run(groupA.release({ node: 'n1' }));
    await world.run(waiting.promise);
  });

  it('a session that is gone without knowing it costs one more try and no hot loop', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    await world.run(b.coord.lock('warm').acquire());
    const [lease] = world.server.leaseIds;
    world.server.run(() => world.server.revoke(lease ?? 0n));
    const calls = b.store.calls.length;
    const waiting = peek(groupB.acquire({ node: 'n2' }));
    await world.settle();
    assert.equal(world.keys('reboot/workers/want/').length, 1);
    assert.ok(b.store.calls.length - calls <= 8, `${b.store.calls.length - calls} calls`);
    await world.run(groupA.release({ node: 'n1' }));
    await world.run(waiting.promise);
  });

  it('a wait that is given up leaves the line', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    const late = peek(groupB.acquire({ node: 'n2', timeoutMs: 1000 }));
    await world.advance(1100);
    assert.ok(is('Timeout')(late.error));
    assert.deepEqual(world.keys('reboot/workers/want/'), []);
  });

  it('finds a free slot though the event that says so never comes', async () => {
    await world.run(groupA.acquire({ node: 'n1' }));
    const waiting = peek(groupB.acquire({ node: 'n2' }));
    await world.settle();
    for (const part of ['/slot/', '/epoch', '/log/']) {
      b.store.dropNextEvent((key) => key.includes(part));
    }
    await world.run(groupA.release({ node: 'n1' }));
    await world.settle();
    assert.equal(waiting.value, undefined);
    await world.advance(TTL_MS);
    assert.ok(waiting.value !== undefined);
  });

  it('what changes between the look and the grant makes the grant fail', async () => {
    const put = (key: string): void => {
      world.server.run(() => ({ kv: world.server.kv.put({ key: `reboot/workers/${key}` }) }));
    };
    const meanwhile = (change: () => void): void => {
      let done = false;
      a.store.loseRequest((call) => {
        if (!done && grants(call)) {
          done = true;
          change();
        }
        return false;
      });
    };
    meanwhile(() => put('want/n0'));
    const overtaking = peek(groupA.acquire({ node: 'n1' }));
    await world.advance(1000);
    assert.equal(overtaking.value, undefined, 'took a slot past somebody in line');
    world.server.run(() => {
      const key = 'reboot/workers/want/n0';
      return { gone: world.server.kv.delete({ key }) };
    });
    await world.run(overtaking.promise);
    await world.run(groupA.release({ node: 'n1' }));
    meanwhile(() => put('slot/n2'));
    const found = await world.run(groupA.acquire({ node: 'n2' }));
    assert.equal(found.by, '', 'wrote over a slot that was there already');
  });

  it('streams the status and shares one watch', async () => {
    const seen: RebootStatus[] = [];
    const subscription = groupB.status$.subscribe((status) => seen.push(status));
    subscription.add(groupB.status$.subscribe());
    await world.settle();
    assert.equal(b.store.watchCount, 1);
    await world.run(groupA.acquire({ node: 'n1' }));
    await world.run(groupA.setMax(4));
    const shown = seen.map(({ max, holders }) => `${holders.length}/${max}`);
    assert.deepEqual(shown, ['0/1', '1/1', '1/4']);
    subscription.unsubscribe();
    assert.equal(b.store.watchCount, 0);
  });

  it('quotes what it refuses', async () => {
    assert.throws(() => a.coord.reboots('wor kers'), /"wor kers"/);
    assert.throws(() => a.coord.reboots(''), is('InvalidArgument'));
    await assert.rejects(groupA.acquire({ node: '' }), is('InvalidArgument'));
    await assert.rejects(groupA.release({ node: '' }), is('InvalidArgument'));
    for (const bad of [-1, 1.5, Number.NaN]) {
      await assert.rejects(groupA.setMax(bad), is('InvalidArgument'));
    }
  });
});
