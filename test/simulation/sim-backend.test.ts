// The simulated backend keeps the contract of every backend; a crash leaves what was resolved, and
// an unresolved commit entirely or not at all.
import assert from 'node:assert/strict';
import { SimBackend } from '../../src/simulation/sim-backend.js';
import { SimRandom } from '../../src/simulation/sim-random.js';
import { backendContract } from '../contract/backend.js';

backendContract('simulated', async () => {
  const backend = new SimBackend(new SimRandom(1));
  return {
    backend,
    reopen: async () => {
      await backend.close();
      backend.crash();
      return backend;
    },
    tearDown: async () => {},
  };
});

describe('SimBackend', () => {
  const row = (key: number) =>
    ({ bucket: 'key', key: Uint8Array.of(key), value: Uint8Array.of(key) }) as const;

  it('keeps resolved commits through a crash, and all or nothing of the last', async () => {
    const outcomes = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const backend = new SimBackend(new SimRandom(seed));
      await backend.commit([row(1)]);
      void backend.commit([row(2), row(3)]);
      backend.crash();
      assert.notEqual(backend.get('key', Uint8Array.of(1)), undefined);
      outcomes.add(backend.count('key'));
      for (let turns = 0; turns < 10; turns++) await Promise.resolve();
      assert.ok(outcomes.has(backend.count('key')), 'a commit of a dead process has no effect');
    }
    assert.deepEqual(
      [...outcomes].sort((a, b) => a - b),
      [1, 3],
    );
  });

  it('fails as told, for good, and works again after a crash', async () => {
    const backend = new SimBackend(new SimRandom(1));
    backend.failNextCommit(new Error('no space left'));
    await assert.rejects(backend.commit([row(1)]), /no space left/);
    assert.throws(() => backend.get('key', Uint8Array.of(1)), /no space left/);
    backend.crash();
    assert.equal(backend.count('key'), 0);
  });

  async function* rowsOf(
    ...keys: readonly number[]
  ): AsyncIterable<readonly ReturnType<typeof row>[]> {
    for (const key of keys) {
      await Promise.resolve();
      yield [row(key)];
    }
  }

  it('leaves all of the old or all of the new when a replacement is cut off', async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 120; seed++) {
      const random = new SimRandom(seed);
      const backend = new SimBackend(random);
      await backend.commit([row(1), row(2)]);
      void backend.replace(rowsOf(7, 8, 9));
      for (let turns = random.below(30); turns > 0; turns--) await Promise.resolve();
      backend.crash();
      const keys = Array.from(backend.range('key', Uint8Array.of(), undefined, 0), (r) => r.key[0]);
      outcomes.add(keys.join());
      for (let turns = 0; turns < 40; turns++) await Promise.resolve();
      assert.equal(backend.count('key'), keys.length, 'a dead process has no effect');
      await backend.commit([row(5)]);
      assert.equal(backend.count('key'), keys.length + 1);
    }
    assert.deepEqual([...outcomes].sort(), ['1,2', '7,8,9']);
  });

  it('ends the process in the call that was planned', async () => {
    const outcomes = new Set<number>();
    for (let seed = 0; seed < 20; seed++) {
      const backend = new SimBackend(new SimRandom(seed));
      await new Promise<void>((resolve) => {
        backend.crashInCall(2, resolve);
        void backend
          .commit([row(1)])
          .then(() => backend.replace(rowsOf(3, 4, 5)))
          .then(() => assert.fail('it must not resolve'));
      });
      backend.crash();
      outcomes.add(backend.count('key'));
    }
    assert.deepEqual(
      [...outcomes].sort((a, b) => a - b),
      [1, 3],
    );
  });

  it('shows a view only what is durable, and ends it with the process', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const backend = new SimBackend(new SimRandom(seed));
      await backend.commit([row(1)]);
      const commit = backend.commit([row(2)]);
      const view = backend.view();
      assert.equal(view.count('key'), 1);
      await commit;
      assert.equal(view.count('key'), 1);
      backend.crash();
      assert.throws(() => view.count('key'), /has ended/);
    }
  });

  it('is quick with thousands of rows and thousands of commits', async function () {
    this.timeout(5000);
    const random = new SimRandom(4);
    const backend = new SimBackend(random);
    const key = (): Uint8Array => Uint8Array.of(random.below(40), random.below(250));
    for (let i = 0; i < 3000; i++) {
      await backend.commit([
        { bucket: 'key', key: key(), value: Uint8Array.of(1, 2, 3) },
        { bucket: 'key', key: key(), value: random.below(8) === 0 ? undefined : key() },
        { bucket: 'meta', key: Uint8Array.of(1), value: key() },
      ]);
    }
    assert.ok(backend.count('key') > 3000);
  });
});
