import { EMPTY_BYTES, type KeyValue } from '../store/index.js';
import type { WireReader } from './wire-reader.js';
import type { WireWriter } from './wire-writer.js';

/** mvccpb.KeyValue: the pair that reads answer, events carry, and etcd stores as its rows. */
export function writeKeyValue(writer: WireWriter, field: number, kv: KeyValue): void {
  const mark = writer.length;
  writer.bigint64(6, kv.lease);
  writer.bytes(5, kv.value);
  writer.int64(4, kv.version);
  writer.int64(3, kv.modRevision);
  writer.int64(2, kv.createRevision);
  writer.bytes(1, kv.key);
  writer.wrap(field, mark);
}

export function readKeyValue(reader: WireReader): KeyValue {
  let key: Uint8Array = EMPTY_BYTES;
  let value: Uint8Array = EMPTY_BYTES;
  let createRevision = 0;
  let modRevision = 0;
  let version = 0;
  let lease = 0n;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.bytes(key);
    else if (field === 2) createRevision = reader.int64(createRevision);
    else if (field === 3) modRevision = reader.int64(modRevision);
    else if (field === 4) version = reader.int64(version);
    else if (field === 5) value = reader.bytes(value);
    else if (field === 6) lease = reader.bigint64(lease);
    else reader.skip();
  }
  return { key, value, createRevision, modRevision, version, lease };
}
