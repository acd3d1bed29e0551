import type { RevisionBatch } from '../../store/index.js';

/**
 * The latest published revisions, kept in memory so that watchers which fell a little behind
 * neither read the backend nor get objects of their own: ten thousand of them on one slow stream
 * read what the first of them read. Bounded in revisions and in bytes; it never holds a gap.
 */
export class RecentBatches {
  readonly #slots: (RevisionBatch | undefined)[];
  readonly #bytesMax: number;
  /** The revisions in it: from `#first` to `#last`, none when `#first` is above `#last`. */
  #first = 1;
  #last = 0;
  #bytes = 0;
  /** What each slot counts for. */
  readonly #sizes: number[];
  /** The memory that the last event is a view of. */
  #entry: ArrayBufferLike | undefined;

  constructor(revisionsMax: number, bytesMax: number) {
    this.#slots = Array.from({ length: revisionsMax });
    this.#sizes = Array.from({ length: revisionsMax }, () => 0);
    this.#bytesMax = bytesMax;
  }

  /** Adds the next revision; after a gap, what came before it is forgotten. */
  push(batch: RevisionBatch): void {
    if (this.#slots.length === 0) return;
    if (batch.revision !== this.#last + 1) this.clear();
    if (this.#first > this.#last) this.#first = batch.revision;
    this.#last = batch.revision;
    if (this.#last - this.#first >= this.#slots.length) this.#dropFirst();
    this.#slots[batch.revision % this.#slots.length] = batch;
    const bytes = this.#sizeOf(batch);
    this.#sizes[batch.revision % this.#slots.length] = bytes;
    this.#bytes += bytes;
    while (this.#bytes > this.#bytesMax) this.#dropFirst();
  }

  /**
   * The revisions above `after` and up to `upTo`, at most `limit`; undefined when the first of them
   * is not here.
   */
  read(after: number, upTo: number, limit: number): readonly RevisionBatch[] | undefined {
    if (after + 1 < this.#first || after + 1 > this.#last) return undefined;
    const last = Math.min(upTo, this.#last, after + limit);
    const batches: RevisionBatch[] = [];
    for (let revision = after + 1; revision <= last; revision++) batches.push(this.#at(revision));
    return batches;
  }

  clear(): void {
    while (this.#first <= this.#last) this.#dropFirst();
  }

  #dropFirst(): void {
    const at = this.#first % this.#slots.length;
    this.#slots[at] = undefined;
    this.#bytes -= this.#sizes[at] as number;
    this.#first++;
  }

  #at(revision: number): RevisionBatch {
    return this.#slots[revision % this.#slots.length] as RevisionBatch;
  }

  /**
   * What a batch keeps in memory, and not only what it shows: keys and values are views of the log
   * entry that they came with. The first revision of an entry counts it for all of them.
   */
  #sizeOf(batch: RevisionBatch): number {
    let bytes = 0;
    for (const { kv } of batch.events) {
      bytes += kv.key.length + kv.value.length;
      if (kv.key.buffer === this.#entry) continue;
      this.#entry = kv.key.buffer;
      bytes += this.#entry.byteLength;
    }
    return bytes;
  }
}
