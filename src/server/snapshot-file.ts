import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { inspectImage, StateImageError } from '../kernel/index.js';
import { LIMITS } from '../store/index.js';

const HASH_BYTES = 32;
/** The image before the hash is a multiple of this. */
const ALIGNMENT_BYTES = 512;
/** Where bbolt, the database of etcd, has its mark, and which. */
const BBOLT_MARK_AT = 16;
const BBOLT_MARK = 0xed0cdaed;
/** How a state image begins. */
const IMAGE_MARK = 'TDLSTATE';

/**
 * A snapshot file that cannot be used; the message is one line that names it.
 *
 * @example
 * try {
 *   await inspectSnapshot('backup.db');
 * } catch (error) {
 *   if (!(error instanceof SnapshotFileError)) throw error;
 *   log.warn(error.message);
 * }
 */
export class SnapshotFileError extends Error {
  constructor(path: string, detail: string, cause?: unknown) {
    super(`${path}: ${detail}`, { cause });
    this.name = 'SnapshotFileError';
  }
}

/** What a snapshot file holds, found by reading all of it. */
export interface SnapshotSummary {
  readonly revision: number;
  /** -1 when nothing was compacted. */
  readonly compactRevision: number;
  /** Revisions of keys that it keeps. */
  readonly keyRevisionCount: number;
  readonly leaseCount: number;
  /** Bytes of the file. */
  readonly byteCount: number;
  /** The cluster and the member that it was taken from. */
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** The last entry of the log whose effects it holds. */
  readonly raftIndex: number;
  readonly raftTerm: number;
  /** Hexadecimal, over the image. */
  readonly sha256: string;
  /** Whether the file ends in that hash; an image without it is whole all the same. */
  readonly hasHash: boolean;
}

/**
 * A file as `snapshot save` writes it: a state image and its SHA-256. Reads it once, from start to
 * end; whoever read all of `image` knows by `check` whether the file is what was written.
 */
export class SnapshotFile {
  readonly byteCount: number;
  readonly hasHash: boolean;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #hash: Hash = createHash('sha256');
  #sha256: string | undefined;

  private constructor(path: string, file: FileHandle, byteCount: number) {
    this.#path = path;
    this.#file = file;
    this.byteCount = byteCount;
    this.hasHash = byteCount % ALIGNMENT_BYTES === HASH_BYTES;
  }

  /** @throws SnapshotFileError for what is no such file */
  static async open(path: string): Promise<SnapshotFile> {
    const file = await open(path, 'r').catch((error: unknown) => {
      throw new SnapshotFileError(path, 'cannot be read', error);
    });
    try {
      const { size } = await file.stat();
      const start = new Uint8Array(BBOLT_MARK_AT + 4);
      await file.read(start, 0, start.length, 0);
      if (new DataView(start.buffer).getUint32(BBOLT_MARK_AT, true) === BBOLT_MARK) {
        const advice = 'only etcd itself restores it; copy the keys over through a client';
        throw new SnapshotFileError(
          path,
          `is no Tidelock snapshot but one of etcd, or its database; ${advice}`,
        );
      }
      const mark = Buffer.from(start.subarray(0, IMAGE_MARK.length)).toString('latin1');
      if (mark !== IMAGE_MARK) {
        const what = size === 0 ? 'is empty' : 'is no Tidelock snapshot';
        throw new SnapshotFileError(path, `${what}; \`tidelock snapshot save\` makes one`);
      }
      return new SnapshotFile(path, file, size);
    } catch (error) {
      await file.close();
      if (error instanceof SnapshotFileError) throw error;
      throw new SnapshotFileError(path, 'cannot be read', error);
    }
  }

  /** The image without the hash. @throws the reason of `signal`, when it is aborted */
  async *image(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const end = this.hasHash ? this.byteCount - HASH_BYTES : this.byteCount;
    for (let at = 0; at < end; ) {
      signal?.throwIfAborted();
      const buffer = new Uint8Array(Math.min(LIMITS.imageReadBytes, end - at));
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      const bytes = buffer.subarray(0, bytesRead);
      this.#hash.update(bytes);
      yield bytes;
    }
  }

  /** Of all that was read of the image. */
  get sha256(): string {
    this.#sha256 ??= this.#hash.digest('hex');
    return this.#sha256;
  }

  /**
   * After all of the image was read.
   * @throws SnapshotFileError when there is no hash, or it is that of other bytes
   */
  async check(): Promise<void> {
    if (!this.hasHash) {
      const advice = 'if it is a copy of the state alone, --skip-hash-check takes it';
      throw this.fault(`does not end in a hash, so it was not saved to its end; ${advice}`);
    }
    const stored = Buffer.alloc(HASH_BYTES);
    await this.#file.read(stored, 0, HASH_BYTES, this.byteCount - HASH_BYTES);
    if (stored.toString('hex') === this.sha256) return;
    throw this.fault('its hash is that of other bytes: the file was changed, or a part is missing');
  }

  /** The file's own words for what is wrong with its image. */
  fault(detail: string, cause?: unknown): SnapshotFileError {
    return new SnapshotFileError(this.#path, detail, cause);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/**
 * Reads a snapshot file to its end and says what is in it.
 * @throws SnapshotFileError when it is not whole and sound
 *
 * @example
 * const { revision, keyRevisionCount } = await inspectSnapshot('backup.db');
 */
export async function inspectSnapshot(
  path: string,
  options: { readonly skipHashCheck?: boolean; readonly signal?: AbortSignal } = {},
): Promise<SnapshotSummary> {
  const file = await SnapshotFile.open(path);
  try {
    const { header, rowCounts } = await inspectImage(file.image(options.signal));
    if (options.skipHashCheck !== true) await file.check();
    const { revision, compactRevision, clusterId, memberId, mark } = header;
    return {
      revision,
      compactRevision,
      keyRevisionCount: rowCounts.key,
      leaseCount: rowCounts.lease,
      byteCount: file.byteCount,
      clusterId,
      memberId,
      raftIndex: mark.index,
      raftTerm: mark.term,
      sha256: file.sha256,
      hasHash: file.hasHash,
    };
  } catch (error) {
    throw error instanceof StateImageError ? file.fault(error.message, error) : error;
  } finally {
    await file.close();
  }
}
