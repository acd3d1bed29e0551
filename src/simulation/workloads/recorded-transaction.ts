import { prefix, toText } from '../../store/index.js';
import type { Transaction } from '../../recipes/index.js';
import { decodeSigned, encodeSigned } from '../check/bank-keys.js';
import type { TransactionRead } from '../check/history.js';

/** A transaction that keeps what it was given and what it wrote, signed with its name. */
export class RecordedTransaction {
  readonly reads: TransactionRead[] = [];
  readonly writes = new Map<string, string | undefined>();
  readonly #tx: Transaction;
  readonly #name: string;

  constructor(tx: Transaction, name: string) {
    this.#tx = tx;
    this.#name = name;
  }

  /** The amount of a key; undefined when there is none. To be called before it writes. */
  async get(key: string): Promise<number | undefined> {
    const text = await this.#tx.getText(key);
    const pairs = text === undefined ? [] : [[key, text] as const];
    this.reads.push({ key, isPrefix: false, pairs });
    return text === undefined ? undefined : decodeSigned(text)?.amount;
  }

  /** All amounts under a prefix, by key. To be called before it writes. */
  async under(key: string): Promise<ReadonlyMap<string, number>> {
    const found = await this.#tx.range(prefix(key));
    const pairs = found.map((pair) => [toText(pair.key), toText(pair.value)] as const);
    this.reads.push({ key, isPrefix: true, pairs });
    return new Map(pairs.map(([name, text]) => [name, decodeSigned(text)?.amount ?? 0]));
  }

  put(key: string, amount: number): void {
    const text = encodeSigned({ amount, by: this.#name });
    this.#tx.put(key, text);
    this.writes.set(key, text);
  }

  delete(key: string): void {
    this.#tx.delete(key);
    this.writes.set(key, undefined);
  }
}
