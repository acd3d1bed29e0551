// Proves that every addition counts once, under crowds, lost answers, late requests and callers
// that try again, and that a number beyond 64 bits is refused. An addition that is not compared,
// one without a name and one whose name is forgotten in silence each fail here.
import assert from 'node:assert/strict';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import { StoreError } from '../../../src/store/index.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, testSeed, World } from '../../support/world.js';

const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);

describe('Counter', () => {
  let world: World;
  let a: Client;
  let b: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
  });

  const put = (value: string): void => {
    world.server.run(() => ({ kv: world.server.kv.put({ key: 'n/@counter', value }) }));
  };

  it('adds in one transaction, reads, and shows', async () => {
    const counter = a.coord.counter('n');
    const seen: bigint[] = [];
    b.coord.counter('n').value$.subscribe((value) => seen.push(value));
    await world.settle();
    assert.equal(await world.run(counter.get()), 0n);
    assert.deepEqual(await world.run(counter.add(5)), { value: 5n, applied: true });
    const before = a.store.calls.length;
    assert.deepEqual(await world.run(counter.add(-7n)), { value: -2n, applied: true });
    assert.equal(a.store.calls.length - before, 1);
    assert.deepEqual(await world.run(b.coord.counter('n').add(0)), { value: -2n, applied: true });
    await world.settle();
    assert.deepEqual(seen, [0n, 5n, -2n]);
  });

  it('counts a named operation once', async () => {
    const first = await world.run(a.coord.counter('n').add(5, { opId: 'order-1' }));
    await world.run(a.coord.counter('n').add(1));
    const again = await world.run(b.coord.counter('n').add(5, { opId: 'order-1' }));
    assert.deepEqual(again, { value: first.value, applied: false });
    assert.equal(await world.run(a.coord.counter('n').get()), 6n);
  });

  it('loses nothing in a crowd', async () => {
    const counters = Array.from({ length: 8 }, (_, i) => world.client(`c${i}`).coord.counter('n'));
    const work = counters.map(async (counter) => {
      for (let i = 0; i < 10; i++) await counter.add(1);
    });
    await world.run(Promise.all(work));
    assert.equal(await world.run(a.coord.counter('n').get()), 80n);
  });

  it('a lost answer counts once, and says so', async () => {
    const counter = a.coord.counter('n');
    a.store.loseResponse(({ name }) => name === 'txn');
    assert.deepEqual(await world.run(counter.add(3)), { value: 3n, applied: true });
    assert.equal(await world.run(counter.get()), 3n);
  });

  it('a request that arrives late counts once', async () => {
    const counter = a.coord.counter('n');
    a.store.delayRequest(({ name }) => name === 'txn', 20);
    const added = await world.run(counter.add(3));
    await world.advance(1000);
    assert.equal(added.value, 3n);
    assert.equal(await world.run(counter.get()), 3n);
  });

  it('says that it does not know, rather than to count twice', async () => {
    const counter = a.coord.counter('n');
    await world.run(counter.add(1));
    a.store.loseResponse(({ name }) => name === 'txn');
    const unsure = peek(counter.add(1));
    for (let i = 0; i < 70; i++) void b.coord.counter('n').add(1);
    a.store.hold();
    await world.advance(10_000);
    a.store.release();
    await world.advance(10_000);
    assert.ok(is('Unavailable')(unsure.error));
    assert.equal(await world.run(counter.get()), 72n);
  });

  it('a refusal, or an end of patience, after a lost answer is no proof of anything', async () => {
    const counter = a.coord.counter('n');
    const isTxn = ({ name }: { readonly name: string }): boolean => name === 'txn';
    await world.run(counter.add(1));
    const refuse = (): void => {
      Object.assign(a.store, { txn: () => Promise.reject(new StoreError('NoSpace')) });
    };
    refuse();
    const refused = peek(counter.add(1));
    await world.advance(1000);
    assert.ok(is('StoreRefused')(refused.error));
    Reflect.deleteProperty(a.store, 'txn');
    a.store.loseResponse(isTxn);
    const unsure = peek(counter.add(1));
    await world.advance(1);
    refuse();
    await world.advance(1000);
    assert.ok(is('Unavailable')(unsure.error), String(unsure.error));
    assert.match(String(unsure.error), /not known whether the addition has counted$/);
    Reflect.deleteProperty(a.store, 'txn');
    a.store.loseResponse(isTxn);
    const given = peek(a.coord.counter('n').add(1, { timeoutMs: 5 }));
    await world.advance(1000);
    assert.ok(is('Timeout')(given.error));
    assert.match(String(given.error), /not known whether the addition has counted$/);
    assert.equal(await world.run(counter.get()), 3n);
  });

  it('refuses what does not fit into 64 bits, and what is no integer', async () => {
    const counter = a.coord.counter('n');
    put(String(2n ** 63n - 1n));
    await assert.rejects(world.run(counter.add(1)), is('InvalidArgument'));
    assert.equal((await world.run(counter.add(-1))).value, 2n ** 63n - 2n);
    put(String(-(2n ** 63n)));
    await assert.rejects(world.run(a.coord.counter('n').add(-1)), is('InvalidArgument'));
    await assert.rejects(world.run(counter.add(1.5)), is('InvalidArgument'));
    await assert.rejects(world.run(counter.add(2 ** 60)), is('InvalidArgument'));
    put('{"some":"thing"}');
    await assert.rejects(world.run(a.coord.counter('n').get()), is('InvalidArgument'));
    put(String(2n ** 63n));
    await assert.rejects(world.run(a.coord.counter('n').get()), is('InvalidArgument'));
  });

  it('a reading guards a write', async () => {
    const counter = a.coord.counter('n');
    const write = async (): Promise<boolean> => {
      const result = await a.store.txn({
        compare: [reading.guard()].flat(),
        success: [{ kind: 'put', key: 'k' }],
      });
      return result.succeeded;
    };
    let reading = await world.run(counter.read());
    assert.equal(await world.run(write()), true);
    await world.run(counter.add(1));
    assert.equal(await world.run(write()), false);
    reading = await world.run(counter.read());
    assert.equal(await world.run(write()), true);
  });

  it('keeps a bounded memory', async () => {
    const counter = a.coord.counter('n');
    for (let i = 0; i < 100; i++) await world.run(counter.add(1));
    const { kvs } = world.server.kv.range({ key: 'n/@counter' });
    assert.ok((kvs[0]?.value.length ?? 0) < 64 * 40);
  });

  it('is exact under random faults', async () => {
    for (let run = 0; run < 10; run++) {
      const seed = testSeed() + run;
      const small = new World({ seed, latencyMaxMs: 30 });
      const clients = ['a', 'b', 'c'].map((name) => small.client(name));
      let sum = 0n;
      const all: Promise<void>[] = [];
      for (let i = 0; i < 60; i++) {
        const client = clients[small.random.below(3)] as Client;
        const what = small.random.below(4);
        if (what === 0) client.store.loseResponse(() => true);
        if (what === 1) client.store.loseRequest(() => true);
        if (what === 2) client.store.delayRequest(() => true, small.random.below(500));
        const amount = small.random.below(10);
        const added = client.coord.counter('n').add(amount);
        const count = (): void => {
          sum += BigInt(amount);
        };
        all.push(
          added.then(count, (error: unknown) => {
            assert.ok(is('Unavailable')(error), `TIDELOCK_SEED=${seed}`);
            // Unknown: the sum cannot be told any more.
            sum = -1_000_000n;
          }),
        );
        await small.advance(small.random.below(100));
      }
      await small.run(Promise.all(all));
      await small.advance(2000);
      const value = await small.run((clients[0] as Client).coord.counter('n').get());
      if (sum >= 0n) assert.equal(value, sum, `TIDELOCK_SEED=${seed}`);
    }
  });
});
