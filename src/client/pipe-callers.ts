import { WaitingList } from '../store/index.js';
import type { Caller } from './caller.js';

interface Entry {
  readonly id: number;
  readonly caller: Caller;
}

/** Calls that may wait at once. An id is a number that grows, and the place in these. */
const PLACES = 2 ** 20;
/** Numbers up to here, and some more of them, make ids that a number holds exactly. */
const COUNT_MAX = 2 ** 32;

/**
 * Who waits for an answer through a pipe, by the call's id. Ids grow, as the pipe wants it, and
 * tell where the caller is to be found, so that no table has to be kept that is rebuilt all the
 * time (see WaitingList). A busy client has used up all ids within days: it has to begin anew then,
 * on a stream that knows none of them.
 */
export class PipeCallers {
  readonly #waiting = new WaitingList<Entry>();
  #count: number;

  /** @param count - How many there were before. */
  constructor(count = 0) {
    this.#count = count;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get isFull(): boolean {
    return this.#waiting.size >= PLACES - 1;
  }

  /** Whether ids are about to run out. There are some left for who calls meanwhile. */
  get isSpent(): boolean {
    return this.#count >= COUNT_MAX;
  }

  /** Another stream begins, and nobody waits: ids may begin anew, if they are about to run out. */
  restart(): void {
    if (this.isSpent && this.size === 0) this.#count = 0;
  }

  /** The id of the last one that was added, or more. */
  get lastId(): number {
    return this.#count * PLACES + (PLACES - 1);
  }

  /** @returns the id, greater than all before */
  add(caller: Caller): number {
    this.#count += 1;
    // The place is known once the entry is in it.
    const entry = { id: 0, caller };
    entry.id = this.#count * PLACES + this.#waiting.add(entry);
    return entry.id;
  }

  has(id: number): boolean {
    return this.#entryOf(id) !== undefined;
  }

  /** The caller, who does not wait any more; undefined when nobody did. */
  take(id: number): Caller | undefined {
    const entry = this.#entryOf(id);
    if (entry === undefined) return undefined;
    this.#waiting.remove(id % PLACES, entry);
    return entry.caller;
  }

  /** Ids of those that wait now, oldest first. */
  ids(): readonly number[] {
    return Array.from(this.#waiting, ({ id }) => id);
  }

  #entryOf(id: number): Entry | undefined {
    const entry = this.#waiting.at(id % PLACES);
    return entry?.id === id ? entry : undefined;
  }
}
