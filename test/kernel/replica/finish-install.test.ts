// Proves what a restart makes of an image that a crash left: the log begins anew only where the
// backend holds the image's state and the log does not, and never where it would lose an entry.
import assert from 'node:assert/strict';
import { finishInstall } from '../../../src/kernel/replica/finish-install.js';
import { EMPTY_CONF_STATE, type Entry } from '../../../src/kernel/raft/types.js';
import { IncomingFile, listImages } from '../../../src/kernel/snapshot/snapshot-files.js';
import { Wal, type WalContent } from '../../../src/kernel/wal/wal.js';
import { SimDisk } from '../../../src/simulation/sim-disk.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';

const confState = { ...EMPTY_CONF_STATE, voters: [1n, 2n] };
const place = (index: number, term: number) => ({ index, term, confState });
const OPTIONS = { directory: 'wal', segmentBytes: 4096 };

const entry = (index: number, term: number): Entry => {
  return { index, term, kind: 'normal', data: Uint8Array.of(index) };
};

/** A log with entries 11 to 20 of term 2 behind a mark at 10, and images of those places. */
async function left(...images: readonly { index: number; term: number }[]): Promise<SimDisk> {
  const disk = new SimDisk(new SimRandom(1));
  const wal = await Wal.create({ disk, ...OPTIONS }, Uint8Array.of(1), place(10, 1));
  const entries = Array.from({ length: 10 }, (_, i) => entry(11 + i, 2));
  await wal.append(entries, { term: 3, vote: 2n, commit: 12 }, true);
  await wal.close();
  for (const image of images) {
    const file = new IncomingFile(disk);
    await file.begin();
    await file.finish(image);
  }
  return disk;
}

async function finished(
  disk: SimDisk,
  applied: { index: number; term: number } | undefined,
): Promise<{ readonly given: WalContent; readonly stored: WalContent }> {
  const { wal, content } = await Wal.open({ disk, ...OPTIONS });
  const state = applied && { ...applied, confState };
  const given = await finishInstall(disk, wal, content, state);
  await wal.close();
  assert.deepEqual(await disk.list('snapshot'), []);
  const again = await Wal.open({ disk: disk.crash('lost'), ...OPTIONS });
  await again.wal.close();
  return { given, stored: again.content };
}

describe('finishing an installation', () => {
  const isNew = (content: WalContent, index: number, term: number): void => {
    assert.deepEqual(content.mark, place(index, term));
    assert.deepEqual(content.entries, []);
    const hardState = term > 3 ? { term, vote: 0n } : { term: 3, vote: 2n };
    assert.deepEqual(content.hardState, { ...hardState, commit: index });
  };
  const isOld = (content: WalContent): void => {
    assert.deepEqual(content.mark, place(10, 1));
    assert.equal(content.entries.length, 10);
    assert.deepEqual(content.hardState, { term: 3, vote: 2n, commit: 12 });
  };

  it('begins the log anew where the backend is beyond it', async () => {
    const { given, stored } = await finished(await left(place(50, 4)), place(50, 4));
    isNew(given, 50, 4);
    isNew(stored, 50, 4);
  });

  it('begins it anew where it holds another entry of that index', async () => {
    const { given, stored } = await finished(await left(place(15, 3)), place(15, 3));
    isNew(given, 15, 3);
    isNew(stored, 15, 3);
  });

  it('keeps entries that follow one that the backend has, whatever images there are', async () => {
    const { given, stored } = await finished(await left(place(15, 2)), place(15, 2));
    isOld(given);
    isOld(stored);
  });

  it('keeps the log where the image is of another state than the backend holds', async () => {
    for (const applied of [place(12, 2), place(10, 1), undefined]) {
      const { given, stored } = await finished(await left(place(50, 4), place(40, 3)), applied);
      isOld(given);
      isOld(stored);
    }
  });

  it('does nothing without an image, and finds several', async () => {
    isOld((await finished(await left(), place(50, 4))).given);
    const disk = await left(place(50, 4), place(60, 4));
    assert.equal((await listImages(disk)).length, 2);
    isNew((await finished(disk, place(60, 4))).given, 60, 4);
  });
});
