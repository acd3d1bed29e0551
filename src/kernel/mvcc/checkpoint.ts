import type { BackendWrite } from '../../ports/backend.js';
import { LIMITS } from '../../store/index.js';
import { ByteReader, ByteWriter, CodecError } from '../codec/bytes.js';
import {
  addLeafRow,
  CHECKPOINT_FROM,
  CHECKPOINT_KEY,
  CHECKPOINT_TO,
  type CheckpointHeader,
  decodeCheckpointHeader,
  encodeCheckpointHeader,
  leafRowKey,
  sealLeafRow,
  unsealLeafRow,
} from './checkpoint-rows.js';
import type { IndexLeaf } from './index-leaf.js';
import { readLeaf, writeLeaf } from './leaf-codec.js';
import { readStateRow, type StateRow } from './meta-rows.js';
import type { MvccState } from './state.js';

/**
 * The index as a clean close left it, so that the next open need not read every row. It is a copy
 * and never the truth: it counts only for exactly the rows that it was made of, and whatever is
 * wrong with it costs no more than the time to read the rows. The first flush that changes those
 * rows removes it, in the same transaction.
 */
export class IndexCheckpoint {
  readonly #state: MvccState;
  /** Of the checkpoint that the backend holds and that the rows have not left behind. */
  #header: CheckpointHeader | undefined;
  /** Rows of a checkpoint that the backend holds and that nobody may use. */
  #waste: readonly Uint8Array[] = [];

  constructor(state: MvccState) {
    this.#state = state;
  }

  /** Bytes that it takes in the backend until the first change gives them back. */
  get byteCount(): number {
    return this.#header?.byteCount ?? 0;
  }

  /**
   * Fills the index, which must be empty, and the counters of the state.
   * @param onRefused is told why, when there is a checkpoint and it is not to be believed
   * @returns whether it did; if not, nothing was touched
   * @throws RowCorruptError when the row that describes the store is damaged
   */
  load(onRefused: ((reason: string) => void) | undefined): boolean {
    const row = this.#state.backend.get('meta', CHECKPOINT_KEY);
    const stored = readStateRow(this.#state.buffer);
    try {
      if (row !== undefined) {
        const header = decodeCheckpointHeader(row);
        this.#mustFit(header, stored);
        this.#fill(header);
        return true;
      }
      this.disregard();
      if (this.#waste.length > 0) onRefused?.('it was not finished');
    } catch (error) {
      // Damage, of whatever kind: the rows themselves will tell.
      if (!(error instanceof CodecError)) throw error;
      this.disregard();
      onRefused?.(error.message);
    }
    return false;
  }

  /** Takes nothing of what the backend may hold; the next flush removes it. */
  disregard(): void {
    this.#waste = this.#storedKeys();
  }

  /** A compaction under way is told by its revision: none was when the checkpoint was made. */
  #mustFit(header: CheckpointHeader, stored: StateRow | undefined): void {
    const { backend, compactRevision } = this.#state;
    if (
      stored === undefined ||
      header.revision !== stored.revision ||
      header.rollingHash !== stored.rollingHash ||
      header.rowCount !== stored.rowCount ||
      header.compactRevision !== compactRevision ||
      header.rowCount !== backend.count('key')
    ) {
      throw new CodecError(`it was made of other rows, at revision ${header.revision}`);
    }
  }

  #fill(header: CheckpointHeader): void {
    const state = this.#state;
    const leaves = this.#readLeaves(header);
    let keyCount = 0;
    let liveCount = 0;
    let rowCount = 0;
    for (const leaf of leaves) {
      keyCount += leaf.count;
      liveCount += leaf.live;
      rowCount += leaf.rowCount;
    }
    if (
      keyCount !== header.keyCount ||
      liveCount !== header.liveCount ||
      rowCount !== header.rowCount
    ) {
      throw new CodecError(`it holds ${keyCount} keys with ${rowCount} rows`);
    }
    state.index.fill(leaves);
    state.revision = header.revision;
    state.rollingHash = header.rollingHash;
    state.rowCount = header.rowCount;
    this.#header = header;
  }

  #readLeaves(header: CheckpointHeader): readonly IndexLeaf[] {
    const leaves: IndexLeaf[] = [];
    let checksum = 0;
    for (let number = 0; number < header.leafRowCount; number++) {
      const row = this.#state.backend.get('meta', leafRowKey(number));
      if (row === undefined) throw new CodecError(`row ${number} of the checkpoint is missing`);
      checksum = addLeafRow(checksum, row);
      const reader = new ByteReader(unsealLeafRow(number, row));
      while (reader.remaining > 0) leaves.push(readLeaf(reader));
    }
    if (checksum !== header.leafRowsChecksum) {
      throw new CodecError('the rows of the index checkpoint are not of one checkpoint');
    }
    return leaves;
  }

  #storedKeys(): readonly Uint8Array[] {
    const { backend } = this.#state;
    return Array.from(backend.range('meta', CHECKPOINT_FROM, CHECKPOINT_TO, 0), ({ key }) => key);
  }

  /** Called at the start of every flush: has it remove what nobody may use any more. */
  dropIfStale(): void {
    const { revision, rowCount, compactRevision, buffer } = this.#state;
    const header = this.#header;
    if (
      header !== undefined &&
      (header.revision !== revision ||
        header.rowCount !== rowCount ||
        header.compactRevision !== compactRevision)
    ) {
      this.#waste = [CHECKPOINT_KEY, ...leafRowKeys(header.leafRowCount)];
      this.#header = undefined;
    }
    for (const key of this.#waste) buffer.remove('meta', key);
    this.#waste = [];
  }

  /**
   * Writes the index to the backend, for the next open. To be called when the buffer was flushed
   * and no write can follow; a checkpoint that still fits is left as it is.
   * @returns whether the backend holds a checkpoint now
   * @throws what the backend's commit rejects with
   */
  async save(isCompacting: boolean): Promise<boolean> {
    const { backend, revision, rollingHash, rowCount, compactRevision, index } = this.#state;
    this.#mustBeFlushed();
    if (this.#header !== undefined) return true;
    if (isCompacting || rowCount === 0) return false;
    let leafRowCount = 0;
    let byteCount = 0;
    let leafRowsChecksum = 0;
    let writes: BackendWrite[] = this.#waste.map((key) => removal(key));
    this.#waste = [];
    let batchBytes = 0;
    for (const leaves of leafRuns(index.first)) {
      const row = sealLeafRow(leafRowCount, leaves);
      writes.push({ bucket: 'meta', key: leafRowKey(leafRowCount), value: row });
      leafRowsChecksum = addLeafRow(leafRowsChecksum, row);
      leafRowCount++;
      byteCount += row.length;
      batchBytes += row.length;
      if (batchBytes < LIMITS.checkpointBatchBytes) continue;
      await backend.commit(writes);
      writes = [];
      batchBytes = 0;
    }
    const header = {
      revision,
      rollingHash,
      rowCount,
      compactRevision,
      keyCount: index.keyCount,
      liveCount: index.liveCount,
      leafRowCount,
      byteCount,
      leafRowsChecksum,
    };
    writes.push({ bucket: 'meta', key: CHECKPOINT_KEY, value: encodeCheckpointHeader(header) });
    await backend.commit(writes);
    this.#header = header;
    return true;
  }

  #mustBeFlushed(): void {
    const { buffer, revision, rollingHash, rowCount } = this.#state;
    const stored = readStateRow(buffer);
    const isSame =
      stored === undefined
        ? rowCount === 0
        : stored.revision === revision &&
          stored.rollingHash === rollingHash &&
          stored.rowCount === rowCount;
    if (buffer.rowCount > 0 || !isSame) {
      throw new Error('a checkpoint was to be made of rows that have not been flushed');
    }
  }
}

function removal(key: Uint8Array): BackendWrite {
  return { bucket: 'meta', key, value: undefined };
}

function* leafRowKeys(count: number): Iterable<Uint8Array> {
  for (let number = 0; number < count; number++) yield leafRowKey(number);
}

/** The leaves as bytes, in pieces that each hold whole leaves. */
function* leafRuns(first: IndexLeaf): Iterable<Uint8Array> {
  const writer = new ByteWriter(LIMITS.checkpointRowBytes * 2);
  for (let leaf: IndexLeaf | undefined = first; leaf !== undefined; leaf = leaf.next) {
    // Only the first leaf may be without a key.
    if (leaf.count > 0) writeLeaf(writer, leaf);
    if (writer.length >= LIMITS.checkpointRowBytes) yield writer.finish();
  }
  if (writer.length > 0) yield writer.finish();
}
