import type { RevisionBatch } from '../../store/index.js';

/**
 * The bytes of keys and values that a batch shows, previous pairs included: what a watcher's buffer
 * is measured in. Counts what is seen, not what it is a view of; the same batch always measures the
 * same.
 */
export function batchBytes(batch: RevisionBatch): number {
  let bytes = 0;
  for (const { kv, prevKv } of batch.events) {
    bytes += kv.key.length + kv.value.length;
    if (prevKv !== undefined) bytes += prevKv.key.length + prevKv.value.length;
  }
  return bytes;
}
