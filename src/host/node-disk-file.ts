import { close, fdatasync, fsync, ftruncate, write } from 'node:fs';
import { promisify } from 'node:util';
import type { DiskFile } from '../ports/disk.js';
import { diskFailure } from './disk-failure.js';

/**
 * One open file of a NodeDisk. It holds two descriptors: a plain one, and one opened with O_DSYNC,
 * so that a durable write is a single round trip through the thread pool. It never repeats a failed
 * sync and never buffers.
 */

const writeAt = promisify(write);
const closeDescriptor = promisify(close);
const syncData = promisify(fdatasync);
const syncAll = promisify(fsync);
const resize = promisify(ftruncate);

export class NodeDiskFile implements DiskFile {
  readonly #path: string;
  readonly #plain: number;
  readonly #durable: number;
  // O_DSYNC covers only the bytes of its own call; what `write` left behind needs a sync besides.
  #hasUnsyncedWrites = false;
  #isClosed = false;

  /** Takes over both descriptors of the file at `path`. */
  constructor(path: string, plain: number, durable: number) {
    this.#path = path;
    this.#plain = plain;
    this.#durable = durable;
  }

  /** A number of a closed descriptor may by now be that of another file. */
  #expectOpen(): void {
    if (this.#isClosed) throw new Error('the file is closed');
  }

  async #writeAll(descriptor: number, bytes: Uint8Array, offset: number): Promise<void> {
    this.#expectOpen();
    let written = 0;
    while (written < bytes.length) {
      const length = bytes.length - written;
      const { bytesWritten } = await writeAt(descriptor, bytes, written, length, offset + written);
      if (bytesWritten === 0) throw new Error('a write made no progress');
      written += bytesWritten;
    }
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    try {
      this.#hasUnsyncedWrites = true;
      await this.#writeAll(this.#plain, bytes, offset);
    } catch (failure) {
      throw diskFailure('write', this.#path, failure);
    }
  }

  async writeDurably(bytes: Uint8Array, offset: number): Promise<void> {
    try {
      await this.#writeAll(this.#durable, bytes, offset);
      if (!this.#hasUnsyncedWrites) return;
      await syncData(this.#plain);
      this.#hasUnsyncedWrites = false;
    } catch (failure) {
      throw diskFailure('write durably', this.#path, failure);
    }
  }

  async sync(): Promise<void> {
    try {
      this.#expectOpen();
      await syncAll(this.#plain);
      this.#hasUnsyncedWrites = false;
    } catch (failure) {
      throw diskFailure('sync', this.#path, failure);
    }
  }

  async truncate(sizeBytes: number): Promise<void> {
    try {
      this.#expectOpen();
      this.#hasUnsyncedWrites = true;
      await resize(this.#plain, sizeBytes);
    } catch (failure) {
      throw diskFailure('truncate', this.#path, failure);
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      await Promise.all([closeDescriptor(this.#plain), closeDescriptor(this.#durable)]);
    } catch (failure) {
      throw diskFailure('close', this.#path, failure);
    }
  }
}
