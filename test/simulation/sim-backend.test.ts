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
});
