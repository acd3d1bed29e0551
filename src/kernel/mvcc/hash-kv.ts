import { EMPTY_BYTES, StoreError } from '../../store/index.js';
import { crc32c } from '../codec/crc32c.js';
import { decodeRowKey, encodeRowKey, ROW_CHECKSUM_BYTES } from '../codec/row.js';
import type { MvccState } from './state.js';
import type { HashKv } from './types.js';

const BUCKET_NAME = new TextEncoder().encode('key');

/** How often a hash begins anew before it says that history goes faster than it. */
const BEGINNINGS_MAX = 8;

/**
 * etcd's HashKV, a part at a time: the CRC-32C of the bucket's name and of every row up to a
 * revision, key then value. Rows at or below the compaction revision count only when a compaction
 * at the hashed revision would keep them, and tombstones there never do, so the answer is the same
 * before, during and after the removal of rows, and on every version of etcd. Reads and checks
 * every row. Writes between two parts change nothing; after a compaction, or when another state
 * took the place of this one, it begins anew, so that the answer is always that of one moment.
 */
export class KvHasher {
  readonly #state: MvccState;
  readonly #asked: number;
  #beginnings = 0;
  #index: MvccState['index'];
  #revision = 0;
  #compactRevision = 0;
  #hash = 0;
  /** Where the next part begins. */
  #from: Uint8Array = EMPTY_BYTES;

  /**
   * @param asked the revision, 0 for the one of now
   * @throws StoreError `Compacted`, `FutureRevision`
   */
  constructor(state: MvccState, asked: number) {
    this.#state = state;
    this.#asked = asked;
    this.#index = state.index;
    this.#begin();
  }

  #begin(): void {
    const asked = this.#asked;
    const { compactRevision, revision, index } = this.#state;
    const isTooLate = this.#beginnings++ >= BEGINNINGS_MAX;
    if (isTooLate || (asked > 0 && asked < compactRevision)) throw this.#state.compacted();
    if (asked > revision) throw new StoreError('FutureRevision');
    this.#index = index;
    // Below zero there is nothing to hash; etcd answers with the hash of nothing, not with an
    // error.
    this.#revision = asked === 0 ? revision : asked;
    this.#compactRevision = compactRevision;
    this.#hash = crc32c(BUCKET_NAME);
    this.#from = EMPTY_BYTES;
  }

  /**
   * Hashes further rows: none after `rowsMax` of them, or after the one that makes `bytesMax`.
   * @returns the answer, once there is one
   * @throws StoreError `Compacted`, `FutureRevision`; RowCorruptError
   */
  step(rowsMax: number, bytesMax: number): HashKv | undefined {
    const state = this.#state;
    const { compactRevision, index, buffer } = state;
    if (compactRevision !== this.#compactRevision || index !== this.#index) this.#begin();
    const revision = this.#revision;
    const from = this.#from;
    const end = encodeRowKey(Math.max(revision, 0) + 1, 0, false);
    let rowsLeft = rowsMax;
    let bytesLeft = bytesMax;
    for (const { key, value } of buffer.range('key', from, end, 0)) {
      if (rowsLeft <= 0 || bytesLeft <= 0) {
        this.#from = key;
        return undefined;
      }
      this.#add(key, value);
      rowsLeft -= 1;
      bytesLeft -= value.length;
    }
    return { hash: this.#hash, hashRevision: revision, compactRevision: this.#compactRevision };
  }

  #add(key: Uint8Array, value: Uint8Array): void {
    const { reader } = this.#state;
    const { main, sub, tombstone } = decodeRowKey(key);
    if (main > this.#revision) return;
    reader.open(main, sub, tombstone, value);
    if (main <= this.#compactRevision && (tombstone || !this.#isSeen(reader.key, main, sub)))
      return;
    this.#hash = crc32c(key, this.#hash);
    this.#hash = crc32c(value, this.#hash, 0, value.length - ROW_CHECKSUM_BYTES);
  }

  /** Whether a reader at the hashed revision finds the key in this row. */
  #isSeen(key: Uint8Array, main: number, sub: number): boolean {
    const state = this.#state;
    const { index } = state;
    if (!index.seek(key) || !state.sees(index.leaf, index.slot, this.#revision)) return false;
    return state.seenMain === main && state.seenPlace === sub * 2;
  }
}
