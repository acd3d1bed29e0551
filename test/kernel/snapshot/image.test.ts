// A state image gives back what was written, whatever the pieces it is read in, its size is known
// before, and no image that was cut short or changed anywhere is believed.
import assert from 'node:assert/strict';
import { BUCKETS } from '../../../src/ports/backend.js';
import {
  IMAGE_ALIGNMENT_BYTES,
  type ImageHeader,
} from '../../../src/kernel/snapshot/image-format.js';
import { ImageReader } from '../../../src/kernel/snapshot/image-reader.js';
import type { ImageRow } from '../../../src/kernel/snapshot/image-rows.js';
import { ImageMeasure, imagePieces } from '../../../src/kernel/snapshot/image-writer.js';
import { StateImageError } from '../../../src/kernel/snapshot/state-image-error.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import { LIMITS } from '../../../src/store/index.js';

const HEADER: ImageHeader = {
  clusterId: 0x1234_5678_9abc_def0n,
  memberId: 0xffff_ffff_ffff_ffffn,
  mark: {
    index: 1_234_567,
    term: 89,
    confState: {
      voters: [1n, 2n, 0xffff_ffff_ffff_ffffn],
      learners: [4n],
      votersOutgoing: [1n],
      learnersNext: [],
      autoLeave: true,
    },
  },
  revision: 98_765_432_101,
  rollingHash: 0xdead_beef,
  compactRevision: -1,
};

function sampleRows(random: SimRandom, count: number, valueBytesMax: number): ImageRow[] {
  const rows: ImageRow[] = [];
  for (const bucket of BUCKETS) {
    for (let i = 0; i < count; i++) {
      const value = Uint8Array.from({ length: random.below(valueBytesMax) }, () =>
        random.below(256),
      );
      rows.push({ bucket, key: Uint8Array.of(i >> 8, i & 0xff), value });
    }
  }
  return rows;
}

function imageOf(rows: readonly ImageRow[], header = HEADER): Uint8Array {
  return Uint8Array.from(Buffer.concat([...imagePieces(header, rows)]));
}

function readAll(image: Uint8Array, pieceBytes: (at: number) => number): ImageRow[] {
  const reader = new ImageReader();
  const rows: ImageRow[] = [];
  for (let at = 0; at < image.length; ) {
    const end = at + pieceBytes(at);
    rows.push(...reader.push(image.subarray(at, end)));
    at = end;
  }
  assert.deepEqual(reader.end(), HEADER);
  return rows;
}

function measured(rows: readonly ImageRow[]): number {
  const measure = new ImageMeasure(HEADER);
  for (const row of rows) measure.add(row);
  return measure.finish();
}

function mustRefuse(image: Uint8Array, what: string): void {
  assert.throws(
    () => {
      const reader = new ImageReader();
      reader.push(image);
      reader.end();
    },
    StateImageError,
    what,
  );
}

describe('state image', () => {
  const seed = Number(process.env['TIDELOCK_SEED'] ?? 23);

  it(`gives back its rows in pieces of any size (seed ${seed})`, () => {
    const random = new SimRandom(seed);
    const rows = sampleRows(random, 20, 9000);
    const image = imageOf(rows);
    assert.equal(image.length % IMAGE_ALIGNMENT_BYTES, 0);
    assert.ok(image.length > LIMITS.imageChunkBytes * 3, 'several chunks');
    for (const pieceBytes of [7, 512, 65_536, image.length]) {
      assert.deepEqual(
        readAll(image, () => pieceBytes),
        rows,
      );
    }
    assert.deepEqual(
      readAll(image, () => 1 + random.below(40_000)),
      rows,
    );
  });

  it('is as long as was said before', () => {
    const random = new SimRandom(seed);
    for (const [count, bytes] of [
      [0, 1],
      [1, 1],
      [3, 200],
      [300, 400],
      [5, 70_000],
    ] as const) {
      const rows = sampleRows(random, count, bytes);
      assert.equal(measured(rows), imageOf(rows).length, `${count} rows of ${bytes}`);
      assert.equal(imageOf(rows).length % IMAGE_ALIGNMENT_BYTES, 0);
    }
  });

  it('takes an image without rows, and one with a row larger than a chunk', () => {
    assert.deepEqual(
      readAll(imageOf([]), () => 100),
      [],
    );
    const row = { bucket: 'key', key: Uint8Array.of(1), value: new Uint8Array(1_500_000).fill(7) };
    assert.deepEqual(
      readAll(imageOf([row as ImageRow]), () => 5000),
      [row],
    );
  });

  it('refuses every image that was cut short, or is longer', () => {
    const image = imageOf(sampleRows(new SimRandom(seed), 4, 60));
    for (let length = 0; length < image.length; length++) {
      mustRefuse(image.subarray(0, length), `${length} bytes`);
    }
    mustRefuse(Uint8Array.from([...image, 0]), 'a byte more');
    mustRefuse(Uint8Array.from([...image, ...image]), 'twice');
  });

  it('refuses every image with a byte that was changed', () => {
    const random = new SimRandom(seed);
    const image = imageOf(sampleRows(random, 4, 60));
    for (let at = 0; at < image.length; at++) {
      for (const change of [1, 128, 1 + random.below(255)]) {
        const changed = image.slice();
        changed[at] = (changed[at] as number) ^ change;
        mustRefuse(changed, `byte ${at} with ${change}`);
      }
    }
  });

  it('refuses parts that are missing, doubled or in another order', () => {
    const parts = [...imagePieces(HEADER, sampleRows(new SimRandom(seed), 20, 9000))];
    const joined = (list: readonly Uint8Array[]): Uint8Array =>
      Uint8Array.from(Buffer.concat(list));
    assert.ok(parts.length > 6);
    for (let i = 1; i < parts.length - 2; i++) {
      mustRefuse(joined(parts.toSpliced(i, 1)), `without part ${i}`);
      mustRefuse(joined(parts.toSpliced(i, 0, parts[i] as Uint8Array)), `part ${i} twice`);
      const swapped = parts.with(i, parts[i + 1] as Uint8Array).with(i + 1, parts[i] as Uint8Array);
      mustRefuse(joined(swapped), `parts ${i} and the next swapped`);
    }
  });

  it('refuses rows that are out of order', () => {
    const row = (bucket: ImageRow['bucket'], key: number): ImageRow => ({
      bucket,
      key: Uint8Array.of(key),
      value: Uint8Array.of(1),
    });
    mustRefuse(imageOf([row('key', 2), row('key', 1)]), 'a smaller key');
    mustRefuse(imageOf([row('key', 2), row('key', 2)]), 'a key twice');
    mustRefuse(imageOf([row('meta', 1), row('key', 2)]), 'an earlier table');
  });

  it('refuses what is no image, at once', () => {
    const reader = new ImageReader();
    assert.throws(() => reader.push(new Uint8Array(16).fill(1)), /does not begin as a state image/);
    const other = imageOf([]);
    other[8] = 2;
    assert.throws(() => new ImageReader().push(other), /version 2/);
  });
});
