import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase, type RootDatabaseOptions } from 'lmdb';
import type { Backend, BackendRow, BackendView, BackendWrite, Bucket } from '../ports/backend.js';
import { BUCKETS } from '../ports/backend.js';
import { BytePool } from './byte-pool.js';
import { checkLmdbFile } from './lmdb-file.js';

/**
 * The Backend port on LMDB, and the only file that knows lmdb. One environment in a directory of
 * its own, one named database a bucket. A commit is one transaction that a thread of lmdb carries
 * out; it has reached the disk when it resolves. After a failed commit nothing is trusted: every
 * later call throws. Rows are copied out of lmdb's shared buffer into pools, because a copy of its
 * own for each costs more than the read.
 */

type RowDatabase = Database<Uint8Array, Uint8Array>;

/** Address space, not disk: the file grows as needed. */
const MAP_BYTES = 2 ** 37;
/** Readers in this process use one slot each; spare ones are for tools that look on. */
const READERS_MAX = 64;
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const DATA_FILE = 'data.mdb';
const LOCK_FILE = 'lock.mdb';
/** LMDB's own limit is a little higher and depends on the size of its pages. */
const KEY_BYTES_MAX = 1024;
const FIRST_KEY = new Uint8Array(0);

export class LmdbBackend implements Backend {
  readonly #directory: string;
  readonly #environment: RootDatabase;
  readonly #databases: Readonly<Record<Bucket, RowDatabase>>;
  readonly #pool: BytePool;
  #scanned: Visit | undefined;
  #failure: Error | undefined;
  #isClosed = false;

  private constructor(directory: string, mapBytes: number) {
    this.#directory = directory;
    this.#pool = new BytePool();
    this.#environment = open({
      path: directory,
      noSubdir: false,
      maxDbs: BUCKETS.length,
      maxReaders: READERS_MAX,
      mapSize: mapBytes,
      // With overlapping syncs, power cuts lose acknowledged commits or damage the file.
      overlappingSync: false,
      // Each commit is one explicit batch. By itself lmdb would make another promise for each turn
      // of the event loop, which nobody sees: were it rejected, the process would end.
      eventTurnBatching: false,
      encoding: 'binary',
      cache: false,
    });
    for (const name of [DATA_FILE, LOCK_FILE]) chmodSync(join(directory, name), FILE_MODE);
    const databases: Partial<Record<Bucket, RowDatabase>> = {};
    for (const bucket of BUCKETS) databases[bucket] = this.#openDatabase(bucket);
    this.#databases = databases as Record<Bucket, RowDatabase>;
  }

  /**
   * Opens or creates the environment in `directory`.
   * @param mapBytes address space to begin with; lmdb takes more when the file outgrows it
   * @throws Error that names the directory and says what is wrong with it
   */
  static open(directory: string, mapBytes = MAP_BYTES): LmdbBackend {
    try {
      mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
      checkLmdbFile(join(directory, DATA_FILE));
      return new LmdbBackend(directory, mapBytes);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`cannot open the backend in ${directory}: ${reason}`, { cause: error });
    }
  }

  #openDatabase(bucket: Bucket): RowDatabase {
    const options: RootDatabaseOptions & { name: string } = {
      name: bucket,
      cache: false,
      encoder: {
        encode: (value: Uint8Array) => value,
        decode: (value: Uint8Array) => this.#decode(value),
      },
      keyEncoder: {
        writeKey: (key: Uint8Array, target: Uint8Array, start: number) => {
          target.set(key, start);
          return start + key.length;
        },
        readKey: (source: Uint8Array, start: number, end: number) =>
          this.#decodeKey(source, start, end),
      },
    };
    const database = this.#environment.openDB<Uint8Array, Uint8Array>(options);
    // Tells lmdb that `decode` copies, so that it need not.
    Object.assign(database, { decoderCopies: true });
    return database;
  }

  #decode(value: Uint8Array): Uint8Array {
    // While scanning the row is only lent.
    if (this.#scanned !== undefined) return value;
    return this.#pool.copy(value, 0, value.length);
  }

  #decodeKey(source: Uint8Array, start: number, end: number): Uint8Array {
    if (this.#scanned !== undefined) return this.#scanned.keyView(source, start, end);
    return this.#pool.copy(source, start, end);
  }

  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    this.#mustWork();
    const value = this.#databases[bucket].getBinaryFast(key);
    return value === undefined ? undefined : this.#pool.copy(value, 0, value.length);
  }

  range(
    bucket: Bucket,
    from: Uint8Array,
    to: Uint8Array | undefined,
    limit: number,
  ): Iterable<BackendRow> {
    this.#mustWork();
    const bounds = to === undefined ? { start: from } : { start: from, end: to };
    return this.#databases[bucket].getRange(limit === 0 ? bounds : { ...bounds, limit });
  }

  scan(
    bucket: Bucket,
    visit: (key: Uint8Array, value: Uint8Array, valueLength: number) => void,
  ): void {
    this.#mustWork();
    const scanned = new Visit();
    this.#scanned = scanned;
    try {
      for (const { key, value } of this.#databases[bucket].getRange({ start: FIRST_KEY })) {
        this.#scanned = undefined;
        visit(key, scanned.valueView(value), value.length);
        this.#scanned = scanned;
      }
    } finally {
      this.#scanned = undefined;
    }
  }

  count(bucket: Bucket): number {
    this.#mustWork();
    return (this.#databases[bucket].getStats() as { entryCount: number }).entryCount;
  }

  async commit(writes: readonly BackendWrite[]): Promise<void> {
    this.#mustWork();
    if (writes.length === 0) return;
    try {
      // A write that throws in the middle would leave the ones before it in the transaction.
      for (const { key } of writes) checkKey(key);
      await this.#environment.batch(() => {
        let before: Promise<boolean> | undefined;
        for (const { bucket, key, value } of writes) {
          const database = this.#databases[bucket];
          // The promises of the single writes, nearly always one and the same, say what that of the
          // batch says; but one that nobody listens to would end the process when it is rejected.
          const written = value === undefined ? database.remove(key) : database.put(key, value);
          if (written !== before) written.catch(ignore);
          before = written;
        }
      });
    } catch (error) {
      const reason = await reasonOf(error);
      this.#failure = new Error(`a commit to ${this.#directory} failed: ${reason}`, {
        cause: error,
      });
      throw this.#failure;
    }
  }

  view(): BackendView {
    throw new Error(`no views of ${this.#directory} yet`);
  }

  async replace(): Promise<void> {
    throw new Error(`${this.#directory} cannot be replaced yet`);
  }

  async defragment(): Promise<void> {
    throw new Error(`${this.#directory} cannot be defragmented yet`);
  }

  size(): { readonly allocatedBytes: number; readonly usedBytes: number } {
    this.#mustWork();
    let pages = 0;
    let pageBytes = 0;
    for (const bucket of BUCKETS) {
      const stats = this.#databases[bucket].getStats() as PageStats;
      pages += stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages;
      pageBytes = stats.pageSize;
    }
    return { allocatedBytes: this.#fileBytes(), usedBytes: pages * pageBytes };
  }

  #fileBytes(): number {
    const file = join(this.#directory, DATA_FILE);
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined) throw new Error(`${file} was removed while it was in use`);
    return found.size;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#environment.close();
  }

  #mustWork(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isClosed) throw new Error(`the backend in ${this.#directory} is closed`);
  }
}

function ignore(): void {}

/** What is behind a failed commit: lmdb tells the reason by a promise that hangs on the error. */
async function reasonOf(error: unknown): Promise<string> {
  const inner = (error as { readonly commitError?: PromiseLike<unknown> } | undefined)?.commitError;
  const cause = await Promise.resolve(inner).then(
    () => error,
    (reason: unknown) => reason,
  );
  const text = cause instanceof Error ? cause.message : String(cause);
  // "No space left on device: Attempting to write page at position …": the rest helps nobody.
  return text.split(': Attempting')[0] as string;
}

function checkKey(key: Uint8Array): void {
  if (key.length === 0 || key.length > KEY_BYTES_MAX) {
    throw new Error(`a key of ${key.length} bytes; 1 to ${KEY_BYTES_MAX} are possible`);
  }
}

interface PageStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

/** Views of lmdb's shared buffers that serve for all rows of a scan. */
class Visit {
  #key: Uint8Array | undefined;
  #keySource: ArrayBufferLike | undefined;
  #keyStart = 0;
  #value: Uint8Array | undefined;
  #valueSource: Uint8Array | undefined;

  keyView(source: Uint8Array, start: number, end: number): Uint8Array {
    if (
      this.#key === undefined ||
      this.#keySource !== source.buffer ||
      this.#keyStart !== start ||
      this.#key.length !== end - start
    ) {
      this.#key = new Uint8Array(source.buffer, source.byteOffset + start, end - start);
      this.#keySource = source.buffer;
      this.#keyStart = start;
    }
    return this.#key;
  }

  /** At least the bytes of `value`; lmdb shortens its buffer by a property, which slows reading. */
  valueView(value: Uint8Array): Uint8Array {
    if (
      this.#value === undefined ||
      this.#valueSource !== value ||
      this.#value.length < value.length
    ) {
      this.#value = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      this.#valueSource = value;
    }
    return this.#value;
  }
}
