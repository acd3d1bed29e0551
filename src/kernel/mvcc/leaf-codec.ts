import { type ByteReader, type ByteWriter, CodecError } from '../codec/bytes.js';
import { IndexLeaf, LEAF_KEYS } from './index-leaf.js';
import { KeyHistory } from './key-history.js';

/**
 * Leaves of the index as bytes, for the checkpoint: column after column, so that a key with one
 * revision costs its own bytes and some eight more. What is read must have passed a checksum; here
 * only lengths are checked. docs/data-directory.md has the format.
 */

/** Lengths of the keys of the leaf that is being read. */
const lengths = new Uint32Array(LEAF_KEYS);

export function writeLeaf(writer: ByteWriter, leaf: IndexLeaf): void {
  const { count } = leaf;
  writer.varint(count);
  for (let slot = 0; slot < count; slot++) writer.varint(leaf.keyLength(slot));
  writer.raw(leaf.keyBytes);
  let leased = 0;
  let superseded = 0;
  for (let slot = 0; slot < count; slot++) {
    const main = leaf.main(slot);
    writer.varint(main);
    writer.varint(main - leaf.create(slot));
    writer.varint(leaf.version(slot));
    writer.varint(leaf.place(slot));
    if (leaf.lease(slot) !== 0n) leased++;
    if (leaf.history(slot) !== undefined) superseded++;
  }
  writer.varint(leased);
  if (leased > 0) writeLeases(writer, leaf);
  writer.varint(superseded);
  if (superseded > 0) writeHistories(writer, leaf);
}

function writeLeases(writer: ByteWriter, leaf: IndexLeaf): void {
  for (let slot = 0; slot < leaf.count; slot++) {
    const lease = leaf.lease(slot);
    if (lease !== 0n) writer.varint(slot).u64(lease);
  }
}

function writeHistories(writer: ByteWriter, leaf: IndexLeaf): void {
  for (let slot = 0; slot < leaf.count; slot++) {
    const history = leaf.history(slot);
    if (history === undefined) continue;
    writer.varint(slot).varint(history.count);
    for (let at = 0; at < history.count; at++) {
      writer.varint(history.main(at)).varint(history.place(at));
    }
  }
}

/** @throws CodecError when the bytes are no leaf */
export function readLeaf(reader: ByteReader): IndexLeaf {
  const count = reader.varint();
  if (count === 0 || count > LEAF_KEYS) throw new CodecError(`a leaf of ${count} keys`);
  let byteCount = 0;
  for (let slot = 0; slot < count; slot++) {
    const length = reader.varint();
    lengths[slot] = length;
    byteCount += length;
  }
  const leaf = new IndexLeaf();
  leaf.restoreKeys(reader.raw(byteCount), lengths, count);
  const record = { main: 0, create: 0, version: 0, place: 0, lease: 0n };
  for (let slot = 0; slot < count; slot++) {
    record.main = reader.varint();
    record.create = record.main - reader.varint();
    record.version = reader.varint();
    record.place = reader.varint();
    leaf.restore(slot, record);
  }
  readLeases(reader, leaf);
  readHistories(reader, leaf);
  return leaf;
}

function readLeases(reader: ByteReader, leaf: IndexLeaf): void {
  for (let left = reader.varint(); left > 0; left--) {
    leaf.restoreLease(readSlot(reader, leaf), reader.i64());
  }
}

function readHistories(reader: ByteReader, leaf: IndexLeaf): void {
  for (let left = reader.varint(); left > 0; left--) {
    const slot = readSlot(reader, leaf);
    const history = new KeyHistory();
    for (let entries = reader.varint(); entries > 0; entries--) {
      history.push(reader.varint(), reader.varint());
    }
    leaf.restoreHistory(slot, history);
  }
}

function readSlot(reader: ByteReader, leaf: IndexLeaf): number {
  const slot = reader.varint();
  if (slot >= leaf.count) throw new CodecError(`key ${slot} of a leaf of ${leaf.count}`);
  return slot;
}
