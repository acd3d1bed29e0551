/**
 * A place for append-only files, in the terms that durability needs: what is on the medium after
 * which call. Paths are relative to the directory that the Disk was opened on, with `/` between
 * parts. Every method rejects with {@link DiskError}; a caller treats that as the end of the member
 * (crash-stop) and never tries a failed sync again.
 */
export interface Disk {
  /**
   * Creates a directory and its parents; one that exists is left alone. Durable after
   * `syncDirectory` of the parent.
   */
  makeDirectory(path: string): Promise<void>;
  /**
   * Names of the files (not directories) in `path`, sorted; empty when the directory is missing.
   */
  list(path: string): Promise<readonly string[]>;
  /** The whole content of a file. Rejects with kind `missing` when there is none. */
  read(path: string): Promise<Uint8Array>;
  /**
   * At most `byteCount` bytes of a file from `offset` on; fewer only where the file ends. For files
   * that are too large to be read whole.
   */
  readPart(path: string, offset: number, byteCount: number): Promise<Uint8Array>;
  /**
   * Creates a file of `sizeBytes` zero bytes for writing, its space allocated where the file system
   * can. Rejects with kind `exists` when there is one. The name is durable after `syncDirectory`.
   */
  create(path: string, sizeBytes: number): Promise<DiskFile>;
  /** Opens an existing file for writing. */
  open(path: string): Promise<DiskFile>;
  /** Replaces `to` atomically. Durable after `syncDirectory` of the directory of both. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; a missing one is left alone. Durable after `syncDirectory`. */
  remove(path: string): Promise<void>;
  /** Makes the creation, renaming and removal of names in `path` durable. */
  syncDirectory(path: string): Promise<void>;
  /**
   * Bytes that may still be written here before the disk is full; undefined where nobody can tell,
   * as on a disk without this method. Others may write there too: it is a hint, no promise.
   */
  freeBytes?(): Promise<number | undefined>;
}

/** An open file of a {@link Disk}. One writer; calls are made one after the other. */
export interface DiskFile {
  /** Writes all of `bytes` at `offset`. Not durable before `sync`. */
  write(bytes: Uint8Array, offset: number): Promise<void>;
  /**
   * Writes all of `bytes` at `offset`; they, and all that was written before, are durable when it
   * resolves.
   */
  writeDurably(bytes: Uint8Array, offset: number): Promise<void>;
  /** Everything written so far is durable when it resolves. */
  sync(): Promise<void>;
  /** Cuts or extends with zero bytes. Not durable before `sync`. */
  truncate(sizeBytes: number): Promise<void>;
  close(): Promise<void>;
}

/** What kind of failure a Disk reports; `io` is everything that has no kind of its own. */
export type DiskErrorKind = 'missing' | 'exists' | 'full' | 'read-only' | 'denied' | 'io';

/** A failed disk call: the operation, the path, and what the host said. */
export class DiskError extends Error {
  readonly kind: DiskErrorKind;
  readonly operation: string;
  readonly path: string;

  constructor(kind: DiskErrorKind, operation: string, path: string, detail: string) {
    super(`${operation} ${path}: ${detail}`);
    this.name = 'DiskError';
    this.kind = kind;
    this.operation = operation;
    this.path = path;
  }
}
