// Stored rows are etcd's bytes with a checksum behind them, and no change of any bit of a row, or
// of its place, gets past reading it.
import assert from 'node:assert/strict';
import {
  decodeRowKey,
  encodeRowKey,
  RowCorruptError,
  RowEncoder,
  RowReader,
} from '../../../src/kernel/codec/row.js';
import { SimRandom } from '../../../src/simulation/sim-random.js';
import type { KeyValue } from '../../../src/store/index.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');

const pair = (fields: Partial<KeyValue>): KeyValue => ({
  key: bytes('k'),
  value: bytes(''),
  createRevision: 2,
  modRevision: 2,
  version: 1,
  lease: 0n,
  ...fields,
});

const lastRow = ({ chunk, start, end }: RowEncoder): Uint8Array => chunk.subarray(start, end);

function putRow(encoder: RowEncoder, kv: KeyValue, sub: number): Uint8Array {
  encoder.put(kv, sub);
  return lastRow(encoder);
}

function tombstoneRow(encoder: RowEncoder, key: string, main: number, sub: number): Uint8Array {
  encoder.tombstone(bytes(key), main, sub);
  return lastRow(encoder);
}

describe('stored rows', () => {
  it('have revisions as keys', () => {
    assert.equal(hex(encodeRowKey(2, 0, false)), '00000000000000025f0000000000000000');
    assert.equal(hex(encodeRowKey(2, 1, true)), '00000000000000025f000000000000000174');
    const far = { main: 2 ** 53 - 1, sub: 2 ** 40 + 7, tombstone: false };
    assert.deepEqual(decodeRowKey(encodeRowKey(far.main, far.sub, far.tombstone)), far);
    assert.throws(() => decodeRowKey(bytes('x')), RowCorruptError);
    assert.throws(() => decodeRowKey(new Uint8Array(17)), RowCorruptError);
  });

  it('hold the bytes that etcd stores', () => {
    const encoder = new RowEncoder();
    const plain = putRow(encoder, pair({ key: bytes('foo'), value: bytes('bar') }), 0);
    assert.equal(hex(plain.subarray(0, -4)), '0a03666f6f10021802' + '20012a03626172');
    const leased = putRow(
      encoder,
      pair({ createRevision: 300, modRevision: 70_000, version: 129, lease: 0x694d7c4f2b1c0a05n }),
      3,
    );
    assert.equal(
      hex(leased.subarray(0, -4)),
      '0a016b' + '10ac02' + '18f0a204' + '208101' + '308594f0d8f289dfa669',
    );
    const tombstone = tombstoneRow(encoder, 'foo', 9, 0);
    assert.equal(hex(tombstone.subarray(0, -4)), '0a03666f6f');
  });

  it('come back as they were written', () => {
    const seed = Number(process.env['TIDELOCK_SEED'] ?? 3);
    const random = new SimRandom(seed);
    const encoder = new RowEncoder();
    const reader = new RowReader();
    const some = (): number => random.below(2 ** random.below(31) + 1) * 2 ** random.below(22) + 1;
    for (let round = 0; round < 2000; round++) {
      const kv = pair({
        key: new Uint8Array(1 + random.below(300)).fill(random.below(256)),
        value: new Uint8Array(random.below(2) * random.below(70_000)).fill(random.below(256)),
        createRevision: some(),
        modRevision: some(),
        version: some(),
        lease: random.below(2) === 0 ? 0n : random.int63() * (random.below(2) === 0 ? 1n : -1n),
      });
      reader.open(kv.modRevision, round, false, putRow(encoder, kv, round));
      assert.deepEqual(reader.keyValue(true), kv, `TIDELOCK_SEED=${seed} round ${round}`);
      assert.equal(reader.keyValue(false).value.length, 0);
    }
  });

  it('betray every flipped bit, a wrong length and a wrong place', () => {
    const encoder = new RowEncoder();
    const reader = new RowReader();
    const rows = [
      {
        row: putRow(encoder, pair({ value: bytes('some value'), lease: 77n }), 5),
        tombstone: false,
      },
      { row: tombstoneRow(encoder, 'gone', 2, 5), tombstone: true },
    ];
    for (const { row, tombstone } of rows) {
      reader.open(2, 5, tombstone, row);
      for (let bit = 0; bit < row.length * 8; bit++) {
        const damaged = row.slice();
        damaged[bit >>> 3] = (damaged[bit >>> 3] as number) ^ (1 << (bit & 7));
        assert.throws(() => reader.open(2, 5, tombstone, damaged), RowCorruptError, `bit ${bit}`);
      }
      for (let length = 0; length < row.length; length++) {
        assert.throws(() => reader.open(2, 5, tombstone, row.slice(0, length)), RowCorruptError);
      }
      assert.throws(() => reader.open(3, 5, tombstone, row), RowCorruptError);
      assert.throws(() => reader.open(2, 4, tombstone, row), RowCorruptError);
      assert.throws(() => reader.open(2, 5, !tombstone, row), RowCorruptError);
    }
  });
});
