// The simulated disk keeps the contract of every disk, and on top of it exactly the durability that
// the port promises: nothing synced is lost, anything else may be, torn at sectors, and the same
// seed gives the same outcome.
import assert from 'node:assert/strict';
import { DiskError } from '../../src/ports/disk.js';
import { SimDisk } from '../../src/simulation/sim-disk.js';
import { SimRandom } from '../../src/simulation/sim-random.js';
import { diskContract } from '../contract/disk.js';

const newDisk = (seed = 1): SimDisk => new SimDisk(new SimRandom(seed));
const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

async function diskWithFile(sizeBytes: number): Promise<SimDisk> {
  const disk = newDisk();
  const file = await disk.create('a', sizeBytes);
  await file.sync();
  await disk.syncDirectory('.');
  return disk;
}

diskContract('simulated', async () => ({ disk: newDisk(), tearDown: async () => {} }));

describe('SimDisk', () => {
  it('keeps what was synced, whatever else is lost', async () => {
    const disk = await diskWithFile(2048);
    const file = await disk.open('a');
    await file.write(filled(100, 1), 0);
    await file.writeDurably(filled(100, 2), 1000);
    await file.write(filled(100, 3), 500);
    const content = await disk.crash('lost').read('a');
    assert.deepEqual(content.subarray(0, 100), filled(100, 1));
    assert.deepEqual(content.subarray(1000, 1100), filled(100, 2));
    assert.deepEqual(content.subarray(500, 600), filled(100, 0));
    assert.deepEqual((await disk.crash('kept').read('a')).subarray(500, 600), filled(100, 3));
  });

  it('tears unsynced writes at sectors, in every way', async () => {
    const disk = await diskWithFile(2048);
    const file = await disk.open('a');
    await file.write(filled(1100, 7), 400);
    const seen = new Set<string>();
    for (let seed = 0; seed < 300; seed++) {
      const content = await disk.crash('chance', new SimRandom(seed)).read('a');
      const parts = [
        content.subarray(400, 512),
        content.subarray(512, 1024),
        content.subarray(1024, 1500),
      ];
      for (const part of parts) assert.equal(new Set(part).size, 1, 'a sector is torn');
      seen.add(parts.map((part) => part[0]).join());
    }
    assert.equal(seen.size, 8);
  });

  it('loses a name whose directory was not synced, but never half a rename', async () => {
    const disk = newDisk();
    const file = await disk.create('a', 10);
    await file.sync();
    assert.deepEqual(await disk.crash('lost').list('.'), []);
    await disk.syncDirectory('.');
    await disk.rename('a', 'b');
    const seen = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      seen.add((await disk.crash('chance', new SimRandom(seed)).list('.')).join());
    }
    assert.deepEqual([...seen].sort(), ['a', 'b']);
    await disk.syncDirectory('.');
    assert.deepEqual(await disk.crash('lost').list('.'), ['b']);
  });

  it('never gives a new name to an older file when the renamed one is lost', async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const disk = await diskWithFile(10);
      await disk.remove('a');
      const file = await disk.create('a', 10);
      await file.writeDurably(filled(10, 7), 0);
      await disk.rename('a', 'b');
      const after = disk.crash('chance', new SimRandom(seed));
      const names = await after.list('.');
      if (names.includes('b')) assert.deepEqual(await after.read('b'), filled(10, 7));
      seen.add(names.join());
    }
    // Nobody synced the directory, so that each of the changes may be missing.
    assert.deepEqual([...seen].sort(), ['', 'a', 'b']);
  });

  it('loses the files of a directory that was lost, and brings back what was removed', async () => {
    const disk = await diskWithFile(1);
    await disk.makeDirectory('log');
    await (await disk.create('log/b', 1)).sync();
    await disk.syncDirectory('log');
    await disk.remove('a');
    const after = disk.crash('lost');
    assert.deepEqual(await after.list('.'), ['a']);
    assert.deepEqual(await after.list('log'), []);
  });

  it('never makes durable what a failed sync left, however often it is synced again', async () => {
    let lost = 0;
    for (let seed = 0; seed < 20; seed++) {
      const disk = newDisk(seed);
      const file = await disk.create('a', 512);
      await file.sync();
      await disk.syncDirectory('.');
      await file.write(filled(512, 5), 0);
      disk.fail({ call: 'sync', nth: 1, kind: 'io' });
      await assert.rejects(file.sync(), DiskError);
      await file.sync();
      assert.equal((await disk.read('a'))[0], 5, 'the page cache still shows it');
      if ((await disk.crash('kept').read('a'))[0] === 0) lost++;
    }
    assert.ok(lost > 0 && lost < 20, `${lost} of 20 lost`);
  });

  it('fails the call that it was told to, once', async () => {
    const disk = await diskWithFile(1);
    disk.fail({ call: 'read', nth: 2, kind: 'io' });
    disk.fail({ call: 'create', nth: 1, kind: 'full' });
    await disk.read('a');
    await assert.rejects(disk.read('a'), { kind: 'io' });
    await disk.read('a');
    await assert.rejects(disk.create('b', 1), { kind: 'full' });
    assert.deepEqual(await disk.list('.'), ['a']);
  });

  it('fails every call once the power is off, and leaves other disks alone', async () => {
    const disk = await diskWithFile(1);
    const after = disk.crash();
    disk.fail({ nth: 1, kind: 'io', isFinal: true });
    await assert.rejects(disk.read('a'));
    await assert.rejects(disk.list('.'));
    assert.equal((await after.read('a')).length, 1);
    assert.equal((await disk.crash().read('a')).length, 1);
  });

  it('flips bits and overwrites bytes on the medium', async () => {
    const disk = await diskWithFile(4);
    disk.flipBit('a', 2, 3);
    disk.overwrite('a', 0, Uint8Array.of(6));
    assert.deepEqual(await disk.crash('lost').read('a'), Uint8Array.of(6, 0, 8, 0));
  });

  it('gives the same outcome for the same seed', async () => {
    const run = async (seed: number): Promise<string> => {
      const disk = newDisk(seed);
      const file = await disk.create('a', 4096);
      for (let i = 0; i < 10; i++) await file.write(filled(700, i + 1), i * 300);
      await disk.syncDirectory('.');
      return (await disk.crash().read('a')).join();
    };
    assert.equal(await run(5), await run(5));
    assert.notEqual(await run(5), await run(6));
  });
});
