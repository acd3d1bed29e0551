// The machine's disk keeps the contract of every disk, keeps its files private, and reports the
// kinds of failure that a caller acts on. Runs in directories of its own under the system's one.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskFailure } from '../../src/host/disk-failure.js';
import { NodeDisk } from '../../src/host/node-disk.js';
import { diskContract } from '../contract/disk.js';

const newRoot = (): Promise<string> => mkdtemp(join(tmpdir(), 'tidelock-disk-'));

diskContract('machine', async () => {
  const root = await newRoot();
  return {
    disk: new NodeDisk(root),
    tearDown: () => rm(root, { recursive: true }),
  };
});

describe('NodeDisk', () => {
  let root: string;
  beforeEach(async () => {
    root = await newRoot();
  });
  afterEach(() => rm(root, { recursive: true }));

  it('keeps files and directories private', async () => {
    const disk = new NodeDisk(root);
    await disk.makeDirectory('log/deep');
    await (await disk.create('log/deep/a', 1)).close();
    assert.equal((await stat(join(root, 'log'))).mode & 0o777, 0o700);
    assert.equal((await stat(join(root, 'log/deep/a'))).mode & 0o777, 0o600);
  });

  it('takes the space of a new file at once', async () => {
    await (await new NodeDisk(root).create('a', 2_500_000)).close();
    const { size, blocks } = await stat(join(root, 'a'));
    assert.equal(size, 2_500_000);
    assert.ok(blocks * 512 >= size, `${blocks} blocks`);
  });

  it('says how much is left', async () => {
    const freeBytes = await new NodeDisk(root).freeBytes();
    assert.ok(freeBytes !== undefined && freeBytes > 0);
    await rm(root, { recursive: true });
    await assert.rejects(new NodeDisk(root).freeBytes(), { kind: 'missing' });
    await mkdir(root);
  });

  it('names failures by what a caller may do about them', () => {
    const kinds = ['ENOENT', 'EEXIST', 'ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO'].map(
      (code) => diskFailure('write', 'a', Object.assign(new Error(code), { code })).kind,
    );
    const full = ['full', 'full'];
    assert.deepEqual(kinds, ['missing', 'exists', ...full, 'read-only', 'denied', 'denied', 'io']);
    assert.equal(diskFailure('write', 'a', 'odd').kind, 'io');
  });
});
