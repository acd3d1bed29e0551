// Proves what a read/write lock promises: readers together and writers alone, in the order of
// asking, so that nobody waits for ever; changes from one to the other without letting go; and one
// wake-up for a writer, whoever goes. The bugs that other ones shipped are each tried: a nested
// read behind a waiting writer, two readers that both want to write, a watch from the wrong
// revision.
import assert from 'node:assert/strict';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { HeldHandle } from '../../../src/recipes/lock/held-handle.js';
import type { HeldRead, HeldWrite } from '../../../src/recipes/lock/held-read-write.js';
import type { ReadWriteLock } from '../../../src/recipes/lock/read-write-lock.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);

describe('ReadWriteLock', () => {
  let world: World;
  let a: Client;
  let b: Client;
  let c: Client;

  beforeEach(() => {
    world = new World();
    [a, b, c] = ['a', 'b', 'c'].map((name) => world.client(name)) as [Client, Client, Client];
  });

  const lock = (client: Client): ReadWriteLock => client.coord.readWriteLock('index');
  const read = (client: Client): Promise<HeldRead> => lock(client).read();
  const write = (client: Client): Promise<HeldWrite> => lock(client).write();
  const mayWrite = async (held: HeldHandle): Promise<boolean> => {
    const result = await world.run(
      a.coord.txn().if(held).put('guarded', String(held.fence)).commit(),
    );
    return result.succeeded;
  };

  it('readers share, a writer is alone, each for one transaction in and one out', async () => {
    await world.run(a.coord.lock('warm').acquire());
    const before = a.store.callCount('txn');
    const one = await world.run(read(a));
    assert.equal(a.store.callCount('txn') - before, 1);
    const two = await world.run(read(b));
    const writer = peek(write(c));
    await world.advance(1000);
    one.assertHeld();
    two.assertHeld();
    assert.equal(writer.value, undefined);
    await world.run(one.release());
    assert.equal(a.store.callCount('txn') - before, 2);
    assert.equal(writer.value, undefined);
    await world.run(two.release());
    const held = await world.run(writer.promise);
    held.assertHeld();
    assert.ok(held.fence > two.fence);
    await world.run(held.release());
    assert.deepEqual(world.keys('index/'), []);
    const own = a.store.callCount('txn');
    await world.run((await world.run(write(a))).release());
    assert.equal(a.store.callCount('txn') - own, 2);
  });

  it('a reader that comes after a waiting writer waits behind it', async () => {
    const first = await world.run(read(a));
    const writer = peek(write(b));
    await world.settle();
    const second = peek(read(c));
    await world.advance(1000);
    assert.equal(second.value, undefined);
    await world.run(first.release());
    const held = await world.run(writer.promise);
    await world.advance(1000);
    assert.equal(second.value, undefined);
    await world.run(held.release());
    (await world.run(second.promise)).assertHeld();
  });

  it('a writer waits for all readers of its own process, whichever goes first', async () => {
    const readers = [await world.run(read(a)), await world.run(read(a))] as const;
    const writer = peek(write(a));
    await world.settle();
    await world.run(readers[1].release());
    await world.settle();
    assert.equal(writer.value, undefined);
    readers[0].assertHeld();
    await world.run(readers[0].release());
    (await world.run(writer.promise)).assertHeld();
  });

  it('when a waiting writer gives up, the readers behind it come in at once', async () => {
    const first = await world.run(read(a));
    const abort = new AbortController();
    const writer = peek(lock(b).write({ signal: abort.signal }));
    await world.settle();
    const second = peek(read(c));
    await world.settle();
    abort.abort();
    await world.settle();
    assert.ok(is('Aborted')(writer.error));
    assert.ok(second.value !== undefined);
    first.assertHeld();
  });

  it('a try takes what is free and leaves nothing behind', async () => {
    const reader = await world.run(lock(a).tryRead());
    assert.ok(reader.ok);
    assert.ok((await world.run(lock(b).tryRead())).ok);
    const refused = await world.run(lock(c).tryWrite());
    assert.deepEqual(refused, { ok: false, others: 2 });
    const writer = peek(write(c));
    await world.settle();
    // Behind a writer that waits there is nothing to read at once.
    assert.ok(!(await world.run(lock(b).tryRead())).ok);
    assert.equal(world.keys('index/@rw/q/').length, 3);
    await world.run(reader.held.release());
    assert.equal(writer.value, undefined);
  });

  it('a try that lost its answer knows its own entry, also beside other readers', async () => {
    await world.run(read(b));
    a.store.loseResponse((call) => call.name === 'txn');
    const tried = await world.run(lock(a).tryRead());
    assert.ok(tried.ok);
    assert.ok(await mayWrite(tried.held), 'the guard names another revision than the entry has');
    await world.run(tried.held.release());
    await world.advance(TTL_MS * 2);
    assert.equal(world.keys('index/').length, 1);
  });

  it('a handle that has it is never made to wait for itself', async () => {
    const handle = lock(a);
    const held = await world.run(handle.read());
    // With a writer in between a second read would wait for it, and it for the first read.
    const writer = peek(write(b));
    await world.settle();
    const askings: readonly (() => Promise<unknown>)[] = [
      () => handle.read(),
      () => handle.write(),
      () => handle.tryRead(),
      () => handle.tryWrite(),
    ];
    for (const ask of askings) await assert.rejects(world.run(ask()), is('WouldDeadlock'));
    await world.run(held.release());
    await world.run((await world.run(writer.promise)).release());
    (await world.run(handle.write())).assertHeld();
  });

  it('a writer becomes a reader at its place: readers come in, writers do not', async () => {
    const writer = await world.run(write(a));
    const reader = peek(read(b));
    await world.settle();
    const other = peek(write(c));
    await world.settle();
    assert.ok(await mayWrite(writer));
    const before = a.store.callCount('txn');
    const downgraded = await world.run(writer.downgrade());
    assert.equal(a.store.callCount('txn') - before, 1);
    await world.settle();
    assert.ok(writer.signal.aborted);
    assert.ok(reader.value !== undefined);
    assert.equal(await mayWrite(writer), false);
    assert.ok(await mayWrite(downgraded));
    assert.throws(() => writer.assertHeld(), is('NotOwner'));
    await world.run(writer.release());
    downgraded.assertHeld();
    assert.equal(downgraded.fence, writer.fence);
    await world.run(reader.value.release());
    await world.advance(1000);
    assert.equal(other.value, undefined);
    await world.run(downgraded.release());
    (await world.run(other.promise)).assertHeld();
  });

  it('a reader that is alone becomes a writer, and one that is not stays a reader', async () => {
    const reader = await world.run(read(a));
    const other = await world.run(read(b));
    assert.equal(await world.run(reader.tryUpgrade()), undefined);
    assert.equal(await world.run(other.tryUpgrade()), undefined);
    reader.assertHeld();
    await world.run(other.release());
    a.store.loseResponse((call) => call.name === 'txn');
    const writer = await world.run(reader.tryUpgrade());
    assert.ok(writer !== undefined);
    assert.ok(reader.signal.aborted);
    const waiting = peek(read(b));
    await world.advance(1000);
    assert.equal(waiting.value, undefined);
    assert.ok(await mayWrite(writer));
    const again = await world.run(writer.downgrade());
    const shared = await world.run(waiting.promise);
    await world.run(again.release());
    await world.run(shared.release());
    assert.deepEqual(world.keys('index/'), []);
  });

  it('an upgraded reader leaves nothing when it goes', async () => {
    const reader = await world.run(read(a));
    const writer = await world.run(reader.tryUpgrade());
    await world.run(reader.release());
    writer?.assertHeld();
    await world.run(writer?.release() ?? Promise.resolve());
    assert.deepEqual(world.keys('index/'), []);
    assert.ok((await world.run(lock(b).tryWrite())).ok);
  });

  it('a waiting writer in the way of an upgrade is not overtaken', async () => {
    const reader = await world.run(read(a));
    const writer = peek(write(b));
    await world.settle();
    assert.equal(await world.run(reader.tryUpgrade()), undefined);
    await world.run(reader.release());
    (await world.run(writer.promise)).assertHeld();
  });

  it('a writer whose session is lost is lost, and so is what it might have become', async () => {
    const writer = await world.run(write(a));
    const next = peek(write(b));
    a.store.partition('hang');
    const downgraded = peek(writer.downgrade());
    await world.advance(TTL_MS * 2);
    assert.ok(is('LockLost')(downgraded.error), String(downgraded.error));
    assert.ok(next.value !== undefined);
    a.store.heal();
    const reader = await world.run(
      lock(c)
        .read({ timeoutMs: 1 })
        .catch(() => undefined),
    );
    assert.equal(reader, undefined);
  });

  it('a waiter whose loop was blocked for two TTLs gets nothing', async () => {
    const writer = await world.run(write(a));
    const reader = peek(read(b));
    await world.settle();
    b.block();
    await world.run(writer.release());
    await world.advance(TTL_MS * 2);
    b.unblock('network-first');
    await world.advance(100);
    assert.ok(is('SessionLost')(reader.error), String(reader.error));
  });

  it('a lost event and a compaction below a waiter cost time and no turn', async () => {
    const writer = await world.run(write(a));
    const reader = peek(read(b));
    await world.settle();
    b.store.dropNextEvent((_key, type) => type === 'delete');
    await world.run(writer.release());
    await world.advance(TTL_MS);
    const held = reader.value;
    assert.ok(held !== undefined);
    const second = peek(write(c));
    await world.settle();
    c.store.partition('fail');
    await world.run(held.release());
    world.server.run(() => ({ kv: world.server.kv.put({ key: 'noise' }) }));
    world.server.run(() => {
      world.server.kv.compact(world.server.kv.revision);
      return {};
    });
    c.store.heal();
    await world.advance(10);
    assert.ok(second.value !== undefined);
  });

  it('an administrator breaks one hold, and its holder learns who did it', async () => {
    const writer = await world.run(write(a));
    const waiting = peek(read(b));
    await world.settle();
    const broken = await world.run(lock(c).break({ by: 'ops', reason: 'test' }));
    assert.equal(broken?.mode, 'write');
    await world.settle();
    assert.ok(waiting.value !== undefined);
    await assert.rejects(world.run(writer.release()), (error) => {
      return isCoordinationError(error, 'LockLost') && error.loss.kind === 'broken';
    });
    assert.deepEqual(world.keys('index/@rw/w/'), []);
  });

  it('shows who has it and says why one waits', async () => {
    const handle = lock(c);
    const reasons: string[] = [];
    handle.readPlan$.subscribe((plan) => reasons.push(`${plan.state}: ${plan.reason}`));
    const states: string[] = [];
    handle.status$.subscribe(({ holders, waiters }) => {
      states.push([...holders, ...waiters].map(({ identity, mode }) => identity + mode).join(' '));
    });
    const first = await world.run(read(a));
    const writer = peek(write(b));
    await world.settle();
    const mine = peek(handle.read());
    await world.settle();
    assert.equal(states.at(-1), 'aread bwrite cread');
    assert.match(
      reasons.at(-1) ?? '',
      /^waiting: behind b since \d\d:\d\d:\d\dZ, who asked to write before, 1 ahead of you$/,
    );
    await world.run(first.release());
    await world.settle();
    assert.match(reasons.at(-1) ?? '', /^waiting: written by b since /);
    await world.run((await world.run(writer.promise)).release());
    await world.run(mine.promise);
    await world.settle();
    assert.equal(reasons.at(-1), 'held: read by this handle');
    assert.ok(reasons.includes('free: nobody has it'));
  });

  it('a crowd of writers behind readers: one release wakes one of them at most', async () => {
    const crowd = world.client('crowd');
    const readers = await world.run(
      Promise.all(Array.from({ length: 20 }, () => crowd.coord.readWriteLock('index').read())),
    );
    for (let i = 0; i < 200; i++) void peek(crowd.coord.readWriteLock('index').write());
    await world.settle();
    for (const reader of readers.slice(0, 19)) {
      const events = crowd.store.deliveredEventCount;
      const calls = crowd.store.calls.length;
      await world.run(reader.release());
      await world.settle();
      assert.ok(crowd.store.deliveredEventCount - events <= 2);
      assert.ok(crowd.store.calls.length - calls <= 2);
    }
  });
});
