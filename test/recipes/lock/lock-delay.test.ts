// Proves the delay after an involuntary loss: nobody gets the lock before it has passed, whatever
// happened to the holder, and everybody does afterwards; an orderly release costs one transaction
// and delays nobody; and who does not ask for a delay pays nothing for it.
import assert from 'node:assert/strict';
import { StoreError } from '../../../src/store/index.js';
import type { HeldLock } from '../../../src/recipes/lock/held-lock.js';
import type { ModelCall } from '../../../src/simulation/model/model-store.js';
import { peek, type Peeked } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const DELAY_SECONDS = 20;
const DELAY_MS = DELAY_SECONDS * 1000;
const WHY = { by: 'ops', reason: 'test' };

/** Whether a call is the transaction that gives a lock back. */
function isRelease({ name, request }: ModelCall): boolean {
  const { success } = request as { readonly success?: readonly { readonly kind: string }[] };
  return name === 'txn' && success?.[0]?.kind === 'delete';
}

describe('lock-delay', () => {
  let world: World;
  let a: Client;
  let b: Client;
  let held: HeldLock;
  let next: Peeked<HeldLock>;

  /** When the next one got the lock; Infinity as long as it has not. */
  let grantedMs: number;

  const now = (): number => world.clock.monotonic();

  beforeEach(async () => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
    held = await world.run(a.coord.lock('jobs').acquire({ delaySeconds: DELAY_SECONDS }));
    grantedMs = Infinity;
    next = peek(b.coord.lock('jobs').acquire());
    void next.promise.then(() => {
      grantedMs = now();
    });
    await world.settle();
  });

  /** Lets time pass until the entry of the holder is gone, and answers with that moment. */
  const entryGone = async (): Promise<number> => {
    while (world.keys('jobs/q/').includes(held.key)) await world.advance(100);
    return now();
  };

  const expectDelay = async (goneMs: number, mostMs: number): Promise<void> => {
    await world.advance(DELAY_MS * 2 + TTL_MS * 3);
    const waitedMs = grantedMs - goneMs;
    assert.ok(waitedMs >= DELAY_MS - 200, `granted ${waitedMs} ms after the loss`);
    assert.ok(waitedMs <= mostMs, `granted ${waitedMs} ms after the loss`);
    next.value?.assertHeld();
    assert.deepEqual(world.keys('jobs/@delay/'), []);
  };

  it('holds after a crash of the holder, without anybody to count it', async () => {
    await world.advance(2000);
    a.crash();
    await expectDelay(await entryGone(), DELAY_MS + TTL_MS + 200);
  });

  it('holds wherever between two keep-alives the holder dies', async () => {
    for (let moment = 0; moment < 10; moment++) {
      const name = `jobs-${moment}`;
      const dying = world.client(`dying-${moment}`);
      const own = await world.run(dying.coord.lock(name).acquire({ delaySeconds: DELAY_SECONDS }));
      const other = peek(b.coord.lock(name).acquire());
      await world.advance(4000 + moment * 400);
      dying.crash();
      while (world.keys(`${name}/q/`).includes(own.key)) await world.advance(100);
      await world.advance(DELAY_MS - 200);
      assert.equal(other.value, undefined, `moment ${moment}`);
      await world.advance(TTL_MS * 1.5);
      assert.ok(other.value !== undefined, `moment ${moment}`);
    }
  });

  it('holds while the holder lives but is cut off, and when it is back', async () => {
    a.store.partition('hang');
    const goneMs = await entryGone();
    a.store.heal();
    await expectDelay(goneMs, DELAY_MS + TTL_MS);
  });

  it('holds after the entry was deleted or broken', async () => {
    const why = { by: 'ops', reason: 'test' };
    await world.run(b.coord.lock('jobs').break(why));
    await expectDelay(now(), DELAY_MS + 200);
  });

  it('holds after a loss though the answer to the entry was lost, and is given back', async () => {
    const isEntry = (call: ModelCall): boolean =>
      call.name === 'txn' && JSON.stringify(call.request, plain).includes('other/q/');
    a.store.loseResponse(isEntry);
    const own = await world.run(a.coord.lock('other').acquire({ delaySeconds: DELAY_SECONDS }));
    await world.run(b.coord.lock('other').break({ by: 'ops', reason: 'test' }));
    await world.settle();
    await own[Symbol.asyncDispose]();
    const waiting = peek(b.coord.lock('other').acquire());
    await world.advance(DELAY_MS - 200);
    assert.equal(waiting.value, undefined);
    await world.run(waiting.promise, 400);
  });

  it('holds when the process closes after the loss', async () => {
    await world.run(b.coord.lock('jobs').break({ by: 'ops', reason: 'test' }));
    const goneMs = now();
    await world.settle();
    await world.run(a.coord.close());
    await expectDelay(goneMs, DELAY_MS + TTL_MS * 2);
  });

  for (const fault of ['loseRequest', 'loseResponse'] as const) {
    it(`holds and ends when a release has to be repeated after an unheard loss: ${fault}`, async () => {
      const goneMs = now();
      world.server.run(() => ({ kv: world.server.kv.delete({ key: held.key }) }));
      a.store[fault](isRelease);
      await world.run(held.release());
      await expectDelay(goneMs, DELAY_MS + TTL_MS);
    });
  }

  it('ends though the store refused the release, and the entry goes in another way', async () => {
    Object.assign(a.store, { txn: () => Promise.reject(new StoreError('PermissionDenied')) });
    await assert.rejects(world.run(held.release()));
    Reflect.deleteProperty(a.store, 'txn');
    world.server.run(() => ({ kv: world.server.kv.delete({ key: held.key }) }));
    await world.advance(DELAY_MS + TTL_MS);
    assert.ok(next.value !== undefined, 'nobody gets the lock any more');
    assert.deepEqual(world.keys('jobs/@delay/'), []);
  });

  it('is none of those who wait: they hold nothing yet, and are not broken in its place', async () => {
    await world.run(b.coord.lock('jobs').break(WHY));
    await world.settle();
    const lock = b.coord.lock('jobs');
    assert.equal(await world.run(lock.holder()), undefined);
    assert.equal((await world.run(lock.waiters())).length, 1);
    assert.equal(await world.run(lock.break(WHY)), undefined);
    await expectDelay(now(), DELAY_MS + 200);
    (await world.run(next.promise)).assertHeld();
  });

  it('is ended by an administrator also after its holder is gone', async () => {
    world.server.run(() => ({ kv: world.server.kv.delete({ key: held.key }) }));
    await world.advance(200);
    assert.equal(next.value, undefined);
    const broken = await world.run(b.coord.lock('jobs').break({ ...WHY, endsDelay: true }));
    assert.equal(broken, undefined, 'nobody had it');
    (await world.run(next.promise, 100)).assertHeld();
    assert.deepEqual(world.keys('jobs/@'), ['jobs/@broken']);
  });

  it('is ended by an administrator who says so', async () => {
    const broken = b.coord.lock('jobs').break({ by: 'ops', reason: 'test', endsDelay: true });
    await world.run(broken);
    await world.settle();
    next.value?.assertHeld();
    assert.ok(next.value !== undefined);
  });

  it('delays nobody after an orderly release, which takes one transaction', async () => {
    const before = a.store.callCount('txn');
    await world.run(held.release());
    assert.equal(a.store.callCount('txn') - before, 1);
    await world.settle();
    assert.ok(next.value !== undefined);
    assert.deepEqual(world.keys('jobs/@delay/'), []);
  });

  it('delays nobody after an orderly close', async () => {
    await world.run(a.coord.close());
    await world.settle();
    assert.ok(next.value !== undefined);
    assert.deepEqual(world.keys('jobs/@delay/'), []);
  });

  it('keeps a try and a newcomer out as well', async () => {
    await world.run(b.coord.lock('jobs').break({ by: 'ops', reason: 'test' }));
    const [entry] = await world.run(b.coord.lock('jobs').entries());
    assert.ok(entry !== undefined);
    await world.run(b.coord.lock('jobs').break({ by: 'ops', reason: 'test', entry }));
    await world.settle();
    assert.deepEqual(world.keys('jobs/q/'), []);
    const tried = await world.run(b.coord.lock('jobs').tryAcquire());
    assert.ok(!tried.ok);
    assert.equal(tried.holder, undefined);
    const late = peek(b.coord.lock('jobs').acquire());
    await world.advance(DELAY_MS - 200);
    assert.equal(late.value, undefined);
    await world.advance(400);
    (await world.run(late.promise, 1)).assertHeld();
  });

  it('a waiter that dies delays nobody: it never held', async () => {
    const c = world.client('c');
    const waiting = peek(c.coord.lock('jobs').acquire({ delaySeconds: DELAY_SECONDS }));
    await world.settle();
    c.crash();
    await world.advance(TTL_MS * 2);
    assert.equal(waiting.value, undefined);
    await world.run(held.release());
    await world.settle();
    assert.ok(next.value !== undefined);
    await world.run(next.value.release());
    assert.ok((await world.run(b.coord.lock('jobs').tryAcquire())).ok);
  });

  it('an arming that lost its answers leaves one key, and giving up leaves none', async () => {
    await world.run(held.release());
    await world.run((await world.run(next.promise)).release());
    a.store.loseResponse((call) => JSON.stringify(call.request, plain).includes('@delay/'));
    const own = await world.run(a.coord.lock('other').acquire({ delaySeconds: DELAY_SECONDS }));
    assert.equal(world.keys('other/').length, 2);
    await world.run(own.release());
    await world.advance(TTL_MS * 2);
    assert.deepEqual(world.keys('other/'), []);
    const abort = new AbortController();
    a.store.hold();
    const { signal } = abort;
    const given = peek(a.coord.lock('other').acquire({ delaySeconds: DELAY_SECONDS, signal }));
    await world.settle();
    abort.abort();
    await world.settle();
    assert.ok(given.error !== undefined);
    a.store.release();
    await world.advance(TTL_MS * 2);
    assert.deepEqual(world.keys('other/'), []);
  });

  it('costs those who do not ask for it neither a key nor a call', async () => {
    const plainly = world.client('plain');
    await world.run(plainly.coord.lock('warm').acquire());
    const before = plainly.store.calls.length;
    const own = await world.run(plainly.coord.lock('free').acquire());
    await world.run(own.release());
    assert.equal(plainly.store.calls.length - before, 2);
  });

  it('many delayed locks share one lease, and its keep-alives', async () => {
    const many = world.client('many');
    const delaySeconds = DELAY_SECONDS;
    for (let i = 0; i < 20; i++) {
      await world.run(many.coord.lock(`many-${i}`).acquire({ delaySeconds }));
    }
    assert.equal(many.store.callCount('lease-grant'), 2);
    const before = many.store.callCount('lease-keep-alive');
    await world.advance(TTL_MS * 3);
    const beats = many.store.callCount('lease-keep-alive') - before;
    assert.ok(beats <= 20, `${beats} keep-alives`);
  });

  it('a close between the ends of two delays leaves the later one its time', async () => {
    const other = a.coord.lock('other').acquire({ delaySeconds: DELAY_SECONDS });
    await world.run(other);
    await world.run(b.coord.lock('jobs').break(WHY));
    await entryGone();
    await world.advance(DELAY_MS / 2);
    await world.run(b.coord.lock('other').break(WHY));
    const goneMs = now();
    const waiting = peek(b.coord.lock('other').acquire());
    await world.advance(DELAY_MS / 2 + 500);
    assert.ok(next.value !== undefined, 'the first delay is over');
    await world.run(a.coord.close());
    await world.advance(goneMs + DELAY_MS - 200 - now());
    assert.equal(waiting.value, undefined, 'closing took the delay away');
    await world.run(waiting.promise, DELAY_MS + TTL_MS * 3);
  });

  it('names nobody as the holder to one who tries in vain', async () => {
    await world.run(b.coord.lock('jobs').break(WHY));
    await world.settle();
    const tried = await world.run(world.client('c').coord.lock('jobs').tryAcquire());
    assert.ok(!tried.ok);
    assert.equal(tried.holder, undefined, 'the first in line holds nothing yet');
    assert.equal(tried.waiting, 1);
  });

  it('a close in the delay of one lock keeps nobody out of the others', async () => {
    const others = ['x', 'y', 'z'].map((name) => a.coord.lock(name));
    const [ours] = await world.run(
      Promise.all(others.map((lock) => lock.acquire({ delaySeconds: DELAY_SECONDS }))),
    );
    await world.run(a.coord.lock('jobs').break(WHY));
    const goneMs = await entryGone();
    await world.advance(500);
    ours?.assertHeld();
    await world.run(a.coord.close());
    for (const { name } of others) {
      assert.ok((await world.run(b.coord.lock(name).tryAcquire())).ok, name);
    }
    await expectDelay(goneMs, DELAY_MS + TTL_MS * 3);
  });
});

function plain(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
