// The write-ahead log on the machine's own disk: it comes back after a stop and after a process
// that just ended, rolls its segments, and gives space back.
import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeDisk } from '../../src/host/node-disk.js';
import { EMPTY_CONF_STATE } from '../../src/kernel/raft/types.js';
import type { Entry } from '../../src/kernel/raft/types.js';
import { Wal } from '../../src/kernel/wal/wal.js';

const entryAt = (index: number): Entry => {
  return { index, term: 1, kind: 'normal', data: new Uint8Array(3000).fill(index) };
};

describe('Wal on a NodeDisk', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'tidelock-wal-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  it('comes back whole, rolls and shrinks', async () => {
    const options = { disk: new NodeDisk(root), directory: 'member/wal', segmentBytes: 20_000 };
    const mark = { index: 0, term: 0, confState: EMPTY_CONF_STATE };
    await options.disk.makeDirectory('member');
    const wal = await Wal.create(options, Uint8Array.of(9), mark);
    for (let index = 1; index <= 40; index++) {
      await wal.append([entryAt(index)], { term: 1, vote: 1n, commit: index }, true);
    }
    // As after a kill: the files as they are while nobody has closed the log.
    const copy = join(root, 'copy');
    await cp(join(root, 'member'), join(copy, 'member'), { recursive: true });
    await wal.close();
    const copied = { ...options, disk: new NodeDisk(copy) };
    const killed = await Wal.open(copied);
    assert.equal(killed.content.entries.length, 40);
    await killed.wal.mark({ ...mark, index: 30, term: 1 });
    await killed.wal.close();
    const { wal: last, content } = await Wal.open(copied);
    assert.deepEqual(
      content.entries,
      Array.from({ length: 10 }, (_, at) => entryAt(at + 31)),
    );
    assert.equal(content.hardState.commit, 40);
    await last.close();
    const names = await readdir(join(copy, 'member/wal'));
    assert.ok(names.length > 0 && names.length < 5, names.join());
    await truncate(join(copy, 'member/wal', names.at(-1) ?? ''), 10_000);
    await assert.rejects(Wal.open(copied), /the file has 10000 bytes, and it was made with/);
  });
});
