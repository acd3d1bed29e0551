import { EMPTY_BYTES, StoreError } from '../../store/index.js';
import { crc32c } from '../codec/crc32c.js';
import { decodeRowKey, ROW_CHECKSUM_BYTES } from '../codec/row.js';
import type { MvccState } from './state.js';
import type { HashKv } from './types.js';

const BUCKET_NAME = new TextEncoder().encode('key');

/**
 * etcd's HashKV: the CRC-32C of the bucket's name and of every row up to a revision, key then
 * value. Rows at or below the compaction revision count only when a compaction at the hashed
 * revision would keep them, and tombstones there never do, so the answer is the same before, during
 * and after the removal of rows, and on every version of etcd. Reads and checks every row: slow on
 * large stores.
 * @throws StoreError `Compacted`, `FutureRevision`; RowCorruptError
 */
export function hashKv(state: MvccState, asked: number): HashKv {
  const { compactRevision, index, reader } = state;
  if (asked > 0 && asked < compactRevision) throw state.compacted();
  if (asked > state.revision) throw new StoreError('FutureRevision');
  // Below zero there is nothing to hash; etcd answers with the hash of nothing, not with an error.
  const revision = asked === 0 ? state.revision : asked;
  let hash = crc32c(BUCKET_NAME);
  for (const { key, value } of state.buffer.range('key', EMPTY_BYTES, undefined, 0)) {
    const { main, sub, tombstone } = decodeRowKey(key);
    if (main > revision) break;
    reader.open(main, sub, tombstone, value);
    if (main <= compactRevision) {
      if (tombstone || !index.seek(reader.key)) continue;
      const isSeen = state.sees(index.leaf, index.slot, revision);
      if (!isSeen || state.seenMain !== main || state.seenPlace !== sub * 2) continue;
    }
    hash = crc32c(key, hash);
    hash = crc32c(value, hash, 0, value.length - ROW_CHECKSUM_BYTES);
  }
  return { hash, hashRevision: revision, compactRevision };
}
