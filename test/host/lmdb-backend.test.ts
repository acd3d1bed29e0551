// The LMDB backend keeps the contract of every backend, says what is wrong with a place where it
// cannot open, and trusts nothing after a failed commit.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
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

  it('keeps the old rows, and works, when the disk is too small for a replacement', () => {
    const script = `
      const { LmdbBackend } = await import(${JSON.stringify(BACKEND_MODULE)});
      const backend = LmdbBackend.open(${JSON.stringify(directory)});
      const row = (key, size) => ({ bucket: 'key', key: Uint8Array.of(key), value: new Uint8Array(size) });
      await backend.commit([row(1, 10)]);
      async function* rows() { yield [row(2, 10)]; yield [row(3, 4_000_000)]; }
      const reason = await backend.replace(rows()).then(() => 'none', (e) => e.message);
      await backend.commit([row(4, 10)]);
      await backend.close();
      setTimeout(() => process.stdout.write(reason), 20);
    `;
    const limited = `trap '' XFSZ; ulimit -f 1000; exec "$0" --input-type=module -e "$1"`;
    const { stdout, stderr, status } = spawnSync('sh', ['-c', limited, process.execPath, script], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^(File too large|Input.output error)$/);
    assertFiles(directory);
  });

  it('holds the old rows or the new ones when the process is killed in a replacement', async () => {
    const outcomes = new Set<string>();
    const script = `
      const { LmdbBackend } = await import(${JSON.stringify(BACKEND_MODULE)});
      const backend = LmdbBackend.open(${JSON.stringify(directory)});
      async function* rows() {
        for (let key = 2; key < 6; key++) {
          if (key === Number(process.argv[1])) process.kill(process.pid, 'SIGKILL');
          yield [{ bucket: 'key', key: Uint8Array.of(key), value: new Uint8Array(10) }];
        }
      }
      await backend.commit([{ bucket: 'key', key: Uint8Array.of(1), value: new Uint8Array(10) }]);
      await backend.replace(rows());
      process.kill(process.pid, 'SIGKILL');
    `;
    for (const at of ['3', '9']) {
      spawnSync(process.execPath, ['--input-type=module', '-e', script, at]);
      const backend = LmdbBackend.open(directory);
      const keys = Array.from(
        backend.range('key', new Uint8Array(0), undefined, 0),
        (r) => r.key[0],
      );
      outcomes.add(keys.join());
      await backend.close();
      assertFiles(directory);
    }
    assert.deepEqual([...outcomes], ['1', '2,3,4,5']);
  });

  it('opens a new file beside the lock file of the old one, as a crash between leaves it', async () => {
    const other = newDirectory();
    const script = `
      const { LmdbBackend } = await import(${JSON.stringify(BACKEND_MODULE)});
      const backend = LmdbBackend.open(process.argv[1]);
      for (let i = 0; i < Number(process.argv[2]); i++) {
        await backend.commit([{ bucket: 'key', key: Uint8Array.of(i), value: new Uint8Array(9) }]);
      }
      process.kill(process.pid, 'SIGKILL');
    `;
    const run = (...args: readonly string[]): unknown =>
      spawnSync(process.execPath, ['--input-type=module', '-e', script, ...args]);
    run(directory, '100');
    run(other, '2');
    renameSync(join(other, 'data.mdb'), join(directory, 'data.mdb'));
    rmSync(other, { recursive: true });
    let backend = LmdbBackend.open(directory);
    assert.equal(backend.count('key'), 2);
    await backend.commit([row(50, new Uint8Array(1))]);
    await backend.close();
    backend = LmdbBackend.open(directory);
    assert.equal(backend.count('key'), 3);
    await backend.close();
  });

  it('gives space back to the file system when it is defragmented', async () => {
    const backend = LmdbBackend.open(directory);
    for (let i = 0; i < 10; i++) await backend.commit([row(i, new Uint8Array(300_000))]);
    for (let i = 1; i < 10; i++) {
      await backend.commit([{ bucket: 'key', key: Uint8Array.of(i), value: undefined }]);
    }
    const before = backend.size().allocatedBytes;
    await backend.defragment();
    assert.ok(backend.size().allocatedBytes < before / 4);
    assert.equal(backend.get('key', Uint8Array.of(0))?.length, 300_000);
    await backend.close();
    assertFiles(directory);
  });

  it('refuses calls after close', async () => {
    const backend = LmdbBackend.open(directory);
    await backend.close();
    await backend.close();
    assert.throws(() => backend.get('key', Uint8Array.of(1)), /closed/);
  });
});

/** Nothing but the two files of an environment, and nobody else's to read. */
function assertFiles(directory: string): void {
  assert.deepEqual(readdirSync(directory).sort(), ['data.mdb', 'lock.mdb']);
  for (const name of ['data.mdb', 'lock.mdb']) {
    assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600);
  }
}
