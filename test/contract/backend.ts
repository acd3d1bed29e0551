// What every Backend must do, whether it is LMDB or a simulated one: run by the tests of both. Each
// promise of src/ports/backend.ts that a running process can see has a case here.
import assert from 'node:assert/strict';
import {
  type Backend,
  type BackendRow,
  type BackendWrite,
  BUCKETS,
  type Bucket,
} from '../../src/ports/backend.js';
import { SimRandom } from '../../src/simulation/sim-random.js';
import { compareBytes } from '../../src/store/index.js';

export interface BackendUnderTest {
  readonly backend: Backend;
  /** Closes the backend and opens what it left. */
  readonly reopen: () => Promise<Backend>;
  readonly tearDown: () => Promise<void>;
}

const bytesOf = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const FIRST = new Uint8Array(0);

const put = (bucket: Bucket, key: Uint8Array, value: Uint8Array): BackendWrite => ({
  bucket,
  key,
  value,
});

function plain(rows: Iterable<BackendRow>): string[] {
  // Long values by length and both ends, so that a failure can be read.
  const short = (value: Uint8Array): string =>
    value.length < 500 ? hex(value) : `${value.length}:${value[0]}..${value.at(-1)}`;
  return Array.from(rows, ({ key, value }) => `${hex(key)}=${short(value)}`);
}

export function backendContract(name: string, setUp: () => Promise<BackendUnderTest>): void {
  describe(`backend contract: ${name}`, () => {
    let backend: Backend;
    let reopen: () => Promise<Backend>;
    let tearDown: () => Promise<void>;

    beforeEach(async () => {
      ({ backend, reopen, tearDown } = await setUp());
    });
    afterEach(() => tearDown());

    it('is empty when new', () => {
      for (const bucket of BUCKETS) {
        assert.equal(backend.count(bucket), 0);
        assert.equal(backend.get(bucket, bytesOf(1)), undefined);
        assert.deepEqual(plain(backend.range(bucket, FIRST, undefined, 0)), []);
      }
    });

    it('shows a commit once it has resolved, and after opening again', async () => {
      await backend.commit([
        put('meta', bytesOf(1), bytesOf(2)),
        put('key', bytesOf(1), bytesOf()),
      ]);
      assert.deepEqual(backend.get('meta', bytesOf(1)), bytesOf(2));
      backend = await reopen();
      assert.deepEqual(Array.from(backend.get('meta', bytesOf(1)) ?? []), [2]);
      assert.equal(backend.get('key', bytesOf(1))?.length, 0);
      assert.equal(backend.get('lease', bytesOf(1)), undefined);
    });

    it('applies the writes of a commit in order', async () => {
      const key = bytesOf(7);
      await backend.commit([
        put('key', key, bytesOf(1)),
        { bucket: 'key', key, value: undefined },
        put('key', key, bytesOf(3)),
        put('key', bytesOf(8), bytesOf(1)),
        { bucket: 'key', key: bytesOf(8), value: undefined },
        { bucket: 'key', key: bytesOf(9), value: undefined },
      ]);
      assert.deepEqual(plain(backend.range('key', FIRST, undefined, 0)), ['07=03']);
    });

    it('takes a commit without writes', () => backend.commit([]));

    it('hands out bytes that stay as they are', async () => {
      const sizes = [0, 1, 40, 300, 3000, 70_000, 1_500_000];
      await backend.commit(sizes.map((size, i) => put('key', bytesOf(i), filled(size, i))));
      const got = sizes.map((_, i) => backend.get('key', bytesOf(i)));
      const rows = [...backend.range('key', FIRST, undefined, 0)];
      await backend.commit(sizes.map((size, i) => put('key', bytesOf(i), filled(size, 99))));
      for (const row of backend.range('key', FIRST, undefined, 0)) row.value.fill(1);
      sizes.forEach((size, i) => {
        const expected = filled(size, i);
        assert.equal(compareBytes(got[i] ?? bytesOf(0), expected), 0, `get of ${size}`);
        assert.equal(compareBytes(rows[i]?.value ?? bytesOf(0), expected), 0, `row of ${size}`);
        assert.deepEqual(Array.from(rows[i]?.key ?? []), [i]);
        const now = backend.get('key', bytesOf(i)) ?? bytesOf(0);
        assert.equal(compareBytes(now, filled(size, 99)), 0, 'rows are copies');
      });
    });

    it('iterates over the state at which iteration began, and may be left early', async () => {
      await backend.commit([1, 2, 3, 4].map((i) => put('key', bytesOf(i), bytesOf(i))));
      for (const row of backend.range('key', FIRST, undefined, 0)) {
        assert.deepEqual(Array.from(row.key), [1]);
        break;
      }
      await backend.commit([put('key', bytesOf(0), bytesOf(0))]);
      assert.equal(plain(backend.range('key', FIRST, undefined, 0)).length, 5);
      assert.throws(() => {
        for (const _ of backend.range('key', FIRST, undefined, 0)) throw new Error('left');
      }, /left/);
      assert.equal(plain(backend.range('key', FIRST, undefined, 0)).length, 5);
    });

    it('scans what range gives', async () => {
      await backend.commit(
        [3, 1, 17, 18].flatMap((size) =>
          [0, 2500, 60_000].map((value) => put('key', filled(size, value % 7), filled(value, 5))),
        ),
      );
      const rows: BackendRow[] = [];
      backend.scan?.('key', (key, value, valueLength) => {
        rows.push({ key: key.slice(), value: value.slice(0, valueLength) });
      });
      if (backend.scan !== undefined) {
        assert.deepEqual(plain(rows), plain(backend.range('key', FIRST, undefined, 0)));
        assert.throws(() => {
          backend.scan?.('key', () => {
            throw new Error('enough');
          });
        }, /enough/);
      }
      assert.equal(plain(backend.range('key', FIRST, undefined, 0)).length, backend.count('key'));
    });

    it('reports a size that grows with its rows', async () => {
      await backend.commit([put('key', bytesOf(1), bytesOf(1))]);
      const before = backend.size();
      await backend.commit([put('key', bytesOf(2), filled(1_000_000, 1))]);
      const after = backend.size();
      assert.ok(after.usedBytes >= before.usedBytes + 1_000_000);
      assert.ok(after.allocatedBytes >= after.usedBytes);
    });

    it('keeps a view as it was, whatever is committed after', async () => {
      await backend.commit([1, 2, 3].map((i) => put('key', bytesOf(i), bytesOf(i))));
      const view = backend.view();
      await backend.commit([put('key', bytesOf(2), bytesOf(99)), put('lease', bytesOf(1), FIRST)]);
      const later = backend.view();
      await backend.commit([{ bucket: 'key', key: bytesOf(1), value: undefined }]);
      assert.deepEqual(plain(view.range('key', FIRST, undefined, 0)), ['01=01', '02=02', '03=03']);
      assert.deepEqual(plain(view.range('key', bytesOf(2), bytesOf(3), 0)), ['02=02']);
      assert.deepEqual(plain(view.range('key', bytesOf(2), undefined, 1)), ['02=02']);
      assert.deepEqual([view.count('key'), view.count('lease')], [3, 0]);
      assert.deepEqual(plain(later.range('key', FIRST, undefined, 0)), ['01=01', '02=63', '03=03']);
      assert.equal(later.count('lease'), 1);
      view.release();
      view.release();
      assert.throws(() => view.count('key'), /view of the backend has ended/);
      assert.throws(() => [...view.range('key', FIRST, undefined, 0)], /has ended/);
      assert.equal(later.count('key'), 3);
      later.release();
      assert.equal(backend.count('key'), 2);
    });

    it('lets a view be read slowly, between commits, and be left in the middle', async () => {
      const rows = Array.from({ length: 700 }, (_, i) =>
        put('key', bytesOf(i >> 8, i), bytesOf(i)),
      );
      await backend.commit([...rows, put('key', bytesOf(9), filled(3_000_000, 9))]);
      const view = backend.view();
      let read = 0;
      for (const row of view.range('key', FIRST, undefined, 0)) {
        if (read % 100 === 0) await backend.commit([put('key', row.key, bytesOf(77))]);
        if (read < 700) assert.deepEqual(Array.from(row.value), [read & 0xff]);
        read++;
      }
      assert.equal(read, 701);
      for (const row of view.range('key', FIRST, undefined, 500)) {
        read--;
        if (row.key[0] === 1) break;
      }
      assert.equal(read, 701 - 257);
      for (const row of view.range('key', FIRST, undefined, 0)) {
        view.release();
        assert.deepEqual(Array.from(row.value), [0]);
        break;
      }
    });

    async function* batches(
      ...parts: readonly (readonly BackendWrite[])[]
    ): AsyncIterable<readonly BackendWrite[]> {
      for (const part of parts) {
        await Promise.resolve();
        yield part;
      }
    }

    const everything = (from: Backend): readonly string[] =>
      BUCKETS.flatMap((bucket) =>
        plain(from.range(bucket, FIRST, undefined, 0)).map((text) => `${bucket} ${text}`),
      );

    it('replaces everything, for this process and the next', async () => {
      await backend.commit([put('key', bytesOf(1), bytesOf(1)), put('alarm', bytesOf(1), FIRST)]);
      const view = backend.view();
      const expected = ['key 02=02', 'key 03=03', 'meta 05=05', 'members 01=70000:1..1'];
      let shown: readonly string[] = [];
      await backend.replace(
        batches(
          [put('meta', bytesOf(5), bytesOf(5)), put('key', bytesOf(3), bytesOf(3))],
          [],
          [put('key', bytesOf(2), bytesOf(2)), put('members', bytesOf(1), filled(70_000, 1))],
        ),
        () => {
          shown = everything(backend);
        },
      );
      assert.deepEqual(shown, expected);
      assert.deepEqual(everything(backend), expected);
      assert.equal(backend.count('key'), 2);
      assert.throws(() => view.count('key'), /view of the backend has ended/);
      view.release();
      await backend.commit([put('key', bytesOf(4), bytesOf(4))]);
      const again = backend.view();
      assert.equal(again.count('key'), 3);
      again.release();
      await backend.replace(batches([put('key', bytesOf(6), bytesOf(6))]));
      assert.deepEqual(everything(backend), ['key 06=06']);
      backend = await reopen();
      assert.deepEqual(everything(backend), ['key 06=06']);
      await backend.replace(batches());
      assert.deepEqual(everything(backend), []);
    });

    it('changes nothing when the rows of a replacement fail', async () => {
      await backend.commit([put('key', bytesOf(1), bytesOf(1))]);
      async function* failing(): AsyncIterable<readonly BackendWrite[]> {
        yield* batches([put('key', bytesOf(2), bytesOf(2))]);
        throw new Error('the image is damaged');
      }
      await assert.rejects(backend.replace(failing()), /the image is damaged/);
      assert.deepEqual(everything(backend), ['key 01=01']);
      await backend.commit([put('key', bytesOf(3), bytesOf(3))]);
      backend = await reopen();
      assert.deepEqual(everything(backend), ['key 01=01', 'key 03=03']);
    });

    it('shows the old rows until the new ones are complete, and refuses other writes', async () => {
      await backend.commit([put('key', bytesOf(1), bytesOf(1))]);
      const seen: (readonly string[])[] = [];
      async function* watching(): AsyncIterable<readonly BackendWrite[]> {
        yield [put('key', bytesOf(2), bytesOf(2))];
        seen.push(everything(backend));
        await assert.rejects(backend.commit([put('key', bytesOf(9), FIRST)]), /during a replace/);
        await assert.rejects(backend.defragment(), /during a replace/);
        yield [put('key', bytesOf(3), bytesOf(3))];
        seen.push(everything(backend));
      }
      await backend.replace(watching());
      assert.deepEqual(seen, [['key 01=01'], ['key 01=01']]);
      assert.deepEqual(everything(backend), ['key 02=02', 'key 03=03']);
    });

    it('keeps its content when it is defragmented, and takes writes again', async () => {
      await backend.commit([1, 2, 3, 4].map((i) => put('key', bytesOf(i), filled(500_000, i))));
      await backend.commit(
        [1, 2, 3].map((i) => ({ bucket: 'key', key: bytesOf(i), value: undefined }) as const),
      );
      const before = backend.size();
      const view = backend.view();
      const reading = backend.defragment();
      assert.equal(backend.count('key'), 1);
      await reading;
      assert.deepEqual(plain(view.range('key', FIRST, undefined, 0)), ['04=500000:4..4']);
      const other = backend.view();
      view.release();
      assert.equal(other.count('key'), 1);
      other.release();
      assert.deepEqual(everything(backend), ['key 04=500000:4..4']);
      const after = backend.size();
      assert.ok(after.usedBytes >= 500_000 && after.usedBytes <= before.usedBytes);
      assert.ok(after.allocatedBytes <= before.allocatedBytes);
      await backend.commit([put('lease', bytesOf(1), bytesOf(1))]);
      await backend.defragment();
      backend = await reopen();
      assert.deepEqual(everything(backend), ['key 04=500000:4..4', 'lease 01=01']);
    });

    it('agrees with a sorted map under random operations', async () => {
      const seed = Number(process.env['TIDELOCK_SEED'] ?? 17);
      try {
        await randomOperations(new SimRandom(seed));
      } catch (error) {
        throw new Error(`failed with TIDELOCK_SEED=${seed}`, { cause: error });
      }
    });

    async function randomOperations(random: SimRandom): Promise<void> {
      const model = new Map<string, string>();
      const key = (): Uint8Array =>
        Uint8Array.from({ length: 1 + random.below(3) }, () => random.below(5));
      for (let round = 0; round < 120; round++) {
        const writes = Array.from({ length: random.below(30) }, (): BackendWrite => {
          const bucket = BUCKETS[random.below(3)] as Bucket;
          const value = random.below(4) === 0 ? undefined : filled(random.below(400), round);
          return { bucket, key: key(), value };
        });
        await backend.commit(writes);
        for (const write of writes) {
          const name = `${write.bucket}/${hex(write.key)}`;
          if (write.value === undefined) model.delete(name);
          else model.set(name, hex(write.value));
        }
        if (random.below(20) === 0) backend = await reopen();
        if (random.below(40) === 0) await backend.defragment();
        if (random.below(40) === 0) await backend.replace(batches(allRows(backend)));
        const bucket = BUCKETS[random.below(4)] as Bucket;
        const from = random.below(4) === 0 ? FIRST : key();
        const to = random.below(3) === 0 ? undefined : key();
        const limit = random.below(2) * random.below(8);
        const all = [...model]
          .filter(([name]) => name.startsWith(`${bucket}/`))
          .map(([name, value]) => [name.slice(bucket.length + 1), value] as const)
          .sort(([a], [b]) => (a < b ? -1 : 1));
        const found = all
          .filter(([name]) => name >= hex(from) && (to === undefined || name < hex(to)))
          .map(([name, value]) => `${name}=${value}`);
        const expected = limit === 0 ? found : found.slice(0, limit);
        assert.deepEqual(plain(backend.range(bucket, from, to, limit)), expected);
        assert.equal(backend.count(bucket), all.length);
        const one = key();
        const value = backend.get(bucket, one);
        assert.equal(value && hex(value), model.get(`${bucket}/${hex(one)}`));
      }
    }
  });
}

function allRows(backend: Backend): BackendWrite[] {
  return BUCKETS.flatMap((bucket) =>
    Array.from(backend.range(bucket, FIRST, undefined, 0), (row) => ({ bucket, ...row })),
  );
}

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}
