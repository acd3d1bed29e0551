import { DiskError } from '../ports/disk.js';
import type { Disk, DiskErrorKind, DiskFile } from '../ports/disk.js';
import type { Random } from '../ports/random.js';
import { SimDiskInode } from './sim-disk-inode.js';
import type { UnsyncedFate } from './sim-disk-inode.js';
import { parentOf, ROOT, SimDiskNames } from './sim-disk-names.js';

/** A call that a simulated disk can be told to fail. */
export type SimDiskCall = Exclude<keyof Disk | keyof DiskFile, symbol>;

/** A planned failure. */
export interface SimDiskFault {
  /** Which calls count; all when undefined. */
  readonly call?: SimDiskCall;
  /** The how-manieth of them from now on fails; 1 is the next. */
  readonly nth: number;
  readonly kind: DiskErrorKind;
  /**
   * Power goes in the middle of that call: it may have had its effect, and every later call fails.
   */
  readonly isFinal?: boolean;
}

interface ArmedFault {
  readonly fault: SimDiskFault;
  rest: number;
}

/**
 * A disk in memory that keeps exactly the promises of the Disk port and no others: bytes survive a
 * power cut when they were synced, names when their directory was, and everything else only by
 * chance. The same calls and the same Random give the same disk. It never waits for time.
 *
 * @example
 * const disk = new SimDisk(new SimRandom(42));
 * await disk.makeDirectory('wal');
 * const afterwards = disk.crash(); // as it is found after a loss of power
 */
export class SimDisk implements Disk {
  readonly #random: Random;
  readonly #names: SimDiskNames;
  #faults: ArmedFault[] = [];
  #hasPower = true;
  #callCount = 0;

  constructor(random: Random, names = new SimDiskNames()) {
    this.#random = random;
    this.#names = names;
  }

  /** Calls so far, failed ones included. */
  get callCount(): number {
    return this.#callCount;
  }

  /** Plans a failure; several may be planned. */
  fail(fault: SimDiskFault): void {
    this.#faults.push({ fault, rest: fault.nth });
  }

  /** Drops the planned failures that did not come up. @returns how many */
  forgetFaults(): number {
    const count = this.#faults.length;
    this.#faults = [];
    return count;
  }

  /** Every later call on this disk fails. */
  powerOff(): void {
    this.#hasPower = false;
  }

  /**
   * The disk as a power cut now would leave it; this one stays as it is. `kept` is what the end of
   * the process alone leaves, `lost` the least that the port allows.
   */
  crash(unsynced: UnsyncedFate = 'chance', random = this.#random): SimDisk {
    return new SimDisk(random, this.#names.crash(unsynced, random));
  }

  /** Flips one bit of a file on the medium, as rot does. */
  flipBit(path: string, offset: number, bit: number): void {
    this.#inode('read', path).corrupt(offset, (byte) => byte ^ (1 << bit));
  }

  /** Puts bytes on the medium that nobody wrote there, as a misdirected write does. */
  overwrite(path: string, offset: number, bytes: Uint8Array): void {
    const inode = this.#inode('read', path);
    for (const [at, value] of bytes.entries()) inode.corrupt(offset + at, () => value);
  }

  /**
   * Counts a call; gives the planned failure of it after `partly` did what an interruption leaves.
   */
  #begin(call: SimDiskCall, path: string, partly: (isFinal: boolean) => void = () => {}): void {
    this.#callCount++;
    if (!this.#hasPower) throw new DiskError('io', call, path, 'the power is off');
    let due: SimDiskFault | undefined;
    for (const armed of this.#faults) {
      if (armed.fault.call !== undefined && armed.fault.call !== call) continue;
      armed.rest--;
      if (armed.rest === 0) due ??= armed.fault;
    }
    this.#faults = this.#faults.filter((armed) => armed.rest > 0);
    if (due === undefined) return;
    const isFinal = due.isFinal === true;
    partly(isFinal);
    if (isFinal) this.powerOff();
    throw new DiskError(due.kind, call, path, 'a planned failure');
  }

  /** For names: an interrupted change has happened or not, a refused one has not. */
  #perhaps(change: () => void): (isFinal: boolean) => void {
    return (isFinal) => {
      if (isFinal && this.#random.below(2) === 1) change();
    };
  }

  #inode(call: SimDiskCall, path: string): SimDiskInode {
    const inode = this.#names.files.get(path);
    if (inode === undefined) throw new DiskError('missing', call, path, 'no such file');
    return inode;
  }

  #expectDirectory(call: SimDiskCall, path: string): void {
    if (path.split('/').includes('..') || path.startsWith('/')) {
      throw new DiskError('denied', call, path, 'leads out of the directory');
    }
    if (!this.#names.directories.has(parentOf(path))) {
      throw new DiskError('missing', call, path, 'no such directory');
    }
  }

  async makeDirectory(path: string): Promise<void> {
    const parts = path.split('/').filter((part) => part !== ROOT);
    const change = (): void => {
      for (const depth of parts.keys()) {
        const each = parts.slice(0, depth + 1).join('/');
        if (this.#names.directories.has(each)) continue;
        this.#names.change({ kind: 'directory', path: each });
      }
    };
    this.#begin('makeDirectory', path, this.#perhaps(change));
    if (parts.includes('..') || path.startsWith('/')) this.#expectDirectory('makeDirectory', path);
    change();
  }

  async list(path: string): Promise<readonly string[]> {
    this.#begin('list', path);
    return [...this.#names.files.keys()]
      .filter((file) => parentOf(file) === path)
      .map((file) => file.slice(file.lastIndexOf('/') + 1))
      .sort();
  }

  async read(path: string): Promise<Uint8Array> {
    this.#begin('read', path);
    return this.#inode('read', path).read();
  }

  async readPart(path: string, offset: number, byteCount: number): Promise<Uint8Array> {
    this.#begin('readPart', path);
    return this.#inode('readPart', path)
      .read()
      .slice(offset, offset + byteCount);
  }

  async create(path: string, sizeBytes: number): Promise<DiskFile> {
    const inode = new SimDiskInode();
    inode.resize(sizeBytes);
    const change = (): void => this.#names.change({ kind: 'add', path, inode });
    this.#expectDirectory('create', path);
    if (this.#names.files.has(path)) {
      throw new DiskError('exists', 'create', path, 'there is such a file');
    }
    this.#begin('create', path, this.#perhaps(change));
    change();
    return this.#file(path, inode);
  }

  async open(path: string): Promise<DiskFile> {
    this.#begin('open', path);
    return this.#file(path, this.#inode('open', path));
  }

  async rename(from: string, to: string): Promise<void> {
    const inode = this.#inode('rename', from);
    this.#expectDirectory('rename', to);
    if (parentOf(from) !== parentOf(to)) {
      throw new DiskError('io', 'rename', from, 'renaming into another directory is not simulated');
    }
    const change = (): void => this.#names.change({ kind: 'rename', path: to, from, inode });
    this.#begin('rename', from, this.#perhaps(change));
    change();
  }

  async remove(path: string): Promise<void> {
    const change = (): void => {
      if (this.#names.files.has(path)) this.#names.change({ kind: 'remove', path });
    };
    this.#begin('remove', path, this.#perhaps(change));
    change();
  }

  async syncDirectory(path: string): Promise<void> {
    this.#begin('syncDirectory', path);
    if (!this.#names.directories.has(path)) {
      throw new DiskError('missing', 'syncDirectory', path, 'no such directory');
    }
    this.#names.sync(path);
  }

  #file(path: string, inode: SimDiskInode): DiskFile {
    const random = this.#random;
    let isOpen = true;
    const begin = (call: SimDiskCall, partly?: () => void): void => {
      if (!isOpen) throw new DiskError('io', call, path, 'the file is closed');
      this.#begin(call, path, partly);
    };
    return {
      write: async (bytes, offset) => {
        begin('write', () => inode.writePartly(bytes, offset, random));
        inode.write(bytes, offset);
      },
      writeDurably: async (bytes, offset) => {
        begin('writeDurably', () => {
          inode.writePartly(bytes, offset, random);
          inode.failSync(random);
        });
        inode.write(bytes, offset);
        inode.sync();
      },
      sync: async () => {
        begin('sync', () => inode.failSync(random));
        inode.sync();
      },
      truncate: async (sizeBytes) => {
        begin('truncate');
        inode.resize(sizeBytes);
      },
      close: async () => {
        if (!isOpen) return;
        begin('close');
        isOpen = false;
      },
    };
  }
}
