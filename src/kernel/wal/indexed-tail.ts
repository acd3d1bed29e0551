/**
 * The part of a log after its snapshot mark, by index. Reading a log back and writing it follow the
 * same rules here, so that what a restart finds is what the running member had. It knows no disk.
 */
export class IndexedTail<Item> {
  readonly #termOf: (item: Item) => number;
  #before: number;
  #items: Item[] = [];

  /** @param before index before the first item, which is the last index while there are no items */
  constructor(before: number, termOf: (item: Item) => number) {
    this.#before = before;
    this.#termOf = termOf;
  }

  /** Index before the first item. */
  get before(): number {
    return this.#before;
  }

  get lastIndex(): number {
    return this.#before + this.#items.length;
  }

  get items(): readonly Item[] {
    return this.#items;
  }

  /**
   * Puts an item at `index` and drops what was there and after. False if that would leave a gap.
   */
  put(index: number, item: Item): boolean {
    if (index > this.lastIndex + 1) return false;
    if (index <= this.#before) {
      this.#before = index - 1;
      this.#items = [];
    } else if (index <= this.lastIndex) {
      this.#items.length = index - this.#before - 1;
    }
    this.#items.push(item);
    return true;
  }

  /**
   * Forgets the items up to `index`, whose entry has `term`. If the log has another entry there, or
   * ends before it, nothing of the log continues the mark and all of it goes.
   */
  mark(index: number, term: number): void {
    if (index <= this.#before) return;
    const item = this.#items[index - this.#before - 1];
    const continues = item !== undefined && this.#termOf(item) === term;
    this.#items = continues ? this.#items.slice(index - this.#before) : [];
    this.#before = index;
  }
}
