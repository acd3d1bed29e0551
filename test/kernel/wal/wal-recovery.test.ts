// What a restart makes of a damaged log. A write that a crash cut short goes, and nothing that was
// promised; every other damage is refused. No damage of one byte, truncation or crash ever gives
// other content than the log had: it is refused, or cut where nothing was promised, or harmless.
import assert from 'node:assert/strict';
import { DiskError } from '../../../src/ports/disk.js';
import { Wal } from '../../../src/kernel/wal/wal.js';
import { WalCorruptError } from '../../../src/kernel/wal/wal-corrupt-error.js';
import type { WalContent } from '../../../src/kernel/wal/wal.js';
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
  segmentsOf,
  stateAt,
} from './wal-fixture.js';
import type { LogStep } from './wal-fixture.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? 1);

/** Content, or undefined when the log was refused; anything else than a clear refusal fails. */
async function contentOrRefusal(disk: SimDisk): Promise<WalContent | undefined> {
  try {
    return await contentOf(disk);
  } catch (failure) {
    assert.ok(failure instanceof WalCorruptError, String(failure));
    assert.match(failure.message, /^the write-ahead log is damaged: wal\/.*, byte \d+: .+/);
    return undefined;
  }
}

/** A disk whose file has other bytes. */
async function withContent(disk: SimDisk, path: string, bytes: Uint8Array): Promise<SimDisk> {
  const copy = disk.crash('lost');
  const file = await copy.open(path);
  await file.truncate(bytes.length);
  await file.writeDurably(bytes, 0);
  return copy;
}

/** A small log over three segments, as a crash leaves it: no note at its end that all is synced. */
async function smallLog(): Promise<SimDisk> {
  const disk = newDisk();
  const wal = await create(disk, 512);
  await wal.append([entryAt(1, 1, 200)], stateAt(1, 0), true);
  await wal.append([entryAt(2, 1, 100), entryAt(3, 1, 0)], undefined, true);
  await wal.mark(markAt(1, 1));
  await wal.append([entryAt(4, 1, 100)], stateAt(1, 3), true);
  // Some sectors blank although they were written, and one with a single byte in it.
  const data = new Uint8Array(2000);
  data[1000] = 1;
  await wal.append([{ ...entryAt(5), data }], stateAt(1, 4), true);
  return disk.crash('lost');
}

describe('Wal recovery', () => {
  it('finds every flip of every bit of a log, or cuts nothing that was written', async () => {
    const disk = await smallLog();
    const before = await contentOf(disk.crash('lost'));
    const segments = await segmentsOf(disk);
    assert.ok(segments.length >= 3);
    let refused = 0;
    let harmless = 0;
    for (const path of segments) {
      const size = (await disk.read(path)).length;
      for (let offset = 0; offset < size; offset++) {
        const damaged = disk.crash('lost');
        damaged.flipBit(path, offset, offset % 8);
        const content = await contentOrRefusal(damaged);
        if (content === undefined) {
          refused++;
          continue;
        }
        harmless++;
        // Only the blank space after the last record may change unnoticed: it holds nothing.
        assert.deepEqual({ ...content, cutBytes: 0 }, before, `${path} byte ${offset}`);
      }
    }
    assert.ok(refused > 2000 && harmless > 0, `${refused} refused, ${harmless} harmless`);
  });

  it('finds every damaged byte of the last record, whatever it turns into', async () => {
    const disk = await smallLog();
    const path = await lastSegmentOf(disk);
    const size = (await disk.read(path)).length;
    const random = new SimRandom(SEED);
    const before = await contentOf(disk.crash('lost'));
    for (let offset = 0; offset < size; offset++) {
      const own = (await disk.read(path))[offset] ?? 0;
      const others = [0, 255, random.below(256)].filter((value) => value !== own);
      for (const value of others) {
        const damaged = disk.crash('lost');
        damaged.overwrite(path, offset, Uint8Array.of(value));
        const content = await contentOrRefusal(damaged);
        if (content) assert.deepEqual({ ...content, cutBytes: 0 }, before, `byte ${offset}`);
      }
    }
  });

  it('refuses a log that was truncated anywhere', async () => {
    const disk = await smallLog();
    for (const path of await segmentsOf(disk)) {
      const bytes = await disk.read(path);
      for (let size = 0; size < bytes.length; size++) {
        const content = await contentOrRefusal(await withContent(disk, path, bytes.slice(0, size)));
        assert.equal(content, undefined, `${path} cut to ${size} bytes`);
      }
    }
  });

  it('refuses a segment that is missing, doubled, misnamed or of another log', async () => {
    const disk = await smallLog();
    const [first, second, third] = await segmentsOf(disk);
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    const without = disk.crash('lost');
    await without.remove(second);
    await assert.rejects(open(without), /segment 1 should come before it/);
    const swapped = await withContent(disk, second, await disk.read(third));
    assert.equal(await contentOrRefusal(swapped), undefined);
    const misnamed = disk.crash('lost');
    await misnamed.rename(first, 'wal/first.wal');
    await assert.rejects(open(misnamed), /not the name of a segment/);
    const foreign = newDisk(2);
    const wal = await create(foreign, 512);
    await wal.append([entryAt(1, 2, 200)], undefined, true);
    const other = await withContent(disk, first, await foreign.read(first));
    assert.equal(await contentOrRefusal(other), undefined);
    const withoutFirst = disk.crash('lost');
    await withoutFirst.remove(first);
    assert.equal(
      await contentOrRefusal(withoutFirst),
      undefined,
      'entries after the mark are gone',
    );
  });

  it('finds a record that was written to another place', async () => {
    const disk = newDisk();
    const wal = await create(disk, 8192);
    await wal.append([entryAt(1, 1, 100)], undefined, true);
    const path = await lastSegmentOf(disk);
    const before = await disk.read(path);
    const end = before.findLastIndex((byte) => byte !== 0) + 1;
    await wal.append([entryAt(2, 1, 100)], undefined, true);
    const record = (await disk.read(path)).slice(end);
    for (const shift of [32, 512, 4096]) {
      const astray = await withContent(disk, path, before);
      astray.overwrite(path, end + shift, record.subarray(0, 256));
      assert.equal(await contentOrRefusal(astray), undefined, `shifted by ${shift}`);
    }
  });

  it('refuses random bytes in place of a segment, and in its blank part', async () => {
    const disk = await smallLog();
    const path = await lastSegmentOf(disk);
    const random = new SimRandom(SEED);
    const before = await contentOf(disk.crash('lost'));
    for (let run = 0; run < 100; run++) {
      const size = random.below(3000);
      const noise = Uint8Array.from({ length: size }, () => random.below(256));
      assert.equal(await contentOrRefusal(await withContent(disk, path, noise)), undefined);
      const partly = await disk.read(path);
      partly.set(noise.subarray(0, 64), random.below(partly.length - 64));
      const content = await contentOrRefusal(await withContent(disk, path, partly));
      if (content) assert.deepEqual({ ...content, cutBytes: 0 }, before, `TIDELOCK_SEED=${SEED}`);
    }
  });

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

/** The segment of a log with two small entries. */
async function wholeLog(): Promise<Uint8Array> {
  const disk = newDisk();
  const wal = await create(disk, 8192);
  await wal.append([entryAt(1)], undefined, true);
  await wal.append([entryAt(2)], undefined, true);
  return disk.read(await lastSegmentOf(disk));
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
