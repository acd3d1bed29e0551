// The log gives back what was appended, over restarts, segments and marks; it refuses what would
// leave a gap; and it is dead after the first failure.
import assert from 'node:assert/strict';
import { LIMITS } from '../../../src/store/limits.js';
import { Wal } from '../../../src/kernel/wal/wal.js';
import { SimClock } from '../../../src/simulation/sim-clock.js';
import {
  contentOf,
  create,
  DIRECTORY,
  entryAt,
  lastSegmentOf,
  LogModel,
  markAt,
  METADATA,
  newDisk,
  open,
  randomSteps,
  runStep,
  segmentsOf,
  stateAt,
} from './wal-fixture.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';

describe('Wal', () => {
  it('gives back what was appended', async () => {
    const disk = newDisk();
    const wal = await create(disk);
    const entries = [entryAt(1), entryAt(2, 1, 0), entryAt(3, 2, 5000)];
    await wal.append(entries, stateAt(2, 1), true);
    await wal.append([], stateAt(3, 2), true);
    await wal.close();
    const content = await contentOf(disk);
    assert.deepEqual(content.entries, entries);
    assert.deepEqual(content.hardState, stateAt(3, 2));
    assert.deepEqual(content.mark, markAt(0, 0));
    assert.deepEqual(content.metadata, METADATA);
    assert.equal(content.cutBytes, 0);
  });

  it('knows whether it exists, and is made once', async () => {
    const disk = newDisk();
    assert.equal(await Wal.exists(disk, DIRECTORY), false);
    await assert.rejects(open(disk), /no write-ahead log/);
    await (await create(disk)).close();
    assert.equal(await Wal.exists(disk, DIRECTORY), true);
    await assert.rejects(create(disk), /there is a log/);
  });

  it('begins after a mark, for a member that starts from a snapshot', async () => {
    const disk = newDisk();
    const options = { disk, directory: DIRECTORY, segmentBytes: 4096 };
    const wal = await Wal.create(options, METADATA, markAt(100, 9));
    await wal.append([entryAt(101, 9)], undefined, true);
    await wal.close();
    const content = await contentOf(disk);
    assert.deepEqual(content.hardState, { term: 9, vote: 0n, commit: 100 });
    assert.deepEqual(content.mark, markAt(100, 9));
    assert.deepEqual(content.entries, [entryAt(101, 9)]);
  });

  it('keeps an append without sync in memory until the next one that syncs', async () => {
    const disk = newDisk();
    const wal = await create(disk);
    await wal.append([entryAt(1)], stateAt(1, 0), true);
    const calls = disk.callCount;
    await wal.append([entryAt(2)], stateAt(1, 1), false);
    await wal.append([], stateAt(1, 2), false);
    assert.equal(disk.callCount, calls);
    assert.equal((await contentOf(disk.crash('kept'))).entries.length, 1);
    await wal.append([entryAt(3)], undefined, true);
    assert.equal(disk.callCount, calls + 1, 'one durable write for all that waited');
    const content = await contentOf(disk.crash('lost'));
    assert.equal(content.entries.length, 3);
    assert.equal(content.hardState.commit, 2);
  });

  it('writes what waits when it is closed, and when there is much of it', async () => {
    const disk = newDisk();
    const wal = await create(disk, 8192);
    await wal.append([entryAt(1, 1, LIMITS.walUnsyncedBytes)], undefined, false);
    assert.equal((await contentOf(disk.crash('lost'))).entries.length, 1);
    await wal.append([entryAt(2)], undefined, false);
    await wal.close();
    assert.equal((await contentOf(disk.crash('lost'))).entries.length, 2);
  });

  it('lets entries overwrite the tail', async () => {
    const disk = newDisk();
    const wal = await create(disk);
    await wal.append([entryAt(1), entryAt(2), entryAt(3)], undefined, true);
    await wal.append([entryAt(2, 2)], undefined, true);
    assert.deepEqual((await contentOf(disk.crash('lost'))).entries, [entryAt(1), entryAt(2, 2)]);
    await wal.append([entryAt(3, 2)], undefined, true);
    await wal.close();
    assert.deepEqual((await contentOf(disk)).entries.length, 3);
  });

  it('rolls over segments of its size, and over larger ones for larger records', async () => {
    const disk = newDisk();
    const wal = await create(disk, 1024);
    for (let index = 1; index <= 40; index++) {
      await wal.append([entryAt(index, 1, index === 20 ? 9000 : 100)], stateAt(1, index), true);
    }
    await wal.close();
    const segments = await segmentsOf(disk);
    assert.ok(segments.length > 5, segments.join());
    assert.equal(segments[0], 'wal/0000000000000000-0000000000000001.wal');
    const sizes = await Promise.all(segments.map(async (path) => (await disk.read(path)).length));
    assert.equal(sizes.filter((size) => size === 1024).length, sizes.length - 1);
    assert.equal((await contentOf(disk, 1024)).entries.length, 40);
    assert.deepEqual(
      (await disk.list(DIRECTORY)).filter((name) => name.endsWith('.tmp')),
      [],
      'a closed log leaves no unfinished segments',
    );
  });

  it('writes an append that is too large for one record as several', async () => {
    const disk = newDisk();
    const wal = await create(disk, 65_536);
    const half = LIMITS.walAppendBytes / 2 + 1;
    const entries = [1, 2, 3].map((index) => entryAt(index, 1, half));
    await wal.append(entries, stateAt(1, 3), true);
    await wal.close();
    const content = await contentOf(disk);
    assert.deepEqual(
      content.entries.map(({ data }) => data.length),
      [half, half, half],
    );
    assert.deepEqual(content.hardState, stateAt(1, 3));
  }).timeout(10_000);

  it('removes segments that a mark covers, and is readable from what is left', async () => {
    const disk = newDisk();
    const wal = await create(disk, 1024);
    for (let index = 1; index <= 40; index++) {
      await wal.append([entryAt(index, 1, 100)], stateAt(1, index), true);
    }
    const before = await segmentsOf(disk);
    await wal.mark(markAt(30, 1));
    const after = await segmentsOf(disk);
    assert.ok(after.length < before.length - 3, `${before.length} to ${after.length}`);
    const content = await contentOf(disk.crash('lost'), 1024);
    assert.deepEqual(content.mark, markAt(30, 1));
    assert.deepEqual(
      content.entries.map(({ index }) => index),
      [31, 32, 33, 34, 35, 36, 37, 38, 39, 40],
    );
    assert.deepEqual(content.hardState, stateAt(1, 40));
    await wal.mark(markAt(40, 1));
    assert.equal((await segmentsOf(disk)).length, 1);
    assert.deepEqual((await contentOf(disk.crash('lost'), 1024)).hardState, stateAt(1, 40));
  });

  it('empties itself at a mark that it does not contain, and goes on after it', async () => {
    for (const mark of [markAt(9, 4), markAt(2, 4)]) {
      const disk = newDisk();
      const wal = await create(disk);
      await wal.append([entryAt(1), entryAt(2), entryAt(3)], undefined, true);
      await wal.mark(mark);
      const empty = await contentOf(disk.crash('lost'));
      assert.deepEqual(empty.entries, []);
      assert.equal(empty.hardState.commit, mark.index);
      await assert.rejects(
        wal.append([entryAt(mark.index + 2, 4)], undefined, true),
        /cannot follow/,
      );
      const again = await open(disk);
      await again.wal.append([entryAt(mark.index + 1, 4)], undefined, true);
      assert.equal((await contentOf(disk)).entries.length, 1);
    }
  });

  it('begins anew behind a mark, whatever it held, and keeps term and vote', async () => {
    const disk = newDisk();
    const wal = await create(disk);
    for (let index = 1; index <= 40; index++) {
      await wal.append([entryAt(index, 3, 500)], stateAt(3, 1), true);
    }
    await wal.append([entryAt(41, 3)], undefined, false);
    await wal.reset(markAt(20, 3));
    assert.equal((await segmentsOf(disk)).length, 1);
    const content = await contentOf(disk.crash('lost'));
    assert.deepEqual(content.entries, []);
    assert.deepEqual(content.mark, markAt(20, 3));
    assert.deepEqual(content.hardState, stateAt(3, 20));
    assert.deepEqual(content.metadata, METADATA);
    await assert.rejects(wal.append([entryAt(22, 3)], undefined, true), /cannot follow/);
    const { wal: again } = await open(disk.crash('lost'));
    await again.append([entryAt(21, 3)], undefined, true);
    await again.reset(markAt(90, 7));
    await again.reset(markAt(90, 7), stateAt(8, 0));
    await assert.rejects(again.reset(markAt(89, 7)), /its mark is 90/);
  });

  it('votes for nobody in the term of a mark that it learns of', async () => {
    const disk = newDisk();
    const wal = await create(disk);
    await wal.append([entryAt(1, 3)], stateAt(3, 0), true);
    await wal.reset(markAt(50, 6));
    const content = await contentOf(disk.crash('lost'));
    assert.deepEqual(content.hardState, { term: 6, vote: 0n, commit: 50 });
    await wal.append([entryAt(51, 6)], stateAt(6, 51), true);
    await wal.close();
    assert.deepEqual((await contentOf(disk)).entries, [entryAt(51, 6)]);
  });

  it('refuses gaps, entries below the mark, a commit beyond the log, an older mark', async () => {
    const attempts: readonly [(wal: Wal) => Promise<void>, RegExp][] = [
      [(wal) => wal.append([entryAt(7)], undefined, true), /entry 7 cannot follow/],
      [(wal) => wal.append([entryAt(2)], undefined, true), /entry 2 cannot follow mark 2/],
      [(wal) => wal.append([], stateAt(1, 4), true), /commit 4 is beyond the log/],
      [(wal) => wal.mark(markAt(1, 1)), /mark 1 after mark 2/],
    ];
    for (const [attempt, expected] of attempts) {
      const disk = newDisk();
      const wal = await create(disk);
      await wal.append([entryAt(1), entryAt(2), entryAt(3)], stateAt(1, 3), true);
      await wal.mark(markAt(2, 1));
      await assert.rejects(attempt(wal), expected);
      await assert.rejects(wal.append([entryAt(4)], undefined, true), expected, 'dead afterwards');
      assert.deepEqual((await contentOf(disk.crash('lost'))).entries, [entryAt(3)]);
    }
  });

  it('never writes again after a failure, and says why', async () => {
    for (const call of ['writeDurably', 'create', 'rename', 'syncDirectory'] as const) {
      const disk = newDisk();
      const wal = await create(disk, 1024);
      disk.fail({ call, nth: 1, kind: 'io' });
      const append = async (): Promise<void> => {
        for (let index = 1; index <= 30; index++)
          await wal.append([entryAt(index)], undefined, true);
      };
      await assert.rejects(append(), { kind: 'io', operation: call });
      const calls = disk.callCount;
      await assert.rejects(wal.append([entryAt(1)], undefined, true), { operation: call });
      await assert.rejects(wal.mark(markAt(0, 0)), { operation: call });
      assert.equal(disk.callCount, calls);
      await wal.close();
      await assert.rejects(wal.append([entryAt(1)], undefined, true), /closed/);
    }
  });

  it('rolls although the disk was full when it prepared, if there is room by then', async () => {
    const disk = newDisk();
    const wal = await create(disk, 1024);
    disk.fail({ call: 'create', nth: 1, kind: 'full' });
    for (let index = 1; index <= 30; index++) await wal.append([entryAt(index)], undefined, true);
    assert.equal((await contentOf(disk.crash('lost'), 1024)).entries.length, 30);
  });

  it('notes that all is synced when it falls quiet, once, and never under load', async () => {
    const disk = newDisk();
    const clock = new SimClock();
    const syncs: number[] = [];
    const onSync = (_seconds: number, bytes: number): void => void syncs.push(bytes);
    const options = { disk, directory: DIRECTORY, segmentBytes: 4096, clock, onSync };
    const wal = await Wal.create(options, METADATA, markAt(0, 0));
    const quiet = LIMITS.walIdleMarkMs;
    for (let index = 1; index <= 10; index++) {
      await wal.append([entryAt(index)], undefined, true);
      await clock.advance(quiet / 5);
    }
    assert.equal(syncs.length, 10);
    await clock.advance(quiet * 10);
    assert.equal(syncs.length, 11);
    await wal.append([entryAt(11)], undefined, true);
    await clock.advance(quiet * 10);
    assert.equal(syncs.length, 13);
    await wal.close();
    assert.equal(syncs.length, 13, 'it had been noted');
    assert.equal((await contentOf(disk)).entries.length, 11);
  });

  it('agrees with a plain model over random steps and restarts', async () => {
    const seed = Number(process.env['TIDELOCK_SEED'] ?? 1);
    for (let run = seed; run < seed + 40; run++) {
      const random = new SimRandom(run);
      const disk = newDisk(run);
      const model = new LogModel();
      let wal = await create(disk, 1024 + random.below(4) * 1000);
      for (const step of randomSteps(random, 30)) {
        await runStep(wal, step);
        model.take(step);
        if (random.below(5) !== 0) continue;
        await wal.close();
        const reopened = await open(disk);
        wal = reopened.wal;
        assert.ok(model.matches(reopened.content), `TIDELOCK_SEED=${run}`);
      }
    }
  });

  it('keeps the names of its files in order', async () => {
    const disk = newDisk();
    const wal = await create(disk, 512);
    for (let index = 1; index < 20; index++) await wal.append([entryAt(index)], undefined, true);
    assert.match(await lastSegmentOf(disk), /^wal\/[0-9a-f]{16}-[0-9a-f]{16}\.wal$/);
    await wal.close();
  });
});
