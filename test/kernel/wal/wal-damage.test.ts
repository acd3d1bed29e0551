// No damage of one byte, truncation or misdirected write ever gives other content than the log had:
// it is refused, or cut where nothing was promised, or harmless. TIDELOCK_SEED gives other chances.
import assert from 'node:assert/strict';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import {
  contentOf,
  create,
  entryAt,
  lastSegmentOf,
  newDisk,
  open,
  segmentsOf,
} from './wal-fixture.js';
import { contentOrRefusal, withContent, smallLog } from './damaged-log.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? 1);

describe('a damaged log', () => {
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
});
