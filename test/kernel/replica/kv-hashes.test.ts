// Proves that hashing a large store leaves room between its parts, that hashes wait for each other
// instead of sharing that room, and that the end of the member ends them.
import assert from 'node:assert/strict';
import { KvHashes } from '../../../src/kernel/replica/kv-hashes.js';
import type { Clock } from '../../../src/ports/clock.js';
import { isStoreError, LIMITS, StoreError } from '../../../src/store/index.js';
import { MvccWorld } from '../mvcc/mvcc-world.js';

describe('hashes of the whole store', () => {
  const pauses: (() => void)[] = [];
  const clock: Clock = {
    monotonic: () => 0,
    wall: () => 0,
    timer: (_delayMs, fire) => {
      pauses.push(fire);
      return { cancel: () => undefined };
    },
  };
  let world: MvccWorld;
  let reads: number;
  let stopped: StoreError | undefined;
  let hashes: KvHashes;

  before(async () => {
    world = new MvccWorld(4, 400);
    await world.open();
    const rowsWanted = 2 * LIMITS.hashStepRows + 10;
    // Each is a revision of one row at least.
    for (let at = 0; at < rowsWanted; at++) {
      const write = world.mvcc.begin();
      write.put(Uint8Array.of(at % 7), Uint8Array.of(1), 0n, false);
      write.commit();
    }
  });

  beforeEach(() => {
    pauses.length = 0;
    reads = 0;
    stopped = undefined;
    hashes = new KvHashes({
      mvcc: world.mvcc,
      clock,
      read: (read) => {
        reads += 1;
        if (stopped !== undefined) throw stopped;
        return read();
      },
    });
  });

  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('go on after a pause, one after the other', async () => {
    const answers: number[] = [];
    const expected = world.mvcc.hashKv(0);
    const first = hashes.hash(0).then((hash) => {
      answers.push(1);
      return hash;
    });
    const failing = hashes.hash(world.mvcc.revision + 1);
    const second = hashes.hash(0).then(() => answers.push(2));
    const refused = assert.rejects(failing, (error) => isStoreError(error, 'FutureRevision'));
    let count = 0;
    for (; ; count++) {
      await settled();
      assert.ok(pauses.length <= 1, 'two at once');
      if (pauses.length === 0) break;
      pauses.shift()?.();
    }
    assert.equal(count, 4, 'two pauses each');
    assert.deepEqual(await first, expected);
    await refused;
    await second;
    assert.deepEqual(answers, [1, 2]);
  });

  it('end when the member has stopped', async () => {
    const hash = hashes.hash(0);
    await settled();
    assert.equal(pauses.length, 1);
    stopped = new StoreError('Stopped');
    const rejected = assert.rejects(hash, (error) => isStoreError(error, 'Stopped'));
    pauses.shift()?.();
    await rejected;
    assert.equal(reads, 3);
  });
});
