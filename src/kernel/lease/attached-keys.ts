import { keyOfText } from '../codec/key-text.js';

/**
 * The keys of one lease. Most leases have one key (a lock, a member's entry), so a single one is
 * kept as it is and only more than one get a Set: with many leases that is most of their memory.
 */
export class AttachedKeys {
  #keys: string | Set<string> | undefined;

  get count(): number {
    if (this.#keys === undefined) return 0;
    return typeof this.#keys === 'string' ? 1 : this.#keys.size;
  }

  /** A key that is in already stays. */
  add(key: string): void {
    if (this.#keys === undefined || this.#keys === key) this.#keys = key;
    else if (typeof this.#keys === 'string') this.#keys = new Set([this.#keys, key]);
    else this.#keys.add(key);
  }

  /** A key that is not in is left alone. */
  delete(key: string): void {
    if (this.#keys === key) this.#keys = undefined;
    else if (typeof this.#keys === 'object') this.#keys.delete(key);
  }

  /** The keys as strings, in no order. */
  texts(): Iterable<string> {
    if (this.#keys === undefined) return [];
    return typeof this.#keys === 'string' ? [this.#keys] : this.#keys;
  }

  /** The keys in byte order. */
  sorted(): readonly Uint8Array[] {
    return [...this.texts()].sort().map(keyOfText);
  }
}
