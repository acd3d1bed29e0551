// The cases of the conformance suite for those who read beside each other and against writers.
// After each step it is looked whether a writer and somebody else are sure of the lock at the same
// time.
import assert from 'node:assert/strict';
import { inCi } from '../../support/in-ci.js';
import { type Peeked, peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

const TTL_MS = 10_000;
const PATIENCE_MS = 3 * TTL_MS;
const CALLS = 8;
const CROWD = inCi ? 500 : 100;
const KEYS = 'thing/@rw/';

interface Held {
  readonly assertHeld: () => void;
  readonly release: () => Promise<void>;
}

describe('conformance: readers against writers', function () {
  this.timeout(60_000);
  let world: World;
  let a: Client;
  let b: Client;
  let c: Client;
  let readers: Peeked<Held>[];
  let writers: Peeked<Held>[];

  const renew = (): void => {
    world = new World();
    [a, b, c] = [world.client('a'), world.client('b'), world.client('c')];
    [readers, writers] = [[], []];
  };
  beforeEach(renew);

  const isSure = ({ value }: Peeked<Held>): boolean => {
    try {
      value?.assertHeld();
      return value !== undefined;
    } catch {
      return false;
    }
  };
  const check = (where = ''): void => {
    const [reading, writing] = [readers.filter(isSure).length, writers.filter(isSure).length];
    assert.ok(writing === 0 || reading + writing === 1, `${where}: ${reading} and ${writing}`);
  };
  const ask = async (client: Client, mode: 'read' | 'write'): Promise<Peeked<Held>> => {
    const asked = peek<Held>(client.coord.readWriteLock('thing')[mode]());
    (mode === 'read' ? readers : writers).push(asked);
    await world.advance(100);
    check();
    return asked;
  };
  const release = async (asked: Peeked<Held>): Promise<void> => {
    await world.run(asked.value?.release() ?? assert.fail('it is not held'));
    await world.advance(100);
    check();
  };

  it('readers come in together, wait behind a writer that waits, and the writer for them all', async () => {
    const [one, two] = [await ask(a, 'read'), await ask(b, 'read')];
    assert.ok(isSure(one) && isSure(two));
    const writer = await ask(c, 'write');
    const late = await ask(a, 'read');
    await release(two);
    assert.equal(writer.value, undefined);
    assert.equal(late.value, undefined, 'a reader passed a writer that waits');
    await release(one);
    assert.ok(isSure(writer));
    await release(writer);
    assert.ok(isSure(late));
  });

  for (const fault of ['loseResponse', 'loseRequest'] as const) {
    it(`${fault} of a reader: it reads once, beside others, and leaves nothing`, async () => {
      for (let fatal = 1; fatal <= CALLS; fatal++) {
        renew();
        let count = 0;
        a.store[fault](() => ++count === fatal);
        const other = await ask(b, 'read');
        const reader = await ask(a, 'read');
        const writer = await ask(c, 'write');
        await world.advance(TTL_MS);
        assert.ok(isSure(reader) && isSure(other), `call ${fatal}`);
        await release(reader);
        assert.equal(writer.value, undefined, `call ${fatal}: freed for the other reader`);
        await release(other);
        await world.advance(PATIENCE_MS);
        await release(writer);
        await world.advance(PATIENCE_MS);
        assert.deepEqual(world.keys(KEYS), [], `call ${fatal}: left behind`);
      }
    });
  }

  it('a reader that dies holds up nobody for longer than its session', async () => {
    const [dead, other] = [await ask(a, 'read'), await ask(b, 'read')];
    const writer = await ask(c, 'write');
    a.crash();
    await release(other);
    assert.equal(writer.value, undefined, 'the writer came in beside a reader');
    await world.advance(PATIENCE_MS);
    assert.ok(isSure(writer));
    assert.ok(!isSure(dead));
  });

  for (const order of ['timers-first', 'network-first'] as const) {
    it(`a reader that is blocked for two TTLs knows that it does not read (${order})`, async () => {
      const reader = await ask(a, 'read');
      const writer = await ask(b, 'write');
      a.block();
      await world.advance(2 * TTL_MS + 1000);
      assert.ok(isSure(writer) && !isSure(reader));
      a.unblock(order);
      await world.settle();
      check();
      await world.run(reader.value?.release() ?? assert.fail()).catch(() => undefined);
      await world.advance(1000);
      assert.ok(isSure(writer));
    });
  }

  it('lost events, watches that end and compaction cost time and no turn', async () => {
    const reader = await ask(a, 'read');
    const writer = await ask(b, 'write');
    b.store.dropNextEvent(() => true);
    await release(reader);
    await world.advance(PATIENCE_MS);
    assert.ok(isSure(writer));
    const next = await ask(c, 'read');
    c.store.partition('hang');
    await release(writer);
    const { header } = await world.run(a.store.put({ key: 'noise' }));
    await world.run(a.store.compact({ revision: header.revision }));
    c.store.heal();
    c.store.breakWatches();
    await world.advance(PATIENCE_MS);
    assert.ok(isSure(next));
  });

  it(`${CROWD} readers behind a writer: each costs as much as among 20`, async () => {
    const costs: string[] = [];
    for (const crowd of [20, CROWD]) {
      const own = new World({ session: { ttlSeconds: 600 } });
      const [client, writer] = [own.client('crowd'), own.client('writer')];
      const held = await own.run(writer.coord.readWriteLock('thing').write());
      let count = 0;
      for (let n = 0; n < crowd; n++) {
        void client.coord
          .readWriteLock('thing')
          .read()
          .then(() => count++);
      }
      await own.settle();
      const [calls, events] = [client.store.calls.length, client.store.deliveredEventCount];
      await own.run(held.release());
      await own.settle();
      assert.equal(count, crowd);
      const each = (now: number, before: number): number => (now - before) / crowd;
      costs.push(
        `${each(client.store.calls.length, calls)} calls, ${each(client.store.deliveredEventCount, events)} events`,
      );
    }
    assert.equal(costs[0], costs[1]);
    assert.equal(costs[0], '1 calls, 1 events');
  });
});
