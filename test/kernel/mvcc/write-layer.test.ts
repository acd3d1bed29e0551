// Proves that rows come back from the chunks in which the encoder made them, by revision and place
// and as writes of a flush, and that those of a write that has not committed are not there yet.
import assert from 'node:assert/strict';
import { decodeRowKey, RowEncoder, RowReader } from '../../../src/kernel/codec/row.js';
import { WriteLayer } from '../../../src/kernel/mvcc/write-layer.js';
import { toBytes, toText } from '../../../src/store/index.js';

describe('a layer of the write buffer', () => {
  let layer: WriteLayer;
  let encoder: RowEncoder;

  beforeEach(() => {
    layer = new WriteLayer();
    encoder = new RowEncoder();
  });

  function put(main: number, sub: number, valueBytes: number): void {
    const value = new Uint8Array(valueBytes).fill(main);
    const key = toBytes(`${main}.${sub}`);
    const kv = { key, value, createRevision: main, modRevision: main, version: 1, lease: 0n };
    encoder.put(kv, sub);
    layer.addRow(encoder);
  }

  function keyIn(row: Uint8Array | undefined, main: number, sub: number): string | undefined {
    if (row === undefined) return undefined;
    const reader = new RowReader();
    reader.open(main, sub, false, row);
    return toText(reader.key);
  }

  it('finds every row where it was made, whatever chunk that was', () => {
    for (let main = 5; main < 25; main++) {
      const rowCount = 1 + (main % 3);
      // Some do not fit into the rest of a chunk, some into no chunk of the usual size.
      for (let sub = 0; sub < rowCount; sub++) put(main, sub, main % 7 === 0 ? 100_000 : 9000);
      layer.addRevision(main, rowCount);
    }
    for (let main = 5; main < 25; main++) {
      const rows = layer.rowsOf(main) ?? [];
      assert.equal(rows.length, 1 + (main % 3));
      rows.forEach((row, sub) => {
        assert.equal(keyIn(row, main, sub), `${main}.${sub}`);
        assert.deepEqual(layer.rowOf(main, sub), row);
      });
      assert.equal(layer.rowOf(main, rows.length), undefined);
    }
    assert.equal(layer.rowsOf(4), undefined);
    assert.equal(layer.rowOf(25, 0), undefined);
  });

  it('keeps the rows of a write to itself until the revision is added', () => {
    put(2, 0, 10);
    layer.addRevision(2, 1);
    put(3, 0, 10);
    put(3, 1, 10);
    assert.equal(layer.rowsOf(2)?.length, 1);
    assert.equal(layer.rowOf(2, 1), undefined);
    assert.equal(layer.rowOf(3, 0), undefined);
    assert.equal(layer.rowCount, 1);
    assert.equal(layer.writes().length, 1);
    layer.addRevision(3, 2);
    assert.equal(keyIn(layer.rowOf(3, 1), 3, 1), '3.1');
    assert.equal(layer.rowCount, 3);
  });

  it('writes puts and tombstones under their own keys, in order', () => {
    put(2, 0, 10);
    encoder.tombstone(toBytes('gone'), 2, 1);
    layer.addRow(encoder);
    layer.addRevision(2, 2);
    put(3, 0, 10);
    layer.addRevision(3, 1);
    const places = layer.writes().map(({ key }) => decodeRowKey(key));
    assert.deepEqual(places, [
      { main: 2, sub: 0, tombstone: false },
      { main: 2, sub: 1, tombstone: true },
      { main: 3, sub: 0, tombstone: false },
    ]);
  });

  it('refuses a gap between revisions, and one without a change', () => {
    put(2, 0, 10);
    layer.addRevision(2, 1);
    assert.throws(() => layer.addRevision(3, 0), /changes nothing/);
    put(4, 0, 10);
    assert.throws(() => layer.addRevision(4, 1), /does not follow/);
  });
});
