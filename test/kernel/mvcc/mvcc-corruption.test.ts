// No damage in the backend gets past the store: every bit of every row, rows that are missing, and
// rows that are where they should not be stop it when it opens, and damage done later when it is
// read.
import assert from 'node:assert/strict';
import { encodeRowKey, RowCorruptError } from '../../../src/kernel/codec/row.js';
import { Mvcc } from '../../../src/kernel/mvcc/mvcc.js';
import { WriteBuffer } from '../../../src/kernel/mvcc/write-buffer.js';
import { SimBackend } from '../../../src/simulation/sim-backend.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { toBytes } from '../../../src/store/index.js';
import { EVERYTHING, NOW } from './mvcc-world.js';

const openMvcc = (backend: SimBackend): Promise<Mvcc> =>
  Mvcc.open({ backend, buffer: new WriteBuffer(backend) });

async function filledBackend(): Promise<SimBackend> {
  const backend = new SimBackend(new SimRandom(1));
  const buffer = new WriteBuffer(backend);
  const mvcc = await Mvcc.open({ backend, buffer });
  for (const name of ['a', 'b', 'c', 'a']) {
    const write = mvcc.begin();
    write.put(toBytes(name), toBytes(`value of ${name}`), 0n, false);
    write.put(toBytes(`${name}2`), toBytes(''), 7n, false);
    write.commit();
  }
  const write = mvcc.begin();
  write.deleteRange({ start: toBytes('b'), end: undefined }, false);
  write.commit();
  await buffer.flush();
  return backend;
}

describe('Mvcc over a damaged backend', () => {
  it('opens when nothing is damaged', async () => {
    assert.equal((await openMvcc(await filledBackend())).range(EVERYTHING, NOW).count, 5);
  });

  for (const bucket of ['key', 'meta'] as const) {
    it(`refuses every flipped bit of the bucket ${bucket}`, async () => {
      const backend = await filledBackend();
      let flips = 0;
      for (let row = 0; row < backend.count(bucket); row++) {
        for (let bit = 0; backend.flipBit(bucket, row, bit); bit++) {
          await assert.rejects(openMvcc(backend), RowCorruptError, `row ${row}, bit ${bit}`);
          backend.flipBit(bucket, row, bit);
          flips++;
        }
      }
      assert.ok(flips > 50);
      await openMvcc(backend);
    });
  }

  it('refuses a backend from which any row is missing', async () => {
    for (let main = 2; main <= 6; main++) {
      for (let sub = 0; sub < (main === 6 ? 1 : 2); sub++) {
        const backend = await filledBackend();
        const key = encodeRowKey(main, sub, main === 6);
        await backend.commit([{ bucket: 'key', key, value: undefined }]);
        await assert.rejects(openMvcc(backend), RowCorruptError, `row ${sub} of ${main}`);
      }
    }
  });

  it('refuses rows without the row that describes them', async () => {
    const backend = await filledBackend();
    await backend.commit([{ bucket: 'meta', key: toBytes('mvccState'), value: undefined }]);
    await assert.rejects(openMvcc(backend), RowCorruptError);
  });

  it('does not answer from a row that was damaged after opening', async () => {
    const backend = await filledBackend();
    const mvcc = await openMvcc(backend);
    const damage = { bucket: 'key', key: encodeRowKey(4, 0, false) } as const;
    backend.flipBit('key', 4, 40);
    assert.throws(() => mvcc.get(toBytes('c')), RowCorruptError);
    assert.throws(() => mvcc.history(2, 5, 9), RowCorruptError);
    assert.throws(() => mvcc.hashKv(0), RowCorruptError);
    await backend.commit([{ ...damage, value: undefined }]);
    assert.throws(() => mvcc.get(toBytes('c')), RowCorruptError);
    assert.throws(() => mvcc.range(EVERYTHING, NOW), RowCorruptError);
    assert.throws(() => mvcc.history(2, 5, 9), RowCorruptError);
  });
});
