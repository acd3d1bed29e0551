// Proves that no number of a sequence is given out twice, that those of one handle grow, and what
// costs a gap: a lost answer, an end, a block of another. A block that is used without an answer,
// and a handle that follows a key which went back, fail here.
import assert from 'node:assert/strict';
import { type CoordinationErrorCode, isCoordinationError } from '../../../src/recipes/errors.js';
import type { Sequence } from '../../../src/recipes/counter/sequence.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, testSeed, World } from '../../support/world.js';

const is = (code: CoordinationErrorCode) => (error: unknown) => isCoordinationError(error, code);

describe('Sequence', () => {
  let world: World;
  let a: Client;
  let b: Client;

  beforeEach(() => {
    world = new World();
    a = world.client('a');
    b = world.client('b');
  });

  const take = async (sequence: Sequence, count: number): Promise<number[]> => {
    const numbers: number[] = [];
    for (let i = 0; i < count; i++) numbers.push(await world.run(sequence.next()));
    return numbers;
  };

  it('gives numbers from one on, block by block', async () => {
    const first = a.coord.sequence('s', { blockSize: 3 });
    const second = b.coord.sequence('s', { blockSize: 3 });
    assert.deepEqual(await take(first, 2), [1, 2]);
    assert.deepEqual(await take(second, 4), [4, 5, 6, 7]);
    assert.deepEqual(await take(first, 2), [3, 10]);
  });

  it('takes one block for many who wait at once, in their order', async () => {
    const sequence = a.coord.sequence('s', { blockSize: 10 });
    const before = a.store.calls.length;
    const numbers = await world.run(Promise.all(Array.from({ length: 10 }, () => sequence.next())));
    assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert.equal(a.store.calls.length - before, 2);
    await take(sequence, 10);
    assert.equal(a.store.calls.length - before, 4);
  });

  it('a lost answer costs a gap', async () => {
    const sequence = a.coord.sequence('s', { blockSize: 3 });
    a.store.loseResponse(({ name }) => name === 'txn');
    assert.deepEqual(await take(sequence, 2), [4, 5]);
  });

  it('a caller that gives up costs no number', async () => {
    const sequence = a.coord.sequence('s', { blockSize: 3 });
    a.store.partition('hang');
    const given = peek(sequence.next({ timeoutMs: 100 }));
    await world.advance(200);
    assert.ok(is('Timeout')(given.error));
    a.store.heal();
    assert.deepEqual(await take(sequence, 1), [1]);
  });

  it('does not go back when the key does', async () => {
    const sequence = a.coord.sequence('s', { blockSize: 3 });
    await take(sequence, 3);
    world.server.run(() => ({ gone: world.server.kv.delete({ key: 's/@sequence' }) }));
    assert.deepEqual(await take(sequence, 1), [4]);
    assert.deepEqual(await take(b.coord.sequence('s', { blockSize: 3 }), 1), [7]);
  });

  it('refuses blocks and keys that make no sense, and numbers that are not exact', async () => {
    for (const blockSize of [0, 1.5, -1, 2_000_000]) {
      assert.throws(() => a.coord.sequence('s', { blockSize }), is('InvalidArgument'));
    }
    const put = (value: string): void => {
      world.server.run(() => ({ kv: world.server.kv.put({ key: 's/@sequence', value }) }));
    };
    for (const value of ['x', '-5', String(Number.MAX_SAFE_INTEGER)]) {
      put(value);
      await assert.rejects(world.run(a.coord.sequence('s').next()), is('InvalidArgument'));
    }
  });

  it('gives no number twice under random faults', async () => {
    for (let run = 0; run < 10; run++) {
      const seed = testSeed() + run;
      const small = new World({ seed, latencyMaxMs: 30 });
      const handles = ['a', 'b', 'c'].map((name) => {
        const client = small.client(name);
        return { client, sequence: client.coord.sequence('s', { blockSize: 4 }), last: 0 };
      });
      const seen = new Set<number>();
      const all: Promise<void>[] = [];
      for (let i = 0; i < 120; i++) {
        const handle = handles[small.random.below(3)] ?? assert.fail();
        const what = small.random.below(6);
        if (what === 0) handle.client.store.loseResponse(() => true);
        if (what === 1) handle.client.store.loseRequest(() => true);
        if (what === 2) handle.client.store.delayRequest(() => true, small.random.below(500));
        all.push(
          handle.sequence.next().then((number) => {
            assert.ok(!seen.has(number), `TIDELOCK_SEED=${seed}: ${number} twice`);
            assert.ok(number > handle.last, `TIDELOCK_SEED=${seed}: went back`);
            seen.add(number);
            handle.last = number;
          }),
        );
        await small.advance(small.random.below(60));
      }
      await small.run(Promise.all(all));
      assert.equal(seen.size, 120);
    }
  });
});
