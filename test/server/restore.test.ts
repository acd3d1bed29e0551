// Proves that a snapshot file becomes a data directory that a server starts from, with the data,
// under new ids, and, when asked for, beyond a revision before which all counts as compacted; that
// a file which is not what was written is refused; and that there is a whole directory or none.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { firstValueFrom } from 'rxjs';
import {
  ConfigError,
  inspectSnapshot,
  restoreSnapshot,
  SnapshotFileError,
  StartFailure,
} from '../../src/server/index.js';
import { isStoreError } from '../../src/store/index.js';
import { scratchFolder } from '../support/scratch-folder.js';
import { startWholeServer, stopTestServers } from './support/test-server.js';

const KEYS = 300;

describe('restoring a snapshot', function () {
  this.timeout(60_000);
  let folder = '';
  let path = '';
  let saved = Buffer.alloc(0);
  let revision = 0;

  before(async () => {
    folder = await mkdtemp(join(scratchFolder(), 'tidelock-restore-'));
    path = join(folder, 'saved.db');
    const { kernel } = await startWholeServer({});
    const { store } = kernel;
    for (let at = 0; at < KEYS; at++) {
      await store.put({ key: `key ${at % 100}`, value: `value ${at} ${'x'.repeat(200)}` });
    }
    await store.compact({ revision: 100 });
    await store.leases.grant({ id: 77n, ttlSeconds: 600 });
    await store.put({ key: 'leased', value: 'yes', lease: 77n });
    const image = await kernel.snapshot();
    revision = image.revision;
    const pieces: Uint8Array[] = [];
    for await (const piece of image.pieces) pieces.push(Buffer.from(piece));
    const bytes = Buffer.concat(pieces);
    assert.equal(bytes.length, image.byteCount);
    saved = Buffer.concat([bytes, createHash('sha256').update(bytes).digest()]);
    await writeFile(path, saved);
    await stopTestServers();
  });

  afterEach(stopTestServers);
  after(() => rm(folder, { recursive: true, force: true }));

  /** Nothing of a directory, finished or not. */
  async function isGone(dataDir: string): Promise<boolean> {
    const names = await readdir(folder);
    return !names.some((name) => join(folder, name).startsWith(dataDir));
  }

  async function changed(name: string, bytes: Uint8Array): Promise<string> {
    const changedPath = join(folder, name);
    await writeFile(changedPath, bytes);
    return changedPath;
  }

  it('tells what a file holds', async () => {
    const summary = await inspectSnapshot(path);
    assert.equal(saved.length % 512, 32);
    assert.equal(summary.revision, revision);
    assert.equal(summary.compactRevision, 100);
    assert.equal(summary.leaseCount, 1);
    assert.equal(summary.byteCount, saved.length);
    assert.equal(summary.sha256, saved.subarray(-32).toString('hex'));
    assert.ok(summary.keyRevisionCount > 100 && summary.keyRevisionCount <= KEYS + 1);
  });

  it('begins a cluster of one with everything that was there', async () => {
    const dataDir = join(folder, 'deep', 'one');
    const flags = { 'initial-cluster-token': 'after the fire' };
    const restored = await restoreSnapshot({ path, dataDir, name: 'default', flags });
    assert.equal(restored.revision, revision);
    const { kernel } = await startWholeServer({ 'data-dir': dataDir });
    assert.equal(kernel.header().revision, revision);
    assert.equal(kernel.header().memberId, restored.memberId);
    assert.equal(kernel.header().clusterId, restored.clusterId);
    const before = await inspectSnapshot(path);
    assert.notEqual(restored.clusterId, before.clusterId);
    assert.notEqual(restored.memberId, before.memberId);
    const { kvs, count } = await kernel.store.range({ key: 'key 7', revision: 150 });
    assert.equal(count, 1);
    assert.match(Buffer.from(kvs[0]?.value ?? []).toString(), /^value 107 /);
    const lease = await kernel.store.leases.timeToLive({ id: 77n, keys: true });
    assert.equal(lease.keys?.length, 1);
    const { header } = await kernel.store.put({ key: 'after', value: 'it goes on' });
    assert.equal(header.revision, revision + 1);
  });

  it('goes on beyond a revision, and tells watches of the gap', async () => {
    const dataDir = join(folder, 'bumped');
    await mkdir(dataDir);
    const request = { path, dataDir, name: 'default', flags: {}, revisionBump: 5000 };
    const restored = await restoreSnapshot(request);
    assert.equal(restored.revision, revision + 5000);
    const { kernel } = await startWholeServer({ 'data-dir': dataDir });
    const watched = kernel.store.watch({ key: 'key 7', startRevision: revision + 10 });
    await assert.rejects(firstValueFrom(watched), (error) => isStoreError(error, 'Compacted'));
    const { kvs } = await kernel.store.range({ key: 'key 7' });
    assert.match(Buffer.from(kvs[0]?.value ?? []).toString(), /^value 207 /);
    const { header } = await kernel.store.put({ key: 'after', value: 'it goes on' });
    assert.equal(header.revision, revision + 5001);
  });

  it('refuses what is not the file that was saved, and leaves nothing behind', async () => {
    const dataDir = join(folder, 'never');
    const flipped = Buffer.from(saved);
    flipped.writeUInt8(flipped.readUInt8(20_000) ^ 1, 20_000);
    const unhashed = Buffer.from(saved);
    unhashed.writeUInt8(unhashed.readUInt8(saved.length - 1) ^ 1, saved.length - 1);
    const bolt = Buffer.alloc(4096 + 32);
    bolt.writeUInt32LE(0xed0cdaed, 16);
    const cases: readonly (readonly [Buffer, RegExp])[] = [
      [flipped, /the state image is damaged at byte \d+/],
      [unhashed, /its hash is that of other bytes/],
      [saved.subarray(0, 20_000), /damaged|too early/],
      [saved.subarray(0, -32), /does not end in a hash/],
      [Buffer.alloc(0), /is empty/],
      [saved.subarray(0, 12), /too early/],
      [Buffer.from('not at all\n'.repeat(100)), /is no Tidelock snapshot; /],
      [bolt, /is no Tidelock snapshot but one of etcd/],
    ];
    for (const [at, [bytes, reason]] of cases.entries()) {
      const other = await changed(`bad-${at}.db`, bytes);
      const request = { path: other, dataDir, name: 'default', flags: {} };
      await assert.rejects(restoreSnapshot(request), (error) => {
        assert.ok(error instanceof SnapshotFileError, String(error));
        assert.match(error.message, reason);
        assert.ok(error.message.startsWith(other), error.message);
        return true;
      });
      await assert.rejects(inspectSnapshot(other), SnapshotFileError);
      assert.ok(await isGone(dataDir), reason.source);
    }
    const missing = restoreSnapshot({ path: `${path}.no`, dataDir, name: 'default', flags: {} });
    await assert.rejects(missing, SnapshotFileError);
    assert.ok(await isGone(dataDir));
  });

  it('takes an image without its hash when it is told to, never a damaged one', async () => {
    const bare = await changed('bare.db', saved.subarray(0, -32));
    const request = { path: bare, name: 'default', flags: {}, skipHashCheck: true };
    const restored = await restoreSnapshot({ ...request, dataDir: join(folder, 'bare') });
    assert.equal(restored.revision, revision);
    const flipped = Buffer.from(saved);
    flipped.writeUInt8(flipped.readUInt8(20_000) ^ 1, 20_000);
    const damaged = { ...request, path: await changed('flipped.db', flipped) };
    const dataDir = join(folder, 'damaged');
    await assert.rejects(restoreSnapshot({ ...damaged, dataDir }), SnapshotFileError);
    assert.ok(await isGone(dataDir));
  });

  it('touches no directory that holds something, and no cluster that makes no sense', async () => {
    const dataDir = join(folder, 'full');
    await mkdir(dataDir);
    await writeFile(join(dataDir, 'precious'), 'data');
    const request = { path, dataDir, name: 'a', flags: {} };
    await assert.rejects(restoreSnapshot(request), (error) => {
      return error instanceof StartFailure && error.message.includes('is not empty');
    });
    assert.equal(await readFile(join(dataDir, 'precious'), 'utf8'), 'data');
    const flags = { 'initial-cluster': 'b=http://127.0.0.1:1' };
    const other = join(folder, 'nobody');
    await assert.rejects(restoreSnapshot({ ...request, dataDir: other, flags }), ConfigError);
    assert.ok(await isGone(other));
  });

  it('is undone when it is interrupted, and goes over what a crash has left', async () => {
    const dataDir = join(folder, 'again');
    const signal = AbortSignal.abort(new Error('enough'));
    const request = { path, dataDir, name: 'default', flags: {} };
    await assert.rejects(restoreSnapshot({ ...request, signal }), /enough/);
    assert.ok(await isGone(dataDir));
    // What a killed restore leaves: a directory under another name, half made.
    const half = `${dataDir}.restoring`;
    await mkdir(join(half, 'db'), { recursive: true });
    await mkdir(join(half, 'wal'));
    await writeFile(join(half, 'VERSION'), 'tidelock 1\n');
    await writeFile(join(half, 'db', 'data.mdb'), 'half of a database');
    await writeFile(join(half, 'wal', 'half'), 'of a log');
    assert.equal((await restoreSnapshot(request)).revision, revision);
    assert.deepEqual((await readdir(dataDir)).toSorted(), ['VERSION', 'db', 'wal']);
    assert.ok(!(await readdir(folder)).includes('again.restoring'));
    const foreign = join(folder, 'foreign');
    await mkdir(`${foreign}.restoring`);
    await writeFile(join(`${foreign}.restoring`, 'precious'), 'data');
    await assert.rejects(restoreSnapshot({ ...request, dataDir: foreign }), StartFailure);
    assert.equal(await readFile(join(`${foreign}.restoring`, 'precious'), 'utf8'), 'data');
  });
});
