/**
 * The bytes of one simulated file, kept by sector so that a large, mostly empty file costs little
 * and a write can be torn where a real one would be. It knows nothing of what is durable.
 */

/** What a simulated disk writes atomically. */
export const SIM_SECTOR_BYTES = 512;

export class SimDiskImage {
  #sizeBytes = 0;
  readonly #sectors = new Map<number, Uint8Array>();

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  copy(): SimDiskImage {
    const other = new SimDiskImage();
    other.#sizeBytes = this.#sizeBytes;
    for (const [number, sector] of this.#sectors) other.#sectors.set(number, sector.slice());
    return other;
  }

  /** Puts bytes at `offset`; a file that was shorter grows, with zeros in between. */
  write(bytes: Uint8Array, offset: number): void {
    let at = 0;
    while (at < bytes.length) {
      const number = Math.floor((offset + at) / SIM_SECTOR_BYTES);
      const inside = (offset + at) % SIM_SECTOR_BYTES;
      const part = bytes.subarray(at, at + SIM_SECTOR_BYTES - inside);
      this.#sector(number).set(part, inside);
      at += part.length;
    }
    this.#sizeBytes = Math.max(this.#sizeBytes, offset + bytes.length);
  }

  #sector(number: number): Uint8Array {
    let sector = this.#sectors.get(number);
    if (sector === undefined) {
      sector = new Uint8Array(SIM_SECTOR_BYTES);
      this.#sectors.set(number, sector);
    }
    return sector;
  }

  byteAt(offset: number): number {
    const sector = this.#sectors.get(Math.floor(offset / SIM_SECTOR_BYTES));
    return sector?.[offset % SIM_SECTOR_BYTES] ?? 0;
  }

  resize(sizeBytes: number): void {
    for (const [number, sector] of this.#sectors) {
      const start = number * SIM_SECTOR_BYTES;
      if (start >= sizeBytes) this.#sectors.delete(number);
      else if (start + SIM_SECTOR_BYTES > sizeBytes) sector.fill(0, sizeBytes - start);
    }
    this.#sizeBytes = sizeBytes;
  }

  read(): Uint8Array {
    const bytes = new Uint8Array(this.#sizeBytes);
    for (const [number, sector] of this.#sectors) {
      const start = number * SIM_SECTOR_BYTES;
      bytes.set(sector.subarray(0, this.#sizeBytes - start), start);
    }
    return bytes;
  }
}
