import type { Random } from '../ports/random.js';
import { SimDiskImage, SIM_SECTOR_BYTES } from './sim-disk-image.js';

type Change =
  | { readonly kind: 'write'; readonly bytes: Uint8Array; readonly offset: number }
  | { readonly kind: 'resize'; readonly sizeBytes: number };

/**
 * What becomes of changes that were not synced: nothing of them, all, or what chance lets through.
 */
export type UnsyncedFate = 'lost' | 'kept' | 'chance';

/**
 * One simulated file without its name: what a reader sees, what the medium holds, and the changes
 * between the two. A failed sync settles by chance what reached the medium and forgets the rest, as
 * a real kernel does: no later sync makes it durable.
 */
export class SimDiskInode {
  readonly #seen: SimDiskImage;
  readonly #durable: SimDiskImage;
  #pending: Change[] = [];

  constructor(durable = new SimDiskImage()) {
    this.#durable = durable;
    this.#seen = durable.copy();
  }

  read(): Uint8Array {
    return this.#seen.read();
  }

  get sizeBytes(): number {
    return this.#seen.sizeBytes;
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#change({ kind: 'write', bytes: bytes.slice(), offset });
  }

  /** A write that was interrupted: parts of it, by chance. */
  writePartly(bytes: Uint8Array, offset: number, random: Random): void {
    const change: Change = { kind: 'write', bytes: bytes.slice(), offset };
    for (const part of survivors(change, 'chance', random)) this.#change(part);
  }

  resize(sizeBytes: number): void {
    this.#change({ kind: 'resize', sizeBytes });
  }

  #change(change: Change): void {
    apply(this.#seen, change);
    this.#pending.push(change);
  }

  sync(): void {
    for (const change of this.#pending) apply(this.#durable, change);
    this.#pending = [];
  }

  failSync(random: Random): void {
    for (const change of this.#pending) {
      for (const part of survivors(change, 'chance', random)) apply(this.#durable, part);
    }
    this.#pending = [];
  }

  /** Alters a byte behind the back of everyone, on the medium and in what readers see. */
  corrupt(offset: number, alter: (byte: number) => number): void {
    for (const image of [this.#seen, this.#durable]) {
      if (offset >= image.sizeBytes) continue;
      image.write(Uint8Array.of(alter(image.byteAt(offset))), offset);
    }
  }

  /** The file after a power cut: what was synced, and of the rest what `fate` says. */
  crash(fate: UnsyncedFate, random: Random): SimDiskInode {
    const image = this.#durable.copy();
    for (const change of this.#pending) {
      for (const part of survivors(change, fate, random)) apply(image, part);
    }
    return new SimDiskInode(image);
  }
}

function apply(image: SimDiskImage, change: Change): void {
  if (change.kind === 'write') image.write(change.bytes, change.offset);
  else image.resize(change.sizeBytes);
}

/** By chance: nothing, all, the first sectors, or any sectors of a change. */
function survivors(change: Change, fate: UnsyncedFate, random: Random): readonly Change[] {
  if (fate !== 'chance') return fate === 'kept' ? [change] : [];
  const draw = random.below(4);
  if (draw === 0) return [];
  if (draw === 1 || change.kind === 'resize') return [change];
  const sectors = splitAtSectors(change.bytes, change.offset);
  if (draw === 2) return sectors.slice(0, random.below(sectors.length + 1));
  return sectors.filter(() => random.below(2) === 1);
}

function splitAtSectors(bytes: Uint8Array, offset: number): readonly Change[] {
  const parts: Change[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = SIM_SECTOR_BYTES - ((offset + at) % SIM_SECTOR_BYTES);
    parts.push({ kind: 'write', bytes: bytes.subarray(at, at + length), offset: offset + at });
    at += length;
  }
  return parts;
}
