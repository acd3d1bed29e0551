// The suite that every recipe has to pass at which some wait until something has happened: nobody
// passes before it has, everybody does when it has, whatever is lost on the way and whoever dies,
// and who gives up leaves nothing behind. The bugs that it is made of: a watch that ends taken for
// an opening (etcd's Barrier.Wait), an opening between the look and the watch that is missed
// (etcd PR 16223), the one who should open dying before it could (etcd's DoubleBarrier).
import { TIMING } from '../../../src/recipes/base/timing.js';
import assert from 'node:assert/strict';
import { inCi } from '../../support/in-ci.js';
import { type Peeked, peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';
import { type Gate, GATES } from './gate.js';

const TTL_MS = 10_000;
/** Long enough for a lease to end and for two safety polls. */
const PATIENCE_MS = 3 * TTL_MS;
/** So many calls of an operation are made to fail in turn. */
const CALLS = 8;
const CROWD = inCi ? 500 : 100;

for (const gate of GATES) {
  describe(`conformance: ${gate.name}`, function () {
    this.timeout(60_000);
    let world: World;
    let a: Client;
    let b: Client;
    let c: Client;

    const renew = async (): Promise<void> => {
      world = new World();
      [a, b, c] = [world.client('a'), world.client('b'), world.client('c')];
      // Nobody's first session is part of what is counted or broken here.
      for (const client of [a, b, c])
        await world.run(client.coord.lock(`warm-${client.name}`).acquire());
      await world.run(gate.prepare(c));
    };
    beforeEach(renew);

    const wait = async (client: Client, waiters = 1): Promise<Peeked<unknown>> => {
      const waiting = peek(gate.wait(client, { waiters }));
      await world.advance(100);
      return waiting;
    };
    const open = async (client = c, waiters = 1): Promise<void> => {
      peek(gate.open(client, { waiters }));
      await world.advance(100);
    };
    const passed = async (waiting: Peeked<unknown>): Promise<void> => {
      await world.run(waiting.promise, PATIENCE_MS);
    };

    it('nobody passes before it is open, and then everybody does', async () => {
      const [one, two] = [await wait(a, 2), await wait(b, 2)];
      await world.advance(PATIENCE_MS);
      assert.equal(one.value ?? two.value, undefined, 'passed a closed gate');
      assert.equal(one.error ?? two.error, undefined);
      await open(c, 2);
      assert.ok(one.value !== undefined && two.value !== undefined, 'it is not open for all');
    });

    for (const fault of ['loseResponse', 'loseRequest'] as const) {
      for (const who of ['one that waits', 'the one that opens'] as const) {
        it(`${fault} of ${who}: it opens all the same, and not before`, async () => {
          for (let fatal = 1; fatal <= CALLS; fatal++) {
            await renew();
            let count = 0;
            (who === 'one that waits' ? a : c).store[fault](() => ++count === fatal);
            const waiting = await wait(a);
            await world.advance(TTL_MS);
            assert.equal(waiting.value, undefined, `call ${fatal}: passed a closed gate`);
            await open();
            await passed(waiting);
          }
        });
      }
    }

    it('the one that opens dies after any of its calls, and another one opens', async () => {
      for (let fatal = 1; fatal <= CALLS; fatal++) {
        await renew();
        const waiting = await wait(a);
        let count = 0;
        c.store.loseResponse(() => {
          if (++count === fatal) c.crash();
          return false;
        });
        await open();
        c.crash();
        await world.advance(PATIENCE_MS);
        await open(b);
        await passed(waiting);
      }
    });

    it('a watch that ends is a reason to look again, and none to pass', async () => {
      const waiting = await wait(a);
      for (let n = 0; n < 3; n++) {
        a.store.breakWatches();
        await world.advance(1000);
        assert.equal(waiting.value, undefined, 'passed because a watch ended');
      }
      await open();
      await passed(waiting);
    });

    it('the event of the opening never comes', async () => {
      const waiting = await wait(a);
      a.store.dropNextEvent(() => true);
      await open();
      await passed(waiting);
    });

    it('it opens between the look and the watch', async () => {
      for (let fatal = 1; fatal <= CALLS; fatal++) {
        await renew();
        let count = 0;
        let opening: Peeked<unknown> | undefined;
        // Called when the call has been answered and its answer is under way.
        a.store.loseResponse(() => {
          if (++count === fatal) opening = peek(gate.open(c, { waiters: 1 }));
          return false;
        });
        const waiting = await wait(a);
        if (opening === undefined) await open();
        await passed(waiting);
      }
    });

    it('history is compacted below one that waits', async () => {
      const waiting = await wait(a);
      for (let n = 0; n < 5; n++) await world.run(b.store.put({ key: 'noise' }));
      a.store.partition('hang');
      await open();
      await world.run(b.store.put({ key: 'noise' }));
      const { header } = await world.run(b.store.range({ key: 'noise' }));
      await world.run(b.store.compact({ revision: header.revision }));
      a.store.heal();
      a.store.breakWatches();
      await passed(waiting);
    });

    it('one that waits is cut off while it opens', async () => {
      const waiting = await wait(a);
      a.store.partition('hang');
      await open();
      await world.advance(2000);
      assert.equal(waiting.value, undefined);
      a.store.heal();
      await passed(waiting);
    });

    for (const order of ['timers-first', 'network-first'] as const) {
      it(`one that waits is blocked for two TTLs (${order} after it)`, async () => {
        const waiting = await wait(a);
        a.block();
        await world.advance(2 * TTL_MS + 1000);
        if (gate.isLeased) await open();
        a.unblock(order);
        await world.advance(1000);
        assert.equal(waiting.value, undefined, 'passed a closed gate');
        if (gate.isLeased) return assert.ok(waiting.error !== undefined, 'nobody counts it');
        await open();
        await passed(waiting);
      });
    }

    it('the wall clock jumps, forwards and backwards', async () => {
      const waiting = await wait(a);
      for (const jumpMs of [3_600_000, -7_200_000]) {
        a.clock.jumpWall(jumpMs);
        await world.advance(TTL_MS);
        assert.equal(waiting.value ?? waiting.error, undefined);
      }
      await open();
      await passed(waiting);
    });

    it('a wait that is given up leaves nothing behind, whenever that is', async () => {
      // Whoever holds the gate closed watches that by then.
      await world.advance(TIMING.holdUnwatchedMs);
      const before = world.keys('thing');
      const watches = a.store.watchCount;
      for (let afterMs = 0; afterMs < 3; afterMs++) {
        const abort = new AbortController();
        const waiting = peek(gate.wait(a, { waiters: 1, signal: abort.signal }));
        await world.advance(afterMs);
        abort.abort();
        await world.settle();
        assert.ok(waiting.error !== undefined, 'it still waits');
      }
      const late = peek(gate.wait(a, { waiters: 1, timeoutMs: 50 }));
      await world.advance(50);
      assert.ok(late.error !== undefined, 'it still waits');
      await world.advance(1000);
      assert.deepEqual(world.keys('thing'), before);
      assert.equal(a.store.watchCount, watches);
    });

    it('ends with its client while it waits', async () => {
      const waiting = await wait(a);
      await world.run(a.coord.close());
      assert.ok(waiting.error !== undefined, 'it still waits');
      assert.equal(a.store.watchCount, 0);
    });

    it(`${CROWD} that wait: each costs as much as among 20`, async () => {
      for (const crowd of [20, CROWD]) {
        const { come, pass } = await costs(gate, crowd);
        const told = JSON.stringify({ crowd, come, pass });
        assert.ok(come.events <= gate.come.events && come.calls <= gate.come.calls, told);
        // The one that opens has calls of its own, which a crowd shares.
        assert.ok(pass.events <= gate.pass.events + 0.5, told);
        assert.ok(pass.calls <= gate.pass.calls + 0.5, told);
      }
    });
  });
}

interface Cost {
  readonly events: number;
  readonly calls: number;
}

/** What one more waiter costs, and what each costs when all pass, everybody's share included. */
async function costs(gate: Gate, crowd: number): Promise<{ readonly come: Cost; pass: Cost }> {
  const world = new World({ session: { ttlSeconds: 600 } });
  const [client, opener] = [world.client('crowd'), world.client('opener')];
  await world.run(gate.prepare(opener));
  let passed = 0;
  const come = (): void => {
    void gate.wait(client, { waiters: crowd }).then(() => passed++);
  };
  for (let n = 0; n < crowd - 5; n++) come();
  await world.settle();
  const { store } = client;
  const count = async (times: number, work: () => void): Promise<Cost> => {
    const [calls, events] = [store.calls.length, store.deliveredEventCount];
    work();
    await world.settle();
    return {
      calls: (store.calls.length - calls) / times,
      events: (store.deliveredEventCount - events) / times,
    };
  };
  const each = await count(5, () => {
    for (let n = 0; n < 5; n++) come();
  });
  assert.equal(passed, 0);
  const pass = await count(crowd, () => void gate.open(opener, { waiters: crowd }));
  assert.equal(passed, crowd, 'not all have passed');
  return { come: each, pass };
}
