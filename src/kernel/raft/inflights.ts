/**
 * The appends that a leader has under way to one follower, oldest first: a ring of their last
 * indexes and byte counts, bounded in both. It never sends anything; it only says when to stop.
 */
export class Inflights {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  #lastIndexes: number[] = [];
  #byteCounts: number[] = [];
  #start = 0;
  #bytes = 0;

  constructor(messagesMax: number, bytesMax: number) {
    this.#messagesMax = messagesMax;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#lastIndexes.length - this.#start;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** True once either bound is reached; the message that reached it was still let through. */
  get full(): boolean {
    return this.count >= this.#messagesMax || this.#bytes >= this.#bytesMax;
  }

  /** An append whose last entry is at `lastIndex` leaves. Only when not full. */
  add(lastIndex: number, byteCount: number): void {
    if (this.full) throw new Error('an append leaves although the in-flight window is full');
    this.#lastIndexes.push(lastIndex);
    this.#byteCounts.push(byteCount);
    this.#bytes += byteCount;
  }

  /** The follower has everything up to `index`. */
  freeTo(index: number): void {
    let start = this.#start;
    while ((this.#lastIndexes[start] ?? Number.POSITIVE_INFINITY) <= index) {
      this.#bytes -= this.#byteCounts[start] ?? 0;
      start++;
    }
    this.#start = start;
    // The dead front goes when it outweighs the living rest, so freeing costs O(1) on average.
    if (start * 2 > this.#lastIndexes.length) {
      this.#lastIndexes = this.#lastIndexes.slice(start);
      this.#byteCounts = this.#byteCounts.slice(start);
      this.#start = 0;
    }
  }

  reset(): void {
    this.#lastIndexes = [];
    this.#byteCounts = [];
    this.#start = 0;
    this.#bytes = 0;
  }
}
