// Proves that a member's end reaches everybody: at a failure and at a close every call settles,
// every watch ends with an error, no timer stays behind, and nothing is written after a failure.
import assert from 'node:assert/strict';
import { BUCKETS } from '../../../src/ports/backend.js';
import type { DiskFile } from '../../../src/ports/disk.js';
import type { SimBackend } from '../../../src/simulation/sim-backend.js';
import type { SimDisk } from '../../../src/simulation/sim-disk.js';
import { StoreError } from '../../../src/store/index.js';
import { rejectsWith } from '../../contract/store-harness.js';
import { openSimKernel, simWorld } from '../../support/sim-kernel.js';

/** What became of a watch: a code, 'complete', or undefined while it goes on. */
interface Ending {
  end: string | undefined;
}

function follow(watch: { subscribe(observer: object): unknown }): Ending {
  const ending: Ending = { end: undefined };
  watch.subscribe({
    error: (error: unknown) => {
      ending.end = error instanceof StoreError ? error.code : String(error);
    },
    complete: () => {
      ending.end = 'complete';
    },
  });
  return ending;
}

describe('the end of a member', () => {
  it('ends watches when it closes', async () => {
    const world = simWorld(1);
    const { store } = await openSimKernel(world);
    await store.put({ key: 'a', value: '' });
    const endings = [
      follow(store.watch({ key: 'a' })),
      follow(store.watch({ key: 'a', startRevision: 1, progressNotify: true })),
      follow(store.watch({ key: 'a', startRevision: 1000 })),
    ];
    await store.close();
    await world.clock.advance(1);
    assert.deepEqual(
      endings.map(({ end }) => end),
      ['Stopped', 'Stopped', 'Stopped'],
    );
    assert.equal(world.clock.timerCount, 0);
  });

  it('ends watches when a flush fails', async () => {
    const world = simWorld(2);
    const kernel = await openSimKernel(world);
    const { store } = kernel;
    await store.put({ key: 'a', value: '' });
    const ending = follow(store.watch({ key: 'a', progressNotify: true }));
    world.backend.failNextCommit(new Error('disk gone'));
    await world.clock.advance(200);
    assert.equal(ending.end, 'Stopped');
    await kernel.close();
    assert.equal(world.clock.timerCount, 0);
  });

  it('ends watches when the log fails', async () => {
    const world = simWorld(3);
    const kernel = await openSimKernel(world);
    const { store } = kernel;
    const ending = follow(store.watch({ key: 'a' }));
    world.disk.fail({ call: 'writeDurably', nth: 1, kind: 'io' });
    await rejectsWith(store.put({ key: 'a', value: '' }), 'Stopped');
    await world.clock.advance(1);
    assert.equal(ending.end, 'Stopped');
    await kernel.close();
    assert.equal(world.clock.timerCount, 0);
  });

  it('settles every call that is under way when it closes', async () => {
    const world = simWorld(4);
    const { store } = await openSimKernel(world);
    for (let at = 0; at < 50; at++) await store.put({ key: `k${at % 5}`, value: `${at}` });
    let settled = 0;
    const calls = [
      ...Array.from({ length: 20 }, (_, at) => store.put({ key: `n${at}`, value: '' })),
      store.compact({ revision: 40, physical: true }),
      store.leases.grant({ ttlSeconds: 10 }),
      store.range({ key: 'a' }),
    ];
    for (const call of calls) {
      call.then(
        () => settled++,
        () => settled++,
      );
    }
    await store.close();
    await world.clock.advance(100);
    assert.equal(settled, calls.length);
  });

  it('settles a physical compaction whose rows will never go', async () => {
    const world = simWorld(5);
    const kernel = await openSimKernel(world);
    const { store } = kernel;
    for (let at = 0; at < 50; at++) await store.put({ key: `k${at % 5}`, value: `${at}` });
    let settled = false;
    const compaction = store.compact({ revision: 40, physical: true }).then(
      () => 'done',
      (error: unknown) => (error as StoreError).code,
    );
    void compaction.then(() => (settled = true));
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    await kernel.close();
    await world.clock.advance(100);
    assert.equal(settled, true);
    assert.equal(await compaction, 'Stopped');
  });

  it('stops when a row that a reader needs is damaged', async () => {
    const world = simWorld(6);
    const kernel = await openSimKernel(world);
    const { store } = kernel;
    await store.put({ key: 'a', value: 'one' });
    await world.clock.advance(1000);
    damage(world.backend);
    await rejectsWith(store.range({ key: 'a' }), 'Stopped');
    assert.match((await kernel.failed).message, /checksum/);
    await rejectsWith(store.put({ key: 'b', value: '' }), 'Stopped');
    await kernel.close();
  });

  it('says at its start what to do about a damaged row, of whatever kind', async () => {
    const world = simWorld(13);
    const first = await openSimKernel(world);
    await first.store.leases.grant({ id: 5n, ttlSeconds: 500 });
    await first.store.put({ key: 'a', value: 'one', lease: 5n });
    await first.setAlarm('activate', { memberId: 9n, alarm: 'nospace' });
    await world.clock.advance(1000);
    await first.close();
    world.backend.crash();
    const { backend } = world;
    // Rows of keys are looked at when somebody reads them: a clean close left the index.
    for (const bucket of BUCKETS.filter((name) => name !== 'key')) {
      for (let row = 0; row < backend.count(bucket); row++) {
        assert.ok(backend.flipBit(bucket, row, 3));
        const opening = openSimKernel(world);
        // A copy of the index is no loss.
        const isCopy = await opening.then(
          (kernel) => kernel.close().then(() => true),
          (error: unknown) => {
            assert.match(String(error), /replace this member: `tidelock member remove/, bucket);
            return false;
          },
        );
        world.backend.crash();
        if (isCopy) assert.equal(bucket, 'meta');
        else assert.ok(backend.flipBit(bucket, row, 3));
      }
    }
  });

  it('stops when a row that a watcher needs is damaged', async () => {
    const world = simWorld(7);
    const first = await openSimKernel(world);
    await first.store.put({ key: 'a', value: 'one' });
    await first.close();
    world.backend.crash();
    const kernel = await openSimKernel(world);
    damage(world.backend);
    const ending = follow(kernel.store.watch({ key: 'a', startRevision: 1 }));
    await world.clock.advance(1);
    assert.equal(ending.end, 'Stopped');
    assert.match((await kernel.failed).message, /checksum/);
    await kernel.close();
  });

  it('stops when the size of its backend cannot be told', async () => {
    const world = simWorld(11);
    const kernel = await openSimKernel(world);
    await world.clock.advance(1000);
    world.backend.size = () => {
      throw new Error('the file was removed');
    };
    await rejectsWith(kernel.store.put({ key: 'a', value: '' }), 'Stopped');
    assert.match((await kernel.failed).message, /the file was removed/);
    assert.throws(() => kernel.status(), { code: 'Stopped' });
    await kernel.close();
  });

  it('may be closed from inside a subscriber', async () => {
    const world = simWorld(8);
    const { store } = await openSimKernel(world);
    let closed: Promise<void> | undefined;
    const ending = follow(store.watch({ key: 'b' }));
    store.watch({ key: 'a' }).subscribe({
      next: () => {
        closed = store.close();
      },
      error: () => undefined,
    });
    await store.put({ key: 'a', value: '' });
    await world.clock.advance(1);
    await closed;
    assert.ok(closed !== undefined);
    assert.equal(ending.end, 'Stopped');
    assert.equal(world.clock.timerCount, 0);
  });

  it('gives its files back though it failed', async () => {
    const world = simWorld(9);
    const files = countFiles(world.disk);
    const kernel = await openSimKernel(world);
    await kernel.store.put({ key: 'a', value: '' });
    world.backend.failNextCommit(new Error('disk gone'));
    await world.clock.advance(200);
    const { writes } = files;
    assert.ok(writes > 0);
    await kernel.close();
    await world.clock.advance(10_000);
    assert.equal(files.open, 0);
    assert.equal(files.writes, writes);
    assert.equal(world.clock.timerCount, 0);
  });

  it('closes its backend when the flush that was under way has ended', async () => {
    const world = simWorld(12);
    const { backend } = world;
    const calls: string[] = [];
    const commit = backend.commit.bind(backend);
    const close = backend.close.bind(backend);
    backend.commit = async (writes) => {
      calls.push('commit');
      await new Promise<void>((resolve) => world.clock.timer(500, resolve));
      await commit(writes).finally(() => calls.push('committed'));
    };
    backend.close = () => {
      calls.push('close');
      return close();
    };
    const kernel = await openSimKernel(world);
    await kernel.store.put({ key: 'a', value: '' });
    await world.clock.advance(150);
    world.disk.fail({ call: 'writeDurably', nth: 1, kind: 'io' });
    await rejectsWith(kernel.store.put({ key: 'b', value: '' }), 'Stopped');
    const closing = kernel.close();
    await world.clock.advance(1000);
    await closing;
    assert.deepEqual(calls.slice(-3), ['commit', 'committed', 'close']);
  });

  it('gives its files back though it could not be opened', async () => {
    const world = simWorld(10);
    const first = await openSimKernel(world);
    await first.store.put({ key: 'a', value: 'one' });
    await first.close();
    world.backend.crash();
    const rows = [...world.backend.range('meta', new Uint8Array(0), undefined, 0)];
    const stateRow = rows.findIndex(({ key }) => new TextDecoder().decode(key) === 'mvccState');
    assert.ok(world.backend.flipBit('meta', stateRow, 3));
    const files = countFiles(world.disk);
    await assert.rejects(openSimKernel(world), /checksum/);
    await world.clock.advance(10_000);
    assert.equal(files.open, 0);
    assert.equal(world.clock.timerCount, 0);
  });
});

/** Breaks the first row of the bucket that holds keys. */
function damage(backend: SimBackend): void {
  assert.ok(backend.flipBit('key', 0, 3));
}

/** Counts, from now on, the files of a disk that are open and the writes to them. */
function countFiles(disk: SimDisk): { readonly open: number; readonly writes: number } {
  const counts = { open: 0, writes: 0 };
  const count = (file: DiskFile): DiskFile => {
    let isOpen = true;
    counts.open++;
    return {
      write: (bytes, offset) => (counts.writes++, file.write(bytes, offset)),
      writeDurably: (bytes, offset) => (counts.writes++, file.writeDurably(bytes, offset)),
      sync: () => file.sync(),
      truncate: (sizeBytes) => file.truncate(sizeBytes),
      close: () => {
        if (isOpen) counts.open--;
        isOpen = false;
        return file.close();
      },
    };
  };
  const create = disk.create.bind(disk);
  const open = disk.open.bind(disk);
  disk.create = async (path, sizeBytes) => count(await create(path, sizeBytes));
  disk.open = async (path) => count(await open(path));
  return counts;
}
