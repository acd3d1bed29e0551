import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase, type RootDatabaseOptions } from 'lmdb';
import type { Backend, BackendRow, BackendView, BackendWrite, Bucket } from '../ports/backend.js';
import { BUCKETS } from '../ports/backend.js';
import { BytePool } from './byte-pool.js';
import { checkLmdbFile } from './lmdb-file.js';
import {
  closeToOthers,
  DATA_FILE,
  makeNextDirectory,
  prepareDirectory,
  removeDirectory,
  syncData,
  syncNames,
  takeOver,
} from './lmdb-files.js';
import { LmdbView } from './lmdb-view.js';
import { boundsOf } from './range-bounds.js';
import { RowVisit } from './row-visit.js';

/**
 * The Backend port on LMDB, and the only file that knows lmdb. One environment in a directory of
 * its own, one named database a bucket. A commit is one transaction that a thread of lmdb carries
 * out; it has reached the disk when it resolves. After a failed commit nothing is trusted: every
 * later call throws. Rows are copied out of lmdb's shared buffer into pools, because a copy of its
 * own for each costs more than the read. To replace or to defragment is to make a second
 * environment and to rename its file; readers see the one and then the other, never a gap.
 */

type RowDatabase = Database<Uint8Array, Uint8Array>;

interface Environment {
  readonly root: RootDatabase;
  readonly views: Set<LmdbView>;
  readonly databases: Readonly<Record<Bucket, RowDatabase>>;
}

/** Address space, not disk: the file grows as needed. */
const MAP_BYTES = 2 ** 37;
/** Readers in this process use one slot each; spare ones are for tools that look on. */
const READERS_MAX = 64;
/** LMDB's own limit is a little higher and depends on the size of its pages. */
const KEY_BYTES_MAX = 1024;
const FIRST_KEY = new Uint8Array(0);

/** Over all backends of the process, for lmdb keeps one list of all environments. */
let nextNumber = 0;

export class LmdbBackend implements Backend {
  readonly #directory: string;
  readonly #mapBytes: number;
  readonly #pool = new BytePool();
  #environment: Environment;
  #scanned: RowVisit | undefined;
  #failure: Error | undefined;
  #isClosed = false;
  /** What writes at the moment; there is one writer. */
  #writing: string | undefined;

  private constructor(directory: string, mapBytes: number) {
    this.#directory = directory;
    this.#mapBytes = mapBytes;
    this.#environment = this.#openEnvironment(directory);
  }

  /**
   * Opens or creates the environment in `directory`.
   * @param mapBytes address space to begin with; lmdb takes more when the file outgrows it
   * @throws Error that names the directory and says what is wrong with it
   */
  static open(directory: string, mapBytes = MAP_BYTES): LmdbBackend {
    try {
      prepareDirectory(directory);
      checkLmdbFile(join(directory, DATA_FILE));
      return new LmdbBackend(directory, mapBytes);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`cannot open the backend in ${directory}: ${reason}`, { cause: error });
    }
  }

  #openEnvironment(directory: string): Environment {
    const root = open({
      path: directory,
      noSubdir: false,
      maxDbs: BUCKETS.length,
      maxReaders: READERS_MAX,
      mapSize: this.#mapBytes,
      // With overlapping syncs, power cuts lose acknowledged commits or damage the file.
      overlappingSync: false,
      // Each commit is one explicit batch. By itself lmdb would make another promise for each turn
      // of the event loop, which nobody sees: were it rejected, the process would end.
      eventTurnBatching: false,
      encoding: 'binary',
      cache: false,
    });
    closeToOthers(directory);
    const databases: Partial<Record<Bucket, RowDatabase>> = {};
    for (const bucket of BUCKETS) databases[bucket] = this.#openDatabase(root, bucket);
    const views = new Set<LmdbView>();
    return { root, views, databases: databases as Record<Bucket, RowDatabase> };
  }

  #openDatabase(root: RootDatabase, bucket: Bucket): RowDatabase {
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
    const database = root.openDB<Uint8Array, Uint8Array>(options);
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
    const value = this.#environment.databases[bucket].getBinaryFast(key);
    return value === undefined ? undefined : this.#pool.copy(value, 0, value.length);
  }

  range(
    bucket: Bucket,
    from: Uint8Array,
    to: Uint8Array | undefined,
    limit: number,
  ): Iterable<BackendRow> {
    this.#mustWork();
    return this.#environment.databases[bucket].getRange(boundsOf(from, to, limit));
  }

  scan(
    bucket: Bucket,
    visit: (key: Uint8Array, value: Uint8Array, valueLength: number) => void,
  ): void {
    this.#mustWork();
    const scanned = new RowVisit();
    this.#scanned = scanned;
    try {
      for (const { key, value } of this.#environment.databases[bucket].getRange({
        start: FIRST_KEY,
      })) {
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
    return entryCount(this.#environment.databases[bucket]);
  }

  async commit(writes: readonly BackendWrite[]): Promise<void> {
    this.#mustWork();
    if (writes.length === 0) return;
    const end = this.#beginWriting('a commit');
    try {
      await commitTo(this.#environment, writes);
    } catch (error) {
      throw this.#fail('a commit to', error);
    } finally {
      end();
    }
  }

  view(): BackendView {
    this.#mustWork();
    const environment = this.#environment;
    const { root, databases, views } = environment;
    // Reads of this moment share a transaction, which may be older than the last commit.
    root.resetReadTxn();
    const transaction = root.useReadTransaction();
    const counts: Partial<Record<Bucket, number>> = {};
    for (const bucket of BUCKETS) counts[bucket] = entryCount(databases[bucket]);
    const view = new LmdbView({
      range: (bucket, from, to, limit) =>
        databases[bucket].getRange({ ...boundsOf(from, to, limit), transaction }),
      counts: counts as Record<Bucket, number>,
      end: () => {
        views.delete(view);
        transaction.done();
        // A defragmentation came in between, and this was the last one who looked at the old file.
        if (environment !== this.#environment && views.size === 0) void environment.root.close();
      },
    });
    views.add(view);
    return view;
  }

  async replace(rows: AsyncIterable<readonly BackendWrite[]>, shown?: () => void): Promise<void> {
    const make = async (next: string): Promise<Environment> => {
      const environment = this.#openEnvironment(next);
      try {
        for await (const writes of rows) await commitTo(environment, writes);
      } catch (error) {
        await environment.root.close();
        throw error;
      }
      return environment;
    };
    await this.#follow('a replacement', make, (old) => {
      for (const view of old.views) view.release();
      shown?.();
    });
  }

  async defragment(): Promise<void> {
    await this.#follow('a defragmentation', async (next) => {
      await this.#environment.root.backup(next, true);
      return this.#openEnvironment(next);
    });
  }

  /**
   * Puts an environment that `make` makes in an empty directory in the place of this one, and has
   * `shown` called in the step that shows it.
   */
  async #follow(
    what: string,
    make: (next: string) => Promise<Environment>,
    shown?: (old: Environment) => void,
  ): Promise<void> {
    this.#mustWork();
    const end = this.#beginWriting(what);
    const next = makeNextDirectory(this.#directory, nextNumber++);
    try {
      const environment = await make(next);
      try {
        await syncData(next);
        this.#mustWork();
      } catch (error) {
        await environment.root.close();
        throw error;
      }
      await this.#swap(environment, next, shown);
    } catch (error) {
      removeDirectory(next);
      throw error;
    } finally {
      end();
    }
  }

  async #swap(
    environment: Environment,
    next: string,
    shown: ((old: Environment) => void) | undefined,
  ): Promise<void> {
    const old = this.#environment;
    try {
      takeOver(next, this.#directory);
      this.#environment = environment;
      shown?.(old);
      await syncNames(this.#directory);
    } catch (error) {
      throw this.#fail('to put another file in the place of that in', error);
    }
    if (old.views.size === 0) await old.root.close();
  }

  size(): { readonly allocatedBytes: number; readonly usedBytes: number } {
    this.#mustWork();
    let pages = 0;
    let pageBytes = 0;
    for (const bucket of BUCKETS) {
      const stats = statsOf(this.#environment.databases[bucket]);
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
    for (const view of this.#environment.views) view.release();
    await this.#environment.root.close();
  }

  /** @returns what ends the writing */
  #beginWriting(what: string): () => void {
    if (this.#writing !== undefined) throw new Error(`${what} during ${this.#writing}`);
    this.#writing = what;
    return () => {
      this.#writing = undefined;
    };
  }

  #fail(what: string, error: unknown): Error {
    const reason = error instanceof Error ? error.message : String(error);
    this.#failure = new Error(`${what} ${this.#directory} failed: ${reason}`, { cause: error });
    return this.#failure;
  }

  #mustWork(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isClosed) throw new Error(`the backend in ${this.#directory} is closed`);
  }
}

/** One transaction; it has reached the disk when it resolves. @throws Error that says the reason */
async function commitTo(environment: Environment, writes: readonly BackendWrite[]): Promise<void> {
  // A write that throws in the middle would leave the ones before it in the transaction.
  for (const { key } of writes) checkKey(key);
  try {
    await environment.root.batch(() => {
      let before: Promise<boolean> | undefined;
      for (const { bucket, key, value } of writes) {
        const database = environment.databases[bucket];
        // The promises of the single writes, nearly always one and the same, say what that of the
        // batch says; but one that nobody listens to would end the process when it is rejected.
        const written = value === undefined ? database.remove(key) : database.put(key, value);
        if (written !== before) written.catch(ignore);
        before = written;
      }
    });
  } catch (error) {
    throw new Error(await reasonOf(error), { cause: error });
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

/** lmdb's own type says nothing of what is in it. */
function statsOf(database: RowDatabase): PageStats {
  return database.getStats() as PageStats;
}

function entryCount(database: RowDatabase): number {
  return statsOf(database).entryCount;
}

interface PageStats {
  readonly entryCount: number;
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}
