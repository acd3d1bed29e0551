import type { Operation } from './history.js';

/**
 * Calls that were begun, given back once they had ended: a heap by their end. A sweep over time
 * holds no more in it than were under way at once, where sorting all ends would sort the whole
 * history.
 */
export class EndedCalls {
  readonly #heap: Operation[] = [];

  begin(operation: Operation): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(operation);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Operation;
      if (above.returnedMs <= operation.returnedMs) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = operation;
  }

  /** One that ended before `beforeMs`; undefined when there is none left. */
  takeEnded(beforeMs: number): Operation | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.returnedMs >= beforeMs) return undefined;
    const last = heap.pop() as Operation;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(operation: Operation): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && right.returnedMs < (heap[child] as Operation).returnedMs) child++;
      const below = heap[child] as Operation;
      if (below.returnedMs >= operation.returnedMs) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = operation;
  }
}

/** The calls in the order in which they were sent. */
export function inOrderOfSending(operations: readonly Operation[]): readonly Operation[] {
  let latestMs = Number.NEGATIVE_INFINITY;
  for (const { invokedMs } of operations) {
    if (invokedMs < latestMs) return operations.toSorted((a, b) => a.invokedMs - b.invokedMs);
    latestMs = invokedMs;
  }
  return operations;
}
