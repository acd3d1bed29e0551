/**
 * A binary heap of what is to be looked at and when, the earliest first. Each entry knows its own
 * place, so that one can leave or move without a search: a revoked lease leaves nothing behind.
 */
export class ExpiryQueue<E extends QueueEntry> {
  readonly #heap: E[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The entry with the earliest time. */
  peek(): E | undefined {
    return this.#heap[0];
  }

  /** Puts the entry at `dueMs`, whether or not it was in the queue. */
  schedule(entry: E, dueMs: number): void {
    const before = entry.queueIndex === NOT_QUEUED ? Number.POSITIVE_INFINITY : entry.queueDueMs;
    entry.queueDueMs = dueMs;
    if (entry.queueIndex === NOT_QUEUED) {
      entry.queueIndex = this.#heap.length;
      this.#heap.push(entry);
    }
    if (dueMs <= before) this.#up(entry);
    else this.#down(entry);
  }

  /** An entry that is not in the queue is left alone. */
  remove(entry: E): void {
    if (entry.queueIndex === NOT_QUEUED) return;
    const last = this.#heap.pop() as E;
    if (last !== entry) {
      this.#place(last, entry.queueIndex);
      this.#up(last);
      this.#down(last);
    }
    entry.queueIndex = NOT_QUEUED;
  }

  clear(): void {
    for (const entry of this.#heap) entry.queueIndex = NOT_QUEUED;
    this.#heap.length = 0;
  }

  #place(entry: E, index: number): void {
    this.#heap[index] = entry;
    entry.queueIndex = index;
  }

  #up(entry: E): void {
    let index = entry.queueIndex;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#heap[parentIndex] as E;
      if (parent.queueDueMs <= entry.queueDueMs) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(entry, index);
  }

  #down(entry: E): void {
    let index = entry.queueIndex;
    for (;;) {
      const left = this.#heap[2 * index + 1];
      const right = this.#heap[2 * index + 2];
      const child =
        right !== undefined && left !== undefined && right.queueDueMs < left.queueDueMs
          ? right
          : left;
      if (child === undefined || child.queueDueMs >= entry.queueDueMs) break;
      const childIndex = child.queueIndex;
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(entry, index);
  }
}

/** The `queueIndex` of an entry that is in no queue. */
export const NOT_QUEUED = -1;

/** The queue's own part of an entry; nobody else writes it. An entry is in one queue at most. */
export interface QueueEntry {
  queueIndex: number;
  queueDueMs: number;
}
