// Proves that a saved file is replaced as a whole, is private, leaves nothing behind when it fails,
// and that sealed bytes open again and show every change.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aesGcmCipher } from '../../src/host/aes-gcm-cipher.js';
import { savedFile } from '../../src/host/saved-file.js';
import { toBytes, toText } from '../../src/store/index.js';

describe('savedFile', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidelock-saved-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('loads what was saved last, and nothing before anything was', async () => {
    const saved = savedFile(join(folder, 'cache'));
    assert.equal(await saved.load(), undefined);
    await saved.save(toBytes('one'));
    await saved.save(toBytes('two'));
    assert.equal(toText((await saved.load()) ?? new Uint8Array()), 'two');
    assert.deepEqual(await readdir(folder), ['cache']);
  });

  it('is readable by its owner alone, whatever was there before', async () => {
    const path = join(folder, 'cache');
    await writeFile(path, 'old', { mode: 0o666 });
    await savedFile(path).save(toBytes('new'));
    assert.equal((await stat(path)).mode & 0o777, 0o600);
  });

  it('a failed save leaves what was there, and no litter', async () => {
    const path = join(folder, 'cache');
    // A directory cannot be replaced by a file, so the renaming fails.
    await mkdir(join(path, 'inside'), { recursive: true });
    await assert.rejects(savedFile(path).save(toBytes('new')));
    assert.deepEqual(await readdir(folder), ['cache']);
    await assert.rejects(savedFile(join(folder, 'missing', 'cache')).save(toBytes('new')));
  });

  it('a reader never meets half of it', async () => {
    const path = join(folder, 'cache');
    const saved = savedFile(path);
    const contents = ['a', 'b'].map((letter) => letter.repeat(200_000));
    await saved.save(toBytes(contents[0] ?? ''));
    let isDone = false;
    const reading = (async () => {
      while (!isDone) assert.ok(contents.includes(await readFile(path, 'utf8')));
    })();
    for (let i = 0; i < 20; i++) await saved.save(toBytes(contents[i % 2] ?? ''));
    isDone = true;
    await reading;
  });
});

describe('aesGcmCipher', () => {
  const cipher = aesGcmCipher(new Uint8Array(32).fill(7));

  it('opens what it sealed, and seals the same bytes differently each time', async () => {
    const [first, second] = [
      await cipher.seal(toBytes('secret')),
      await cipher.seal(toBytes('secret')),
    ];
    assert.notDeepEqual(first, second);
    assert.equal(toText(await cipher.open(first)), 'secret');
    assert.ok(!Buffer.from(first).includes('secret'));
  });

  it('refuses every changed byte, another key, and what is too short', async () => {
    const sealed = await cipher.seal(toBytes('secret'));
    for (let at = 0; at < sealed.length; at++) {
      const changed = new Uint8Array(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await assert.rejects(cipher.open(changed));
    }
    await assert.rejects(aesGcmCipher(new Uint8Array(32)).open(sealed));
    for (const length of [0, 5, 20]) await assert.rejects(cipher.open(sealed.subarray(0, length)));
    assert.throws(() => aesGcmCipher(new Uint8Array(16)), RangeError);
  });
});
