import { close, constants, open } from 'node:fs';
import * as files from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { DiskError } from '../ports/disk.js';
import type { Disk, DiskFile } from '../ports/disk.js';
import { diskFailure, errnoOf } from './disk-failure.js';
import { NodeDiskFile } from './node-disk-file.js';

/**
 * The Disk port on one directory of the machine. Files are private to their owner (0600,
 * directories 0700), a new file has its blocks written and not merely reserved, and no path leads
 * out of the root by its name. It never repeats a failed call.
 */

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
/**
 * Zeros are written in pieces of this size: smaller ones took three times as long, larger ones no
 * less.
 */
const ZERO_CHUNK_BYTES = 1_048_576;

const openDescriptor = promisify<string, number, number, number>(open);
const closeDescriptor = promisify(close);

export class NodeDisk implements Disk {
  readonly #root: string;

  /** @param root an existing directory that this process may use alone */
  constructor(root: string) {
    this.#root = root;
  }

  #resolve(operation: string, path: string): string {
    const isInside =
      !isAbsolute(path) && !path.includes('\0') && !path.split('/').some((part) => part === '..');
    if (!isInside) throw new DiskError('denied', operation, path, 'leads out of the directory');
    return join(this.#root, path);
  }

  async #attempt<T>(
    operation: string,
    path: string,
    run: (place: string) => Promise<T>,
  ): Promise<T> {
    try {
      return await run(this.#resolve(operation, path));
    } catch (failure) {
      throw diskFailure(operation, path, failure);
    }
  }

  makeDirectory(path: string): Promise<void> {
    return this.#attempt('make directory', path, async (place) => {
      await files.mkdir(place, { recursive: true, mode: DIRECTORY_MODE });
    });
  }

  list(path: string): Promise<readonly string[]> {
    return this.#attempt('list', path, async (place) => {
      try {
        const found = await files.readdir(place, { withFileTypes: true });
        return found
          .filter((item) => item.isFile())
          .map((item) => item.name)
          .sort();
      } catch (failure) {
        if (errnoOf(failure) === 'ENOENT') return [];
        throw failure;
      }
    });
  }

  read(path: string): Promise<Uint8Array> {
    return this.#attempt('read', path, async (place) => {
      const content = await files.readFile(place);
      return new Uint8Array(content.buffer, content.byteOffset, content.byteLength);
    });
  }

  readPart(path: string, offset: number, byteCount: number): Promise<Uint8Array> {
    return this.#attempt('read part', path, async (place) => {
      const file = await files.open(place, constants.O_RDONLY);
      try {
        const bytes = new Uint8Array(byteCount);
        let length = 0;
        while (length < byteCount) {
          const { bytesRead } = await file.read(bytes, length, byteCount - length, offset + length);
          if (bytesRead === 0) break;
          length += bytesRead;
        }
        return bytes.subarray(0, length);
      } finally {
        await file.close();
      }
    });
  }

  async #openFile(path: string, place: string, flags: number): Promise<NodeDiskFile> {
    const plain = await openDescriptor(place, constants.O_RDWR | flags, FILE_MODE);
    try {
      const synced = constants.O_RDWR | constants.O_DSYNC;
      return new NodeDiskFile(path, plain, await openDescriptor(place, synced, FILE_MODE));
    } catch (failure) {
      await closeDescriptor(plain);
      throw failure;
    }
  }

  create(path: string, sizeBytes: number): Promise<DiskFile> {
    return this.#attempt('create', path, async (place) => {
      const file = await this.#openFile(path, place, constants.O_CREAT | constants.O_EXCL);
      try {
        // Node has no fallocate. Written zeros take the space now, and later writes change no
        // metadata.
        const zeros = new Uint8Array(Math.min(sizeBytes, ZERO_CHUNK_BYTES));
        for (let offset = 0; offset < sizeBytes; offset += zeros.length) {
          await file.write(zeros.subarray(0, Math.min(zeros.length, sizeBytes - offset)), offset);
        }
        return file;
      } catch (failure) {
        // A file that did not fit would keep the disk full.
        await file.close();
        await files.rm(place, { force: true });
        throw failure;
      }
    });
  }

  open(path: string): Promise<DiskFile> {
    return this.#attempt('open', path, (place) => this.#openFile(path, place, 0));
  }

  async rename(from: string, to: string): Promise<void> {
    const target = this.#resolve('rename', to);
    await this.#attempt('rename', from, (place) => files.rename(place, target));
  }

  remove(path: string): Promise<void> {
    return this.#attempt('remove', path, (place) => files.rm(place, { force: true }));
  }

  syncDirectory(path: string): Promise<void> {
    return this.#attempt('sync directory', path, async (place) => {
      const directory = await files.open(place, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    });
  }

  freeBytes(): Promise<number | undefined> {
    return this.#attempt('look at the free space of', '.', async (place) => {
      const { bavail, bsize, blocks } = await files.statfs(place);
      // Some file systems know nothing of blocks.
      return blocks > 0 ? bavail * bsize : undefined;
    });
  }
}
