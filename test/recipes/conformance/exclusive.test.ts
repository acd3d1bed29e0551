// The suite that every recipe with one owner at a time has to pass: each case is a way in which a
// coordination library is known to have failed its users. What is common to them: nobody is told
// that they own what another may own, nobody waits for ever, and nothing is left behind.
import assert from 'node:assert/strict';
import { inCi } from '../../support/in-ci.js';
import { peek } from '../../support/peek.js';
import { type Client, World } from '../../support/world.js';
import { type Contender, CONTENDERS, type Grip } from './contender.js';

const TTL_MS = 10_000;
/** Long enough for a lease to end, an expiry to be seen and a safety poll besides. */
const PATIENCE_MS = 3 * TTL_MS;
/** So many calls of an operation are made to fail in turn. */
const CALLS = 8;
const CROWD = inCi ? 1000 : 200;

for (const contender of CONTENDERS) {
  describe(`conformance: ${contender.name}`, function () {
    this.timeout(60_000);
    let world: World;
    let a: Client;
    let b: Client;
    let c: Client;

    const renew = async (): Promise<void> => {
      world = new World();
      [a, b, c] = [world.client('a'), world.client('b'), world.client('c')];
      if (contender.prepare !== undefined) await world.run(contender.prepare(c));
    };
    beforeEach(renew);

    const take = (client: Client): Promise<Grip> => world.run(contender.take(client));
    const wait = async (client: Client): Promise<ReturnType<typeof peek<Grip>>> => {
      const waiting = peek(contender.take(client));
      await world.advance(100);
      return waiting;
    };
    const left = (): readonly string[] => contender.ownKeys(world.keys());

    it('a waiter whose session ends is told so while it waits, and nobody waits for it', async () => {
      const held = await take(a);
      const waiting = await wait(b);
      const behind = await wait(c);
      b.store.partition('hang');
      await world.advance(TTL_MS - 500);
      assert.ok(waiting.error !== undefined, 'a waiter without a session still waits');
      await world.advance(TTL_MS);
      await world.run(held.release());
      (await world.run(behind.promise)).assertHeld();
    });

    it('the middle of three waiters dies: nobody overtakes, nobody is left waiting', async () => {
      const held = await take(a);
      const middle = await wait(b);
      const last = await wait(c);
      b.crash();
      await world.advance(PATIENCE_MS);
      assert.equal(last.value, undefined, 'a waiter overtook the owner');
      held.assertHeld();
      await world.run(held.release());
      (await world.run(last.promise)).assertHeld();
      assert.equal(middle.value, undefined);
    });

    for (const fault of ['loseResponse', 'loseRequest'] as const) {
      it(`${fault}: what is tried again happens once`, async () => {
        for (let fatal = 1; fatal <= CALLS; fatal++) {
          await renew();
          let count = 0;
          a.store[fault](() => {
            if (++count !== fatal) return false;
            // The revision moves on meanwhile, as it does where others are at work.
            world.server.run(() => ({ kv: world.server.kv.put({ key: 'noise' }) }));
            return true;
          });
          const held = await take(a);
          held.assertHeld();
          const waiting = await wait(b);
          assert.equal(waiting.value, undefined, `call ${fatal}: two owners`);
          await world.run(held.release());
          (await world.run(waiting.promise)).assertHeld();
          await world.run((await waiting.promise).release());
          await world.advance(PATIENCE_MS);
          assert.deepEqual(left(), [], `call ${fatal}: left behind`);
        }
      });
    }

    it('two of one session exclude each other, and the first frees what is its own alone', async () => {
      const first = await take(a);
      const second = await wait(a);
      assert.equal(second.value, undefined, 'one session was given it twice');
      await world.run(first.release());
      const held = await world.run(second.promise);
      await world.run(first.release()).catch(() => undefined);
      await world.advance(1000);
      held.assertHeld();
      const third = await wait(b);
      assert.equal(third.value, undefined, 'a second release freed a later owner');
    });

    it('a waiter hears at once that it is its turn, in the same process and in another', async () => {
      const first = await take(a);
      const second = await wait(a);
      const third = await wait(b);
      const fourth = await wait(a);
      const handOver = async (
        from: Grip,
        waiting: ReturnType<typeof peek<Grip>>,
      ): Promise<Grip> => {
        await world.run(from.release());
        await world.settle();
        assert.ok(waiting.value !== undefined, 'nobody told it');
        waiting.value.assertHeld();
        return waiting.value;
      };
      const owned = await handOver(first, second);
      assert.equal(third.value, undefined);
      const ownedElsewhere = await handOver(owned, third);
      assert.equal(fourth.value, undefined);
      await handOver(ownedElsewhere, fourth);
    });

    it('waiters of one process keep their order when one between them gives up', async () => {
      const first = await take(a);
      const abort = new AbortController();
      const second = peek(contender.take(a, { signal: abort.signal }));
      await world.advance(100);
      const third = await wait(a);
      abort.abort();
      await world.advance(1000);
      assert.ok(second.error !== undefined);
      assert.equal(third.value, undefined, 'a waiter overtook the owner');
      first.assertHeld();
      await world.run(first.release());
      (await world.run(third.promise)).assertHeld();
    });

    it('answers are lost while an owner hands over to a waiter of the same process', async () => {
      for (const fault of ['loseResponse', 'loseRequest'] as const) {
        for (let fatal = 1; fatal <= 3; fatal++) {
          await renew();
          const first = await take(a);
          const second = await wait(a);
          const third = await wait(b);
          let count = 0;
          a.store[fault](() => ++count === fatal);
          await world.run(first.release());
          const held = await world.run(second.promise, PATIENCE_MS);
          held.assertHeld();
          assert.equal(third.value, undefined, 'two own it');
          await world.run(held.release());
          (await world.run(third.promise, PATIENCE_MS)).assertHeld();
        }
      }
    });

    it('history is compacted below a waiter’s watch', async () => {
      const held = await take(a);
      const waiting = await wait(b);
      for (let n = 0; n < 5; n++) await world.run(c.store.put({ key: 'noise', value: String(n) }));
      const { header } = await world.run(c.store.range({ key: 'noise' }));
      b.store.partition('hang');
      await world.run(held.release());
      await world.run(c.store.put({ key: 'noise', value: 'more' }));
      await world.run(c.store.compact({ revision: header.revision + 2 }));
      b.store.heal();
      b.store.breakWatches();
      const after = await world.run(waiting.promise, PATIENCE_MS);
      after.assertHeld();
    });

    it('the one event that a waiter waits for never comes', async () => {
      const held = await take(a);
      const waiting = await wait(b);
      b.store.dropNextEvent((_key, type) => type === 'delete');
      await world.run(held.release());
      (await world.run(waiting.promise, PATIENCE_MS)).assertHeld();
    });

    for (const order of ['timers-first', 'network-first'] as const) {
      it(`an owner is blocked for two TTLs (${order} after it)`, async () => {
        const held = await take(a);
        const waiting = await wait(b);
        a.block();
        await world.advance(2 * TTL_MS + 1000);
        assert.throws(() => held.assertHeld(), 'the clock is looked at, not a timer');
        assert.ok(waiting.value !== undefined, 'the other one waits for a blocked owner');
        a.unblock(order);
        await world.settle();
        assert.ok(held.signal.aborted);
        waiting.value.assertHeld();
        await world.run(held.release()).catch(() => undefined);
        await world.advance(1000);
        waiting.value.assertHeld();
      });

      it(`a waiter is blocked for two TTLs (${order} after it)`, async () => {
        const held = await take(a);
        const waiting = await wait(b);
        const behind = await wait(c);
        b.block();
        await world.advance(1000);
        await world.run(held.release());
        await world.advance(2 * TTL_MS);
        const next = await world.run(behind.promise);
        b.unblock(order);
        await world.advance(1000);
        assert.equal(waiting.value, undefined, 'a stalled waiter was given what another owns');
        next.assertHeld();
      });
    }

    it('the wall clock jumps, forwards and backwards: nothing is lost, and it is asked again', async () => {
      const held = await take(a);
      for (const jumpMs of [3_600_000, -7_200_000]) {
        a.clock.jumpWall(jumpMs);
        await world.advance(2 * TTL_MS);
        held.assertHeld();
        assert.equal(held.signal.aborted, false);
      }
      const waiting = await wait(b);
      b.clock.jumpWall(3_600_000);
      await world.advance(1000);
      await world.run(held.release());
      (await world.run(waiting.promise)).assertHeld();
    });

    it('an owner that is cut off knows it before the next one owns', async () => {
      const held = await take(a);
      const waiting = await wait(b);
      let lostMs: number | undefined;
      let nextMs: number | undefined;
      held.signal.addEventListener('abort', () => (lostMs = world.clock.monotonic()));
      void waiting.promise.then(() => (nextMs = world.clock.monotonic()));
      const cutMs = world.clock.monotonic();
      a.store.partition('hang');
      await world.advance(2 * TTL_MS);
      assert.ok(lostMs !== undefined && nextMs !== undefined, `${lostMs} and ${nextMs}`);
      assert.ok(lostMs - cutMs <= 0.9 * TTL_MS, `told after ${lostMs - cutMs} ms`);
      assert.ok(lostMs < nextMs, `lost at ${lostMs}, owned by the next at ${nextMs}`);
      a.store.heal();
      await world.advance(1000);
      assert.throws(() => held.assertHeld());
      waiting.value?.assertHeld();
    });

    it('an administrator takes it away, and who has not heard of it takes nothing back', async () => {
      const held = await take(a);
      a.block();
      world.server.run(() => {
        for (const key of left()) world.server.kv.delete({ key });
        return {};
      });
      const next = await take(b);
      const behind = await wait(c);
      const returning = peek(held.release());
      await world.advance(1000);
      next.assertHeld();
      assert.equal(behind.value, undefined, 'freed for a third by the one that had lost it');
      a.unblock();
      await world.advance(1000);
      assert.ok(held.signal.aborted);
      assert.ok(returning.error !== undefined, 'it was told that it had given back its own');
      next.assertHeld();
    });

    it('comes back while the keys of its old session are still listed', async () => {
      const held = await take(a);
      a.store.partition('hang');
      await world.advance(TTL_MS - 500);
      assert.ok(held.signal.aborted, 'the deadline should have passed');
      assert.ok(left().length > 0, 'the old keys should still be there');
      a.store.heal();
      const again = await world.run(contender.take(a), PATIENCE_MS);
      again.assertHeld();
      if (held.fence !== undefined) assert.ok((again.fence ?? 0) > held.fence);
      await world.run(held.release()).catch(() => undefined);
      await world.advance(1000);
      again.assertHeld();
    });

    it('a wait that is given up leaves nothing behind, whenever that is', async () => {
      const held = await take(a);
      for (let afterMs = 0; afterMs < 3; afterMs++) {
        const abort = new AbortController();
        const waiting = peek(contender.take(b, { signal: abort.signal }));
        await world.advance(afterMs);
        abort.abort();
        await world.settle();
        assert.ok(waiting.error !== undefined, 'it still waits');
      }
      const late = peek(contender.take(b, { timeoutMs: 50 }));
      await world.advance(50);
      assert.ok(late.error !== undefined, 'it still waits');
      await world.advance(1000);
      await world.run(held.release());
      await world.advance(PATIENCE_MS);
      assert.deepEqual(left(), []);
    });

    const crowd = Math.min(CROWD, contender.crowdMax ?? CROWD);
    it(`${crowd} waiters: a hand-over costs as much as among 20`, async () => {
      const small = await handOver(contender, 20);
      const large = await handOver(contender, crowd);
      assert.deepEqual(large, small);
      const { events, calls } = contender.handOver;
      assert.ok(large.events <= events && large.calls <= calls, JSON.stringify(large));
    });
  });
}

/** What one hand-over in the middle of a crowd costs: watch events and calls, of all together. */
async function handOver(
  contender: Contender,
  crowd: number,
): Promise<{ readonly events: number; readonly calls: number }> {
  const world = new World({ session: { ttlSeconds: 600 } });
  const client = world.client('crowd');
  if (contender.prepare !== undefined) await world.run(contender.prepare(client));
  const grips: Grip[] = [];
  for (let n = 0; n < crowd; n++) void contender.take(client).then((grip) => grips.push(grip));
  await world.settle();
  const turn = async (): Promise<void> => {
    const before = grips.length;
    await world.run(grips[before - 1]?.release() ?? Promise.resolve());
    await world.settle();
    assert.equal(grips.length, before + 1, 'not exactly one took over');
  };
  for (let n = 0; n < 3; n++) await turn();
  const turns = 5;
  const [calls, events] = [client.store.calls.length, client.store.deliveredEventCount];
  for (let n = 0; n < turns; n++) await turn();
  return {
    events: (client.store.deliveredEventCount - events) / turns,
    calls: (client.store.calls.length - calls) / turns,
  };
}
