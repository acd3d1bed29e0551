// Proves what a semaphore does when nothing fails: limits, weights, the two orders, draining,
// waiting and giving up, what it shows of itself and why somebody waits.
import assert from 'node:assert/strict';
import { firstValueFrom } from 'rxjs';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { HeldPermit } from '../../../src/recipes/semaphore/held-permit.js';
import type { PermitOptions, Semaphore } from '../../../src/recipes/semaphore/semaphore.js';
import { type Peeked, peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const waits = (asked: Peeked<unknown>): boolean => asked.value === undefined;
const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);

describe('Semaphore', () => {
  let world: World;
  let a: Client;
  let b: Client;
  let slots: Semaphore;

  beforeEach(async () => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
    slots = a.coord.semaphore('slots');
    await world.run(slots.setLimit(2));
  });

  const acquire = (options: PermitOptions = {}, client = a): Promise<HeldPermit> =>
    world.run(client.coord.semaphore('slots').acquire(options));
  const ask = async (options: PermitOptions = {}, client = b): Promise<Peeked<HeldPermit>> => {
    const asked = peek(client.coord.semaphore('slots').acquire(options));
    await world.settle();
    return asked;
  };

  it('takes free permits in a read and a transaction, and gives them back in one', async () => {
    await acquire();
    const before = a.store.callCount('txn');
    const held = await acquire();
    assert.equal(a.store.callCount('txn') - before, 2);
    assert.match(held.key, /^slots\/@semaphore\/held\/[0-9a-f]+-[0-9a-f]{16}$/);
    held.assertHeld();
    await world.run(held.release());
    await world.run(held.release());
    assert.equal(a.store.callCount('txn') - before, 3);
    assert.throws(() => held.assertHeld(), is('NotOwner'));
    assert.equal(world.keys('slots/@semaphore/held/').length, 1);
  });

  it('admits as many as the limit says and hands over in the order of asking', async () => {
    const first = await acquire();
    const second = await acquire();
    const third = await ask();
    const fourth = await ask();
    await world.advance(1000);
    assert.ok(waits(third));
    await world.run(second.release());
    await world.settle();
    assert.ok(third.value !== undefined);
    assert.ok(waits(fourth));
    assert.ok(third.value.grantRevision > first.grantRevision);
    await world.run(first.release());
    await world.settle();
    assert.ok((fourth.value?.grantRevision ?? 0) > third.value.grantRevision);
  });

  it('says clearly that it has no limit, and writes nothing then', async () => {
    const other = a.coord.semaphore('other');
    const complains = (error: unknown): boolean =>
      is('InvalidArgument')(error) && /setLimit/.test((error as Error).message);
    await assert.rejects(world.run(other.acquire()), complains);
    await assert.rejects(world.run(other.tryAcquire()), complains);
    await world.advance(TTL_MS * 2);
    assert.deepEqual(world.keys('other/'), []);
  });

  it('an initial limit is for the first who asks, and never overwrites one', async () => {
    await world.run(a.coord.semaphore('fresh', { initialLimit: 1 }).acquire());
    const late = b.coord.semaphore('fresh', { initialLimit: 5, order: 'firstFit' });
    assert.equal((await world.run(late.tryAcquire())).ok, false);
    const status = await world.run(late.status());
    assert.deepEqual([status.limit, status.order], [1, 'fifo']);
  });

  it('refuses limits and weights that make no sense', async () => {
    for (const bad of [-1, 1.5, Number.NaN, 2 ** 31]) {
      await assert.rejects(slots.setLimit(bad), is('InvalidArgument'));
      await assert.rejects(slots.acquire({ weight: bad }), is('InvalidArgument'));
      assert.throws(() => a.coord.semaphore('x', { initialLimit: bad }), is('InvalidArgument'));
    }
    await assert.rejects(slots.acquire({ weight: 0 }), is('InvalidArgument'));
    assert.throws(() => a.coord.semaphore('x/@semaphore'), is('InvalidArgument'));
  });

  it('a raised limit admits more, a lowered one takes nothing away and drains', async () => {
    const held = [await acquire(), await acquire()];
    const third = await ask();
    const fourth = await ask();
    await world.run(slots.setLimit(3));
    await world.settle();
    assert.ok(third.value !== undefined);
    assert.ok(waits(fourth));
    await world.run(slots.setLimit(1));
    const status = await world.run(slots.status());
    assert.deepEqual([status.granted, status.free, status.draining], [3, 0, true]);
    for (const one of held) one.assertHeld();
    await world.run(held[0]?.release() ?? Promise.resolve());
    await world.run(held[1]?.release() ?? Promise.resolve());
    await world.settle();
    assert.ok(waits(fourth), 'the limit of one is taken');
    assert.equal((await world.run(slots.status())).draining, false);
    await world.run(third.value.release());
    await world.settle();
    assert.ok(fourth.value !== undefined);
  });

  it('a limit of nothing stops all grants until it is raised', async () => {
    await world.run(slots.setLimit(0));
    const asked = await ask();
    await world.advance(TTL_MS);
    assert.ok(waits(asked));
    await world.run(slots.setLimit(1));
    await world.settle();
    assert.ok(asked.value !== undefined);
  });

  it('fifo: a heavy request holds back the light ones behind it', async () => {
    await world.run(slots.setLimit(4));
    const held = await acquire({ weight: 3 });
    const heavy = await ask({ weight: 2 });
    const light = await ask({ weight: 1 });
    await world.advance(TTL_MS);
    assert.ok(waits(light));
    assert.equal((await world.run(slots.tryAcquire())).ok, false);
    await world.run(held.release());
    await world.settle();
    assert.ok(heavy.value !== undefined && light.value !== undefined);
    assert.equal((await world.run(slots.status())).granted, 3);
  });

  it('firstFit: light requests pass a heavy one, in their own order', async () => {
    await world.run(slots.setLimit(4, { order: 'firstFit' }));
    const held = await acquire({ weight: 4 });
    const heavy = await ask({ weight: 4 });
    const middle = await ask({ weight: 2 });
    const light = await ask({ weight: 1 });
    assert.equal((await world.run(slots.tryAcquire())).ok, false);
    await world.run(held.release());
    await world.settle();
    assert.ok(heavy.value !== undefined, 'the first that fits is the first in line');
    assert.ok(waits(middle));
    const next = await ask({ weight: 3 });
    await world.run(heavy.value.release());
    await world.settle();
    assert.ok(middle.value !== undefined && light.value !== undefined);
    assert.ok(waits(next), 'three do not fit beside two and one');
    const last = await ask({ weight: 1 });
    assert.ok(last.value !== undefined, 'one that fits need not wait behind three');
    await world.run(middle.value.release());
    await world.run(light.value.release());
    await world.settle();
    assert.ok(next.value !== undefined);
  });

  it('firstFit: the head grants to those behind it, who hold with their own sessions', async () => {
    await world.run(slots.setLimit(2, { order: 'firstFit' }));
    const c = world.client('c');
    const one = await acquire();
    const two = await acquire();
    const heavy = await ask({ weight: 2 }, b);
    const light = await ask({}, c);
    await world.run(one.release());
    await world.settle();
    assert.ok(light.value !== undefined);
    light.value.assertHeld();
    b.crash();
    await world.advance(TTL_MS * 2);
    light.value.assertHeld();
    assert.ok(waits(heavy));
    await world.run(light.value.release());
    two.assertHeld();
    await world.advance(10);
    assert.equal(world.keys('slots/@semaphore/held/').length, 1);
  });

  it('more than there ever are waits visibly, and is served when the limit is raised', async () => {
    const handle = b.coord.semaphore('slots');
    const asked = peek(handle.acquire({ weight: 3 }));
    await world.settle();
    const plan = await world.run(firstValueFrom(handle.plan$));
    assert.deepEqual([plan.state, plan.rule, plan.position], ['waiting', 'limit', 0]);
    assert.match(plan.reason, /asks for 3 permits and the limit is 2/);
    await world.run(slots.setLimit(3));
    await world.settle();
    assert.equal(asked.value?.weight, 3);
  });

  it('a try takes what is free, or tells what is in the way and leaves nothing', async () => {
    const tried = await world.run(slots.tryAcquire({ weight: 2 }));
    assert.ok(tried.ok);
    const refused = await world.run(b.coord.semaphore('slots').tryAcquire());
    assert.ok(!refused.ok);
    assert.equal(refused.plan.rule, 'permits');
    assert.equal(refused.plan.blockers[0]?.identity, 'a');
    assert.deepEqual(world.keys('slots/@semaphore/line/'), []);
    assert.equal(world.keys('slots/@semaphore/held/').length, 1);
    assert.equal(b.store.callCount('txn'), 2, 'one to ask and one to tell why not');
  });

  it('times out, aborts, and leaves no entry either way', async () => {
    await acquire({ weight: 2 });
    const late = await ask({ timeoutMs: 2000 });
    await world.advance(2001);
    assert.ok(is('Timeout')(late.error));
    const abort = new AbortController();
    const stopped = await ask({ signal: abort.signal });
    abort.abort(new Error('no longer needed'));
    await world.settle();
    assert.ok(is('Aborted')(stopped.error));
    assert.deepEqual(world.keys('slots/@semaphore/line/'), []);
    await assert.rejects(acquire({ signal: AbortSignal.abort() }), is('Aborted'));
  });

  it('a guarded write succeeds while the permits are held, and not after', async () => {
    const held = await acquire();
    const write = (): Promise<boolean> =>
      b.store
        .txn({ compare: [held.guard()], success: [{ kind: 'put', key: 'k' }] })
        .then((result) => result.succeeded);
    assert.equal(await world.run(write()), true);
    await world.run(held.release());
    assert.equal(await world.run(write()), false);
  });

  it('shows limit, holders and waiters at each revision', async () => {
    const seen: string[] = [];
    const following = slots.status$.subscribe((status) => {
      const { granted, limit, waiters, draining } = status;
      seen.push(`${granted}/${limit}+${waiters.length}${draining ? ' draining' : ''}`);
    });
    await world.settle();
    const held = await acquire({ weight: 2, metadata: { task: 'nightly' } });
    const waiting = await ask();
    await world.run(slots.setLimit(1));
    const status = await world.run(firstValueFrom(slots.status$));
    assert.deepEqual(status.holders[0]?.metadata, { task: 'nightly' });
    assert.equal(status.holders[0]?.identity, 'a');
    assert.equal(status.holders[0]?.weight, 2);
    await world.run(held.release());
    await world.settle();
    assert.deepEqual(seen, ['0/2+0', '2/2+0', '2/2+1', '2/1+1 draining', '0/1+1', '1/1+0']);
    assert.ok(waiting.value !== undefined);
    following.unsubscribe();
  });

  it('tells each handle why it waits, in one sentence', async () => {
    const mine = b.coord.semaphore('slots');
    const told: string[] = [];
    const following = mine.plan$.subscribe(({ state, rule, position, reason }) => {
      told.push(`${state} ${rule ?? '-'} ${position}: ${reason}`);
    });
    await world.settle();
    const held = await acquire({ weight: 2 });
    const other = await ask({}, a);
    const asked = peek(mine.acquire());
    await world.settle();
    await world.run(slots.setLimit(1));
    await world.run(held.release());
    await world.settle();
    await world.run(other.value?.release() ?? Promise.resolve());
    await world.settle();
    assert.ok(asked.value !== undefined);
    const since = '[0-9:]{8}Z';
    const expected = [
      '^free - 0: 1 permit of 2 are free$',
      `^waiting permits 0: asks for 1 permit, 0 of 2 are free, held by a since ${since}$`,
      `^waiting permits 1: asks for 1 permit, 0 of 2 are free, held by a since ${since}, 1 ahead`,
      `^waiting permits 1: asks for 1 permit, 0 of 2 .* 1 ahead of you$`,
      `^waiting draining 1: draining: 2 held of 1, by a since ${since}, 1 ahead of you$`,
      `^waiting line 1: a since ${since} asked for 1 permit before, 1 ahead of you$`,
      `^waiting permits 0: `,
      `^waiting - 0: 1 permit of 1 are free$`,
      `^held - 0: holds 1 permit since revision \\d+$`,
    ];
    assert.equal(told.length, expected.length, told.join('\n'));
    for (const [place, line] of told.entries())
      assert.match(line, new RegExp(expected[place] ?? ''));
    following.unsubscribe();
  });

  it('the scoped form: errors of the work win, a loss is reported, permits come back', async () => {
    const boom = new Error('work failed');
    await assert.rejects(world.run(slots.withPermit({}, () => Promise.reject(boom))), boom);
    assert.equal(await world.run(slots.withPermit({ weight: 2 }, () => 42)), 42);
    const lost = slots.withPermit({}, (held) => {
      world.server.run(() => ({ kv: world.server.kv.delete({ key: held.key }) }));
    });
    await assert.rejects(world.run(lost), is('LockLost'));
    assert.deepEqual(world.keys('slots/@semaphore/held/'), []);
  });

  it('a private session is closed with its permits and shared with nobody', async () => {
    await acquire();
    const held = await acquire({ privateSession: { ttlSeconds: 5 } });
    assert.equal(world.server.leaseIds.length, 2);
    await world.run(held.release());
    assert.equal(world.server.leaseIds.length, 1);
    await acquire();
    const tried = slots.tryAcquire({ privateSession: {} });
    assert.equal((await world.run(tried)).ok, false);
    await world.settle();
    assert.equal(world.server.leaseIds.length, 1);
  });

  it('closing ends what waits and what is held, and leaves the limit alone', async () => {
    const held = await acquire({ weight: 2 });
    const waiting = await ask({}, a);
    const other = await ask({}, b);
    await world.run(a.coord.close());
    assert.ok(is('Aborted')(waiting.error));
    assert.ok(held.signal.aborted);
    await world.settle();
    assert.ok(other.value !== undefined);
    await world.run(b.coord.close());
    assert.deepEqual(world.keys(), ['slots/@semaphore/epoch', 'slots/@semaphore/limit']);
    assert.equal(a.store.watchCount + b.store.watchCount, 0);
    assert.equal(world.clock.timerCount, 0);
  });
});
