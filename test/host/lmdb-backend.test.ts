// The LMDB backend keeps the contract of every backend, says what is wrong with a place where it
// cannot open, and trusts nothing after a failed commit.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LmdbBackend } from '../../src/host/lmdb-backend.js';
import { backendContract } from '../contract/backend.js';

const row = (key: number, value: Uint8Array) =>
  ({ bucket: 'key', key: Uint8Array.of(key), value }) as const;
const BACKEND_MODULE = new URL('../../src/host/lmdb-backend.js', import.meta.url).href;
const newDirectory = (): string => mkdtempSync(join(tmpdir(), 'tidelock-lmdb-'));

backendContract('LMDB', async () => {
  const directory = newDirectory();
  let backend = LmdbBackend.open(directory);
  return {
    backend,
    reopen: async () => {
      await backend.close();
      backend = LmdbBackend.open(directory);
      return backend;
    },
    tearDown: async () => {
      await backend.close();
      rmSync(directory, { recursive: true });
    },
  };
});

describe('LmdbBackend', () => {
  let directory: string;
  beforeEach(() => {
    directory = newDirectory();
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('says what is wrong when its file is not one of LMDB', () => {
    writeFileSync(join(directory, 'data.mdb'), 'this is something else'.repeat(1000));
    assert.throws(
      () => LmdbBackend.open(directory),
      (error: Error) => {
        assert.ok(error.message.includes(directory), error.message);
        assert.match(error.message, /cannot open the backend/);
        return true;
      },
    );
  });

  it('says what is wrong when the directory is a file', () => {
    const path = join(directory, 'file');
    writeFileSync(path, '');
    assert.throws(() => LmdbBackend.open(path), /cannot open the backend in .*EEXIST/);
  });

  it('says what is wrong when its file was cut short', async () => {
    const backend = LmdbBackend.open(directory);
    for (let i = 0; i < 4; i++) await backend.commit([row(i, new Uint8Array(50_000))]);
    await backend.close();
    truncateSync(join(directory, 'data.mdb'), 40_960);
    assert.throws(() => LmdbBackend.open(directory), /40960 bytes, at least \d+ were written/);
  });

  it('fails for good after a failed commit, which left nothing behind', async () => {
    const backend = LmdbBackend.open(directory);
    await backend.commit([row(1, Uint8Array.of(1))]);
    const bad = { bucket: 'key', key: new Uint8Array(4000), value: Uint8Array.of(1) } as const;
    await assert.rejects(backend.commit([row(1, Uint8Array.of(9)), bad]), /4000 bytes/);
    assert.throws(() => backend.get('key', Uint8Array.of(1)), /failed/);
    await assert.rejects(backend.commit([row(1, Uint8Array.of(2))]), /failed/);
    await backend.close();
    const again = LmdbBackend.open(directory);
    assert.deepEqual(Array.from(again.get('key', Uint8Array.of(1)) ?? []), [1]);
    assert.equal(again.count('key'), 1);
    await again.close();
  });

  it('says why a commit failed, and leaves no rejected promise behind', () => {
    // A process of its own, for the bound on file sizes that stands for a full disk; by default any
    // promise that is rejected unseen ends it with an exit code of 1.
    const script = `
      const { LmdbBackend } = await import(${JSON.stringify(BACKEND_MODULE)});
      const backend = LmdbBackend.open(${JSON.stringify(directory)});
      const row = { bucket: 'key', key: Uint8Array.of(1), value: new Uint8Array(4_000_000) };
      const small = { ...row, key: Uint8Array.of(2), value: Uint8Array.of(1) };
      await backend.commit([small]);
      const reason = await backend.commit([small, row, small]).then(() => 'none', (e) => e.message);
      await backend.close();
      setTimeout(() => process.stdout.write(reason), 20);
    `;
    const limited = `trap '' XFSZ; ulimit -f 1000; exec "$0" --input-type=module -e "$1"`;
    const { stdout, stderr, status } = spawnSync('sh', ['-c', limited, process.execPath, script], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^a commit to .* failed: (File too large|Input.output error)$/);
  });

  it('says so when its file was removed', async () => {
    const backend = LmdbBackend.open(directory);
    await backend.commit([row(1, Uint8Array.of(1))]);
    assert.ok(backend.size().usedBytes > 0);
    rmSync(join(directory, 'data.mdb'));
    assert.throws(() => backend.size(), /data\.mdb was removed/);
    await backend.close();
  });

  it('refuses calls after close', async () => {
    const backend = LmdbBackend.open(directory);
    await backend.close();
    await backend.close();
    assert.throws(() => backend.get('key', Uint8Array.of(1)), /closed/);
  });
});
