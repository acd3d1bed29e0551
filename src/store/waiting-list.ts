/** Places that are kept although nothing waits: some hundred kilobytes at most. */
const KEPT_PLACES = 16_384;

/**
 * What waits at the moment, oldest first, where much comes and goes: everything has its place while
 * it waits, and takes no time to leave.
 *
 * A Set would do the same. But each time that V8 rebuilds a Set or a Map, the old table keeps a
 * reference to the new one. Once any of them has become old, as everything does at a full garbage
 * collection, the dead tables hold each other and all that was in them: nothing that comes and goes
 * is found to be dead any more before the next full collection, and all of it is copied twice. In a
 * loop of a few things under way that was four times the work. Here no dead thing refers to
 * another. The places of a crowd are kept until none of it waits any more.
 *
 * @example
 * const waiting = new WaitingList<string>();
 * const place = waiting.add('first');
 * waiting.add('second');
 * waiting.remove(place, 'first');
 * console.log([...waiting]); // [ 'second' ]
 */
export class WaitingList<T extends object | string> implements Iterable<T> {
  readonly #values: (T | undefined)[] = [];
  /** The place behind each place; for a free one the next that is free. -1 at the end. */
  readonly #next: number[] = [];
  readonly #previous: number[] = [];
  /** When each came, as a number that grows; what is left at a free place means nothing. */
  readonly #orders: number[] = [];
  #order = 0;
  #free = -1;
  #first = -1;
  #last = -1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds `value` as the youngest. @returns its place, a small number, until it is removed */
  add(value: T): number {
    let place = this.#free;
    if (place === -1) {
      place = this.#values.length;
      this.#values.push(value);
      this.#next.push(-1);
      this.#previous.push(this.#last);
      this.#orders.push(this.#order);
    } else {
      this.#free = this.#next[place] as number;
      this.#values[place] = value;
      this.#next[place] = -1;
      this.#previous[place] = this.#last;
      this.#orders[place] = this.#order;
    }
    this.#order += 1;
    if (this.#last === -1) this.#first = place;
    else this.#next[this.#last] = place;
    this.#last = place;
    this.#size += 1;
    return place;
  }

  /** What has this place; undefined for a free one. */
  at(place: number): T | undefined {
    return this.#values[place];
  }

  /** Takes `value` from its place. @returns whether it was there */
  remove(place: number, value: T): boolean {
    if (this.#values[place] !== value) return false;
    const next = this.#next[place] as number;
    const previous = this.#previous[place] as number;
    if (previous === -1) this.#first = next;
    else this.#next[previous] = next;
    if (next === -1) this.#last = previous;
    else this.#previous[next] = previous;
    this.#values[place] = undefined;
    this.#orders[place] = -1;
    this.#next[place] = this.#free;
    this.#free = place;
    this.#size -= 1;
    if (this.#size === 0 && this.#values.length > KEPT_PLACES) this.#leaveAll();
    return true;
  }

  /** Removes the oldest and returns it; undefined when nothing waits. */
  shift(): T | undefined {
    if (this.#first === -1) return undefined;
    const value = this.#values[this.#first] as T;
    this.remove(this.#first, value);
    return value;
  }

  /** Oldest first, as they are when they are reached: any may come and go meanwhile. */
  *[Symbol.iterator](): IterableIterator<T> {
    let place = this.#first;
    while (place !== -1) {
      const order = this.#orders[place] as number;
      const next = this.#next[place] as number;
      const nextOrder = this.#orders[next];
      yield this.#values[place] as T;
      if (this.#orders[place] === order) place = this.#next[place] as number;
      else if (next !== -1 && this.#orders[next] === nextOrder) place = next;
      else place = this.#firstAfter(order);
    }
  }

  #firstAfter(order: number): number {
    let place = this.#first;
    while (place !== -1 && (this.#orders[place] as number) <= order) {
      place = this.#next[place] as number;
    }
    return place;
  }

  #leaveAll(): void {
    this.#values.length = 0;
    this.#next.length = 0;
    this.#previous.length = 0;
    this.#orders.length = 0;
    this.#free = -1;
  }
}
