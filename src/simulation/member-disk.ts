import { type Disk, DiskError, type DiskFile } from '../ports/disk.js';
import { SimDice } from './sim-dice.js';
import type { SimDisk } from './sim-disk.js';
import type { SimProcess } from './sim-process.js';
import type { Simulation } from './simulation.js';

/** How a medium behaves at the moment. */
export interface DiskWeather {
  /** Time that a call takes that waits for the medium. */
  readonly syncMinMs: number;
  readonly syncMaxMs: number;
  /** Of a thousand such calls, how many take up to `stallMaxMs`. */
  readonly stallPerMille: number;
  readonly stallMaxMs: number;
  /** There is no room: files are neither made nor made longer. */
  readonly isFull: boolean;
}

export const CALM_DISK: DiskWeather = {
  syncMinMs: 0.3,
  syncMaxMs: 2,
  stallPerMille: 0,
  stallMaxMs: 0,
  isFull: false,
};

interface UnderWay {
  readonly perform: () => Promise<unknown>;
}

/**
 * A member's disk as one process has it open: calls take time on the simulation's queue, and end
 * with the process. A call that is under way when the process ends has happened or not, by chance;
 * one that was not begun has not. The bytes, and what of them survives, belong to the SimDisk.
 */
export class MemberDisk implements Disk {
  readonly #sim: Simulation;
  readonly #inner: SimDisk;
  readonly #process: SimProcess;
  readonly #weather: () => DiskWeather;
  readonly #dice: SimDice;
  readonly #underWay = new Set<UnderWay>();

  constructor(sim: Simulation, inner: SimDisk, process: SimProcess, weather: () => DiskWeather) {
    this.#sim = sim;
    this.#inner = inner;
    this.#process = process;
    this.#weather = weather;
    this.#dice = new SimDice(sim.random.split(`disk ${process.name}`));
  }

  /** The process is gone: settles what was under way. */
  async end(): Promise<void> {
    for (const { perform } of this.#underWay) {
      if (this.#dice.below(2) === 0) break;
      await perform().catch(() => undefined);
    }
    this.#underWay.clear();
  }

  makeDirectory(path: string): Promise<void> {
    return this.#atOnce(() => this.#inner.makeDirectory(path));
  }

  list(path: string): Promise<readonly string[]> {
    return this.#atOnce(() => this.#inner.list(path));
  }

  read(path: string): Promise<Uint8Array> {
    return this.#slowly(() => this.#inner.read(path));
  }

  readPart(path: string, offset: number, byteCount: number): Promise<Uint8Array> {
    return this.#slowly(() => this.#inner.readPart(path, offset, byteCount));
  }

  create(path: string, sizeBytes: number): Promise<DiskFile> {
    return this.#slowly(async () => {
      this.#needRoom('create', path);
      return this.#file(await this.#inner.create(path, sizeBytes), path);
    });
  }

  open(path: string): Promise<DiskFile> {
    return this.#atOnce(async () => this.#file(await this.#inner.open(path), path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#atOnce(() => this.#inner.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.#atOnce(() => this.#inner.remove(path));
  }

  syncDirectory(path: string): Promise<void> {
    return this.#slowly(() => this.#inner.syncDirectory(path));
  }

  #file(inner: DiskFile, path: string): DiskFile {
    return {
      write: (bytes, offset) => this.#atOnce(() => inner.write(bytes, offset)),
      writeDurably: (bytes, offset) => this.#slowly(() => inner.writeDurably(bytes, offset)),
      sync: () => this.#slowly(() => inner.sync()),
      truncate: (sizeBytes) =>
        this.#atOnce(() => {
          if (sizeBytes > 0) this.#needRoom('truncate', path);
          return inner.truncate(sizeBytes);
        }),
      close: () => this.#atOnce(() => inner.close()),
    };
  }

  #needRoom(operation: string, path: string): void {
    if (this.#weather().isFull) throw new DiskError('full', operation, path, 'no space left');
  }

  /** A call that the page cache answers. */
  async #atOnce<T>(perform: () => Promise<T>): Promise<T> {
    if (!this.#process.enter()) return await gone();
    const result = await perform();
    if (!this.#process.isAlive) return await gone();
    return result;
  }

  /** A call that waits for the medium. */
  #slowly<T>(perform: () => Promise<T>): Promise<T> {
    if (!this.#process.enter()) return gone();
    const { syncMinMs, syncMaxMs, stallPerMille, stallMaxMs } = this.#weather();
    let delayMs = this.#dice.between(syncMinMs, syncMaxMs);
    if (this.#dice.chance(stallPerMille)) delayMs += this.#dice.between(0, stallMaxMs);
    return new Promise<T>((resolve, reject) => {
      const call: UnderWay = { perform };
      this.#underWay.add(call);
      this.#sim.after(delayMs, () => {
        // Settled already when the process ended.
        if (!this.#underWay.delete(call)) return;
        this.#sim.trace.note('disk', delayMs * 1024);
        perform().then(
          (result) => this.#process.arrive(() => resolve(result)),
          (error: unknown) => this.#process.arrive(() => reject(error as Error)),
        );
      });
    });
  }
}

/** What a process that is gone waits for. */
function gone(): Promise<never> {
  return new Promise<never>(() => undefined);
}
