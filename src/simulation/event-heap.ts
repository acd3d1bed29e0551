/** Something that happens at a time; cancelled by taking its work away. */
export interface HeapEvent {
  readonly dueMs: number;
  readonly sequence: number;
  work: (() => void) | undefined;
}

/** Cancelled events that may lie in the heap before it is worth sweeping them out. */
const SWEEP_FROM = 64;

/**
 * What is to happen, ordered by (time, sequence): a binary heap, because a simulation adds and
 * takes one event after the other. A cancelled event stays where it is until it comes up or the
 * heap is swept; nobody ever sees it.
 */
export class EventHeap {
  #events: HeapEvent[] = [];
  #cancelledCount = 0;

  /** Events that wait, without the cancelled ones. */
  get size(): number {
    return this.#events.length - this.#cancelledCount;
  }

  add(event: HeapEvent): void {
    const events = this.#events;
    let at = events.length;
    events.push(event);
    while (at > 0) {
      const above = (at - 1) >>> 1;
      const parent = events[above] as HeapEvent;
      if (!runsBefore(event, parent)) break;
      events[at] = parent;
      at = above;
    }
    events[at] = event;
  }

  /** The event will not be seen again. Cancelling twice, or after it was taken, does nothing. */
  cancel(event: HeapEvent): void {
    if (event.work === undefined) return;
    event.work = undefined;
    this.#cancelledCount++;
    if (this.#cancelledCount > SWEEP_FROM && this.#cancelledCount * 2 > this.#events.length) {
      this.#sweep();
    }
  }

  /** The next event, which stays. */
  peek(): HeapEvent | undefined {
    for (;;) {
      const first = this.#events[0];
      if (first === undefined || first.work !== undefined) return first;
      this.#cancelledCount--;
      this.#removeFirst();
    }
  }

  /** Removes the next event and gives its work. */
  take(): (() => void) | undefined {
    const first = this.peek();
    if (first === undefined) return undefined;
    const { work } = first;
    first.work = undefined;
    this.#removeFirst();
    return work;
  }

  #removeFirst(): void {
    const events = this.#events;
    const last = events.pop();
    if (last === undefined || events.length === 0) return;
    const size = events.length;
    let at = 0;
    for (;;) {
      let below = at * 2 + 1;
      if (below >= size) break;
      let child = events[below] as HeapEvent;
      const other = events[below + 1];
      if (other !== undefined && runsBefore(other, child)) {
        child = other;
        below++;
      }
      if (!runsBefore(child, last)) break;
      events[at] = child;
      at = below;
    }
    events[at] = last;
  }

  #sweep(): void {
    const kept = this.#events.filter((event) => event.work !== undefined);
    this.#events = [];
    this.#cancelledCount = 0;
    // A sorted array is a heap.
    this.#events = kept.sort((a, b) => (runsBefore(a, b) ? -1 : 1));
  }
}

function runsBefore(a: HeapEvent, b: HeapEvent): boolean {
  return a.dueMs === b.dueMs ? a.sequence < b.sequence : a.dueMs < b.dueMs;
}
