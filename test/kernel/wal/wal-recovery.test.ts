// What a restart makes of a log that a crash cut short: a write that was torn goes, and nothing
// that was promised, wherever the power goes and whichever call fails.
import assert from 'node:assert/strict';
import { DiskError } from '../../../src/ports/disk.js';
import { Wal } from '../../../src/kernel/wal/wal.js';
import type { SimDisk } from '../../../src/simulation/sim-disk.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import {
  contentOf,
  create,
  DIRECTORY,
  entryAt,
  lastSegmentOf,
  LogModel,
  markAt,
  newDisk,
  open,
  randomSteps,
  runStep,
  stateAt,
} from './wal-fixture.js';
import type { LogStep } from './wal-fixture.js';
import { contentOrRefusal, withContent, wholeLog } from './damaged-log.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? 1);

describe('Wal recovery', () => {
  it('cuts a write that a crash tore, in every way that sectors can be lost', async () => {
    const disk = newDisk();
    const wal = await create(disk, 8192);
    await wal.append([entryAt(1)], stateAt(1, 1), true);
    const path = await lastSegmentOf(disk);
    const before = await disk.read(path);
    // Longer than a sector, with a blank one inside.
    const data = new Uint8Array(2200).fill(3).fill(0, 500, 1600);
    const torn = { ...entryAt(2), data };
    await wal.append([torn], stateAt(1, 2), true);
    const after = await disk.read(path);
    const sectors = Math.ceil(after.findLastIndex((byte) => byte !== 0) / 512);
    let cut = 0;
    for (let lost = 1; lost < 2 ** sectors; lost++) {
      const mixed = after.slice();
      for (let sector = 0; sector < sectors; sector++) {
        const [start, end] = [sector * 512, sector * 512 + 512];
        if ((lost & (1 << sector)) !== 0) mixed.set(before.subarray(start, end), start);
      }
      const crashed = await withContent(disk, path, mixed);
      const { content } = await open(crashed);
      const isWhole = content.entries.length === 2;
      assert.deepEqual(content.entries, isWhole ? [entryAt(1), torn] : [entryAt(1)]);
      assert.equal(
        isWhole,
        mixed.every((byte, at) => byte === after[at]),
      );
      if (content.cutBytes > 0) cut++;
      const clean = await crashed.read(path);
      if (!isWhole) assert.deepEqual(clean, before, 'the torn tail is blank');
    }
    assert.ok(cut > 10, `${cut} cut`);
  });

  it('goes on after a cut, and a later restart sees no trace of it', async () => {
    const disk = newDisk();
    const wal = await create(disk, 8192);
    await wal.append([entryAt(1)], undefined, true);
    disk.fail({ call: 'writeDurably', nth: 1, kind: 'io', isFinal: true });
    await assert.rejects(wal.append([entryAt(2, 1, 3000)], undefined, true), DiskError);
    const crashed = disk.crash('lost');
    const { wal: next } = await open(crashed);
    await next.append([entryAt(2, 2, 40)], undefined, true);
    const content = await contentOf(crashed.crash('lost'));
    assert.deepEqual(content.entries, [entryAt(1), entryAt(2, 2, 40)]);
    assert.equal(content.cutBytes, 0);
  });

  it('cuts a lost last write without a later mark, and refuses it with one', async () => {
    const disk = newDisk();
    const wal = await create(disk, 8192);
    await wal.append([entryAt(1)], undefined, true);
    const path = await lastSegmentOf(disk);
    const before = await disk.read(path);
    await wal.append([entryAt(2, 1, 3000)], undefined, true);
    const start = before.findLastIndex((byte) => byte !== 0) + 1;
    const lose = (from: SimDisk): SimDisk => {
      const damaged = from.crash('lost');
      damaged.overwrite(path, start, new Uint8Array(512 - (start % 512)));
      return damaged;
    };
    assert.equal((await contentOf(lose(disk))).entries.length, 1);
    await wal.close();
    assert.equal(await contentOrRefusal(lose(disk)), undefined);
  });

  it('makes what it read durable before it reports it', async () => {
    const disk = newDisk();
    const wal = await create(disk, 8192);
    await wal.append([entryAt(1)], undefined, true);
    disk.fail({ call: 'writeDurably', nth: 1, kind: 'io' });
    await assert.rejects(wal.append([entryAt(2)], undefined, true));
    for (let seed = 0; seed < 10; seed++) {
      const killed = disk.crash('kept', new SimRandom(seed));
      const file = await killed.open(await lastSegmentOf(killed));
      await file.write(await wholeLog(), 0);
      assert.equal((await open(killed, 8192)).content.entries.length, 2);
      assert.equal((await contentOf(killed.crash('lost'))).entries.length, 2);
    }
  });

  it('keeps all that was acknowledged when the power goes in any call', async () => {
    for (let seed = SEED; seed < SEED + 6; seed++) {
      const steps = randomSteps(new SimRandom(seed), 14);
      for (let nth = 1; ; nth++) {
        const disk = newDisk(seed * 1000 + nth);
        disk.fail({ nth, kind: 'io', isFinal: true });
        const hint = `TIDELOCK_SEED=${seed}, call ${nth}`;
        const { acknowledged, possible } = await runUntilCrash(disk, steps);
        if (disk.callCount < nth) break;
        if (acknowledged !== undefined) await checkCrashes(disk, possible, hint);
        else await checkNoLog(disk.crash());
      }
    }
  }).timeout(20_000);

  it('has begun anew or has not when the power goes while it does, wherever the mark is', async () => {
    const entries = [1, 2, 3, 4, 5, 6].map((index) => entryAt(index, 2, 300));
    const before: LogStep = { kind: 'append', entries, hardState: stateAt(2, 1), sync: true };
    for (const index of [2, 5, 6, 7, 20]) {
      const steps: LogStep[] = [before, before, { kind: 'reset', mark: markAt(index, 4) }];
      for (let nth = 1; ; nth++) {
        const disk = newDisk(index * 1000 + nth);
        disk.fail({ nth, kind: 'io', isFinal: true });
        const { acknowledged, possible } = await runUntilCrash(disk, steps);
        if (disk.callCount < nth) break;
        const hint = `mark ${index}, call ${nth}`;
        if (acknowledged !== undefined) await checkCrashes(disk, possible, hint);
      }
    }
  });

  it('has begun anew from the moment that its new segment has a name', async () => {
    const entries = [1, 2, 3, 4, 5, 6].map((index) => entryAt(index, 2, 300));
    for (const index of [2, 6, 20]) {
      const disk = newDisk(index);
      const wal = await create(disk, 1024);
      await wal.append(entries, stateAt(2, 1), true);
      disk.fail({ call: 'remove', nth: 1, kind: 'io', isFinal: true });
      await assert.rejects(wal.reset(markAt(index, 4)), DiskError);
      for (const fate of ['lost', 'kept'] as const) {
        const content = await contentOf(disk.crash(fate), 1024);
        assert.deepEqual(content.mark, markAt(index, 4));
        assert.deepEqual(content.entries, []);
        assert.deepEqual(content.hardState, { term: 4, vote: 0n, commit: index });
      }
    }
  });

  it('keeps all that was acknowledged when any call fails and the process restarts', async () => {
    for (let seed = SEED; seed < SEED + 6; seed++) {
      const steps = randomSteps(new SimRandom(seed), 14);
      for (let nth = 1; ; nth++) {
        const disk = newDisk(seed * 1000 + nth);
        disk.fail({ nth, kind: 'io' });
        const { acknowledged, possible } = await runUntilCrash(disk, steps);
        if (disk.callCount < nth) break;
        const hint = `TIDELOCK_SEED=${seed}, call ${nth}`;
        if (acknowledged !== undefined) await checkRestart(disk, possible, hint);
        else await checkNoLog(disk);
      }
    }
  }).timeout(20_000);
});

/**
 * A process that stops at a failed call leaves what it saw; the next one must not build on sand.
 */
async function checkRestart(
  disk: SimDisk,
  possible: readonly LogModel[],
  hint: string,
): Promise<void> {
  const { wal, content } = await open(disk, 1024);
  const found = possible.find((model) => model.matches(content));
  assert.ok(found, hint);
  assert.ok(
    found.matches(await contentOf(disk.crash('lost'))),
    `${hint}: not durable when reported`,
  );
  await wal.append([entryAt(found.lastIndex + 1, 9)], undefined, true);
  const { entries } = await contentOf(disk.crash('lost'));
  assert.equal(entries.at(-1)?.index, found.lastIndex + 1, hint);
}

/** A log that was never reported as made is there whole, or can be made anew. */
async function checkNoLog(disk: SimDisk): Promise<void> {
  if (await Wal.exists(disk, DIRECTORY)) await contentOf(disk);
  else await (await create(disk)).close();
}

interface CrashedRun {
  /**
   * The log as of the last step that was acknowledged as durable; undefined before there was one.
   */
  readonly acknowledged: LogModel | undefined;
  /**
   * All that a restart may find: that, or what the step in progress, or those before it, made of
   * it.
   */
  readonly possible: readonly LogModel[];
}

async function runUntilCrash(disk: SimDisk, steps: readonly LogStep[]): Promise<CrashedRun> {
  const model = new LogModel();
  let acknowledged: LogModel | undefined;
  let possible: LogModel[] = [];
  try {
    const wal = await create(disk, 1024);
    acknowledged = model.copy();
    possible = [acknowledged];
    for (const step of steps) {
      // What waits is written before a mark, so a crash may also fall between the two.
      model.take(step);
      possible.push(model.copy());
      await runStep(wal, step);
      if (step.kind === 'append' && !step.sync) continue;
      acknowledged = model.copy();
      possible = [acknowledged];
    }
    await wal.close();
  } catch (failure) {
    assert.ok(failure instanceof DiskError, String(failure));
  }
  return { acknowledged, possible };
}

/** Several crash states of one moment, each with a second crash while the log is opened. */
async function checkCrashes(
  disk: SimDisk,
  possible: readonly LogModel[],
  hint: string,
): Promise<void> {
  for (const fate of ['lost', 'kept', 'chance', 'chance', 'chance'] as const) {
    const crashed = disk.crash(fate);
    crashed.fail({ call: 'writeDurably', nth: 1, kind: 'io', isFinal: true });
    await assert.rejects(contentOf(crashed), { kind: 'io' }, hint);
    const again = crashed.crash();
    const { wal, content } = await open(again, 1024);
    const found = possible.find((model) => model.matches(content));
    assert.ok(found, `${hint}: ${content.entries.length} entries, mark ${content.mark?.index}`);
    await wal.append([entryAt(found.lastIndex + 1, 9)], undefined, true);
    const { entries } = await contentOf(again.crash('lost'));
    assert.equal(entries.at(-1)?.index, found.lastIndex + 1, hint);
  }
}
