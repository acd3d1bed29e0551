/**
 * The revisions of one key that newer ones have replaced, oldest first. Kept until a compaction
 * drops them. Most keys have none or a few, so the storage grows by doubling from a single one and
 * a list that becomes empty is thrown away by its owner.
 */
export class KeyHistory {
  count = 0;
  /** Pairs: the main revision, then the place within it times two, plus one for a tombstone. */
  #entries: number[] = [0, 0];

  main(index: number): number {
    return this.#entries[index * 2] as number;
  }

  place(index: number): number {
    return this.#entries[index * 2 + 1] as number;
  }

  push(main: number, place: number): void {
    let entries = this.#entries;
    const at = this.count * 2;
    if (at === entries.length) {
      // Written out, because growing an array by push reserves sixteen more elements than asked.
      const grown = new Array<number>(at * 2).fill(0);
      for (let i = 0; i < at; i++) grown[i] = entries[i] as number;
      this.#entries = entries = grown;
    }
    entries[at] = main;
    entries[at + 1] = place;
    this.count++;
  }

  /** The newest entry with a main revision of at most `revision`, or -1. */
  find(revision: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.main(middle) <= revision) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Forgets the oldest `dropCount` entries. */
  dropOldest(dropCount: number): void {
    this.#entries = this.#entries.slice(dropCount * 2, this.count * 2);
    this.count -= dropCount;
  }
}
