// What every Disk must do, whether it is the machine's or a simulated one: run by the tests of
// both. Each promise of src/ports/disk.ts that a running process can see has a case here.
import assert from 'node:assert/strict';
import { DiskError } from '../../src/ports/disk.js';
import type { Disk, DiskErrorKind } from '../../src/ports/disk.js';

export interface DiskUnderTest {
  readonly disk: Disk;
  readonly tearDown: () => Promise<void>;
}

const bytesOf = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

function rejectsWith(kind: DiskErrorKind, call: Promise<unknown>): Promise<void> {
  return assert.rejects(call, (failure) => {
    assert.ok(failure instanceof DiskError, String(failure));
    assert.equal(failure.kind, kind, failure.message);
    return true;
  });
}

export function diskContract(name: string, setUp: () => Promise<DiskUnderTest>): void {
  describe(`disk contract: ${name}`, () => {
    let disk: Disk;
    let tearDown: () => Promise<void>;

    beforeEach(async () => {
      ({ disk, tearDown } = await setUp());
      await disk.makeDirectory('log');
    });
    afterEach(() => tearDown());

    it('creates a file of zeros of the size asked for', async () => {
      const file = await disk.create('log/a', 3000);
      await file.close();
      assert.deepEqual(await disk.read('log/a'), new Uint8Array(3000));
    });

    it('creates an empty file', async () => {
      await (await disk.create('log/a', 0)).close();
      assert.equal((await disk.read('log/a')).length, 0);
    });

    it('refuses to create a file twice', async () => {
      await (await disk.create('log/a', 1)).close();
      await rejectsWith('exists', disk.create('log/a', 5));
      assert.equal((await disk.read('log/a')).length, 1);
    });

    it('reads a part of a file, and what there is of one beyond its end', async () => {
      const file = await disk.create('log/a', 0);
      await file.write(bytesOf(1, 2, 3, 4, 5), 0);
      await file.close();
      assert.deepEqual(await disk.readPart('log/a', 1, 3), bytesOf(2, 3, 4));
      assert.deepEqual(await disk.readPart('log/a', 3, 9), bytesOf(4, 5));
      assert.equal((await disk.readPart('log/a', 5, 9)).length, 0);
      assert.equal((await disk.readPart('log/a', 50, 9)).length, 0);
    });

    it('reports what is missing', async () => {
      await rejectsWith('missing', disk.readPart('log/a', 0, 1));
      await rejectsWith('missing', disk.read('log/a'));
      await rejectsWith('missing', disk.open('log/a'));
      await rejectsWith('missing', disk.rename('log/a', 'log/b'));
      await rejectsWith('missing', disk.create('nowhere/a', 1));
      await rejectsWith('missing', disk.syncDirectory('nowhere'));
    });

    it('refuses paths that lead out of its directory', async () => {
      await rejectsWith('denied', disk.create('../a', 1));
      await rejectsWith('denied', disk.create('log/../../a', 1));
      await rejectsWith('denied', disk.create('/tmp/a', 1));
      await rejectsWith('denied', disk.makeDirectory('../b'));
    });

    it('writes at any offset, durably or not, and shows both at once', async () => {
      const file = await disk.create('log/a', 6);
      await file.write(bytesOf(1, 2), 0);
      await file.writeDurably(bytesOf(3, 4), 4);
      await file.write(bytesOf(9), 1);
      assert.deepEqual(await disk.read('log/a'), bytesOf(1, 9, 0, 0, 3, 4));
      await file.sync();
      await file.close();
      assert.deepEqual(await disk.read('log/a'), bytesOf(1, 9, 0, 0, 3, 4));
    });

    it('grows a file that is written beyond its end, with zeros in between', async () => {
      const file = await disk.create('log/a', 1);
      await file.writeDurably(bytesOf(7), 1000);
      await file.close();
      const content = await disk.read('log/a');
      assert.equal(content.length, 1001);
      assert.equal(content[1000], 7);
      assert.ok(content.subarray(0, 1000).every((byte) => byte === 0));
    });

    it('does not keep the bytes that it was given', async () => {
      const file = await disk.create('log/a', 0);
      const bytes = bytesOf(1, 2, 3);
      await file.writeDurably(bytes, 0);
      bytes.fill(9);
      await file.close();
      assert.deepEqual(await disk.read('log/a'), bytesOf(1, 2, 3));
    });

    it('gives content that the caller may change', async () => {
      await (await disk.create('log/a', 2)).close();
      (await disk.read('log/a')).fill(9);
      assert.deepEqual(await disk.read('log/a'), bytesOf(0, 0));
    });

    it('opens a file and goes on writing', async () => {
      const created = await disk.create('log/a', 4);
      await created.writeDurably(bytesOf(1), 0);
      await created.close();
      const opened = await disk.open('log/a');
      await opened.writeDurably(bytesOf(2), 1);
      await opened.close();
      assert.deepEqual(await disk.read('log/a'), bytesOf(1, 2, 0, 0));
    });

    it('cuts and extends a file', async () => {
      const file = await disk.create('log/a', 0);
      await file.write(bytesOf(1, 2, 3, 4), 0);
      await file.truncate(2);
      await file.truncate(4);
      await file.sync();
      await file.close();
      assert.deepEqual(await disk.read('log/a'), bytesOf(1, 2, 0, 0));
    });

    it('takes a large write whole', async () => {
      const large = new Uint8Array(3_000_001).map((_, at) => at % 251);
      const file = await disk.create('log/a', 10);
      await file.writeDurably(large, 5);
      await file.close();
      assert.deepEqual((await disk.read('log/a')).subarray(5), large);
    });

    it('rejects calls on a closed file, and lets it be closed again', async () => {
      const file = await disk.create('log/a', 4);
      await file.close();
      await file.close();
      await rejectsWith('io', file.writeDurably(bytesOf(1), 0));
      await rejectsWith('io', file.sync());
    });

    it('lists files by name and no directories', async () => {
      await disk.makeDirectory('log/deep/er');
      for (const path of ['log/b', 'log/a', 'log/deep/c'])
        await (await disk.create(path, 0)).close();
      assert.deepEqual(await disk.list('log'), ['a', 'b']);
      assert.deepEqual(await disk.list('log/deep'), ['c']);
      assert.deepEqual(await disk.list('nowhere'), []);
    });

    it('makes a directory twice without harm', async () => {
      await (await disk.create('log/a', 0)).close();
      await disk.makeDirectory('log');
      assert.deepEqual(await disk.list('log'), ['a']);
    });

    it('renames over another file, and an open file follows its new name', async () => {
      const file = await disk.create('log/a', 2);
      await (await disk.create('log/b', 5)).close();
      await disk.rename('log/a', 'log/b');
      await disk.syncDirectory('log');
      await file.writeDurably(bytesOf(5), 0);
      await file.close();
      assert.deepEqual(await disk.list('log'), ['b']);
      assert.deepEqual(await disk.read('log/b'), bytesOf(5, 0));
    });

    it('removes files, missing ones too', async () => {
      await (await disk.create('log/a', 0)).close();
      await disk.remove('log/a');
      await disk.remove('log/a');
      await disk.syncDirectory('log');
      await rejectsWith('missing', disk.read('log/a'));
    });
  });
}
