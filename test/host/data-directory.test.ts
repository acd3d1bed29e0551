// A data directory is made private and durable, belongs to one process at a time, outlives
// processes that end without a word, and is refused with one clear line and left untouched when it
// is not ours.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataDirectory } from '../../src/host/data-directory.js';
import { DataDirectoryError } from '../../src/host/data-directory-error.js';
import type { DataDirectoryErrorKind } from '../../src/host/data-directory-error.js';
import { DirectoryLock } from '../../src/host/directory-lock.js';
import { isAlive, ownIdentity } from '../../src/host/process-identity.js';

describe('host/data-directory', () => {
  let root: string;
  let path: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'tidelock-data-'));
    path = join(root, 'deep', 'data');
  });
  afterEach(() => rm(root, { recursive: true }));

  async function refusal(kind: DataDirectoryErrorKind, said: RegExp, at = path): Promise<void> {
    await assert.rejects(DataDirectory.open(at), (failure) => {
      assert.ok(failure instanceof DataDirectoryError, String(failure));
      assert.equal(failure.kind, kind, failure.message);
      assert.match(failure.message, said);
      assert.ok(failure.message.includes(at) && !failure.message.includes('\n'));
      return true;
    });
  }

  it('makes a private directory, and opens it again', async () => {
    const made = await DataDirectory.open(path);
    assert.equal(made.isNew, true);
    assert.equal(made.path, path);
    assert.equal((await stat(path)).mode & 0o777, 0o700);
    assert.equal(await readFile(join(path, 'VERSION'), 'utf8'), 'tidelock 1\n');
    await made.close();
    await made.close();
    const again = await DataDirectory.open(path);
    assert.equal(again.isNew, false);
    await again.close();
    assert.deepEqual(await readdir(path), ['VERSION']);
  });

  it('takes back what it made, where nothing came of it', async () => {
    const made = await DataDirectory.open(path);
    await made.discard();
    assert.deepEqual(await readdir(join(root, 'deep')), []);
    await mkdir(path);
    const found = await DataDirectory.open(path);
    await found.discard();
    assert.deepEqual(await readdir(path), [], 'what was there stays');
    await (await DataDirectory.open(path)).close();
    const again = await DataDirectory.open(path);
    await again.discard();
    assert.deepEqual(await readdir(path), ['VERSION'], 'it was ours before');
    await rm(path, { recursive: true });
    const shared = await DataDirectory.open(path);
    await writeFile(join(path, 'hers'), '');
    await shared.discard();
    assert.deepEqual(await readdir(path), ['hers']);
  });

  it('gives the directory back though it cannot be tidied up', async () => {
    const made = await DataDirectory.open(path);
    await rm(join(path, 'VERSION'));
    await mkdir(join(path, 'VERSION'));
    await assert.rejects(made.discard(), DataDirectoryError);
    assert.deepEqual(await readdir(path), ['VERSION'], 'the lock is gone');
  });

  it('takes an empty directory, one left half made, and closes it to others', async () => {
    await mkdir(path, { recursive: true, mode: 0o755 });
    await writeFile(join(path, 'VERSION.tmp'), 'tide');
    const opened = await DataDirectory.open(path);
    assert.equal(opened.isNew, true);
    assert.equal((await stat(path)).mode & 0o777, 0o700);
    await opened.close();
  });

  it('refuses a directory in which a member lived and whose log is gone', async () => {
    const made = await DataDirectory.open(path);
    made.checkMember(false);
    await made.noteMember();
    assert.throws(() => made.checkMember(false), /log is gone; put its files back/);
    await made.close();
    const again = await DataDirectory.open(path);
    assert.throws(() => again.checkMember(false), { kind: 'lost' });
    again.checkMember(true);
    await again.noteMember();
    await again.close();
    assert.deepEqual(await readdir(path), ['MEMBER', 'VERSION']);
    assert.equal((await stat(join(path, 'MEMBER'))).mode & 0o777, 0o600);
  });

  it('refuses what is not a directory', async () => {
    await writeFile(join(root, 'file'), '');
    await refusal('not-a-directory', /: is not a directory$/, join(root, 'file'));
    await refusal(
      'not-a-directory',
      /part of the path is not a directory/,
      join(root, 'file', 'below'),
    );
  });

  it('refuses a directory with the files of others, and leaves it alone', async () => {
    await mkdir(path, { recursive: true });
    await chmod(path, 0o755);
    await writeFile(join(path, 'thesis.tex'), '');
    await refusal('foreign', /holds thesis\.tex/);
    await writeFile(join(path, 'VERSION'), '3.1\n');
    await refusal('foreign', /VERSION is not Tidelock's/);
    assert.deepEqual(await readdir(path), ['VERSION', 'thesis.tex']);
    assert.equal((await stat(path)).mode & 0o777, 0o755);
  });

  it('refuses another format', async () => {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'VERSION'), 'tidelock 2\n');
    await refusal('version', /has format 2, and this version of Tidelock reads format 1/);
  });

  it('refuses the directory of another user', async () => {
    const own = process.getuid?.();
    await mkdir(path, { recursive: true });
    // Only root can give a directory away; anyone else is shown one of a user that is not theirs.
    if (own === 0) await chown(path, 12_345, 12_345);
    else await chmod(path, 0o000);
    await refusal('denied', own === 0 ? /belongs to user 12345/ : /may not use it/);
    if (own !== 0) await chmod(path, 0o700);
  });

  it('is open once at a time', async () => {
    const first = await DataDirectory.open(path);
    await refusal('locked', /in use by this process; stop it, or/);
    await first.close();
    await (await DataDirectory.open(path)).close();
  });

  it('is refused while another process has it, and taken over when that was killed', async () => {
    await (await DataDirectory.open(path)).close();
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    assert.ok(other.pid !== undefined);
    const { boot } = await ownIdentity();
    const status = await readFile(`/proc/${other.pid}/stat`, 'latin1').catch(() => undefined);
    const start = status?.slice(status.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
    await writeFile(join(path, `LOCK-${other.pid}-${start}-${boot}-aa`), '');
    await refusal('locked', new RegExp(`in use by process ${other.pid};`));
    other.kill('SIGKILL');
    await once(other, 'exit');
    await (await DataDirectory.open(path)).close();
    assert.deepEqual(await readdir(path), ['VERSION']);
  });

  it('takes over from a process before a restart, or one whose number was used again', async () => {
    await (await DataDirectory.open(path)).close();
    const { pid, start, boot } = await ownIdentity();
    const earlier = start === '0' ? [] : [`LOCK-${pid}-1-${boot}-aa`];
    const beforeBoot = boot === '0' ? [] : [`LOCK-${pid}-${start}-${'0'.repeat(31)}1-aa`];
    for (const name of [...earlier, ...beforeBoot]) {
      await writeFile(join(path, name), '');
      await (await DataDirectory.open(path)).close();
      assert.deepEqual(await readdir(path), ['VERSION']);
    }
  });

  it('goes to at most one of many that come at once, also past a stale lock', async () => {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'LOCK-999999999-1-1-aa'), '');
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => DirectoryLock.acquire(path)),
    );
    const won = results.filter((result) => result.status === 'fulfilled');
    assert.ok(won.length <= 1, `${won.length} holders`);
    for (const result of results) {
      if (result.status === 'rejected') assert.match(String(result.reason), /in use by/);
    }
    for (const { value } of won) await value.release();
    await (await DirectoryLock.acquire(path)).release();
    assert.deepEqual(await readdir(path), []);
  });

  it('knows a process that runs from one that is gone', async () => {
    const own = await ownIdentity();
    assert.equal(await isAlive(own), true);
    assert.equal(await isAlive({ ...own, start: '0', boot: '0' }), true);
    assert.equal(await isAlive({ ...own, pid: 999_999_999 }), false);
  });
});
