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

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}
