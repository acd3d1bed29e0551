import {
  type BytesInput,
  type Compare,
  compareBytes,
  isEmptyInterval,
  isStoreError,
  type KeyRange,
  type KeyValue,
  LIMITS,
  type RangeRequest,
  type RangeResult,
  type Store,
  toBytes,
  toInterval,
  toText,
  type TxnOperation,
} from '../../store/index.js';
import type { CancelScope } from '../base/cancel-scope.js';
import { CoordinationError } from '../errors.js';

/** A key with its value, as a transaction sees it: with its own writes. */
export interface Pair {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** What a transaction may write, and compare: the server's bound less the marker. */
const TERMS_MAX = LIMITS.txnOperations - 1;

/** A write that waits for the commit; a missing value deletes. */
interface Write {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
  readonly lease: bigint;
}

/**
 * One try of a transaction: it reads everything at one revision, sees its own writes, and remembers
 * what it has read, so that the commit can tell whether any of it changed. Reads of a range
 * remember the range as well, so a key that came into it since is a change. It must not be used
 * after the function that was given it has ended.
 *
 * @example
 * const take = async (tx: Transaction, account: string): Promise<void> => {
 *   tx.put(account, String(Number(await tx.getText(account)) - 10));
 * };
 * await coord.stm((tx) => take(tx, 'accounts/a'));
 */
export class Transaction {
  readonly #store: Store;
  readonly #scope: CancelScope;
  /** Reads of single keys, by key; undefined: it was absent. */
  readonly #reads = new Map<string, KeyValue | undefined>();
  readonly #ranges: KeyRange[] = [];
  readonly #writes = new Map<string, Write>();
  #pinned: Promise<number> | undefined;
  #revision: number | undefined;
  #isOver = false;
  #isOutdated = false;

  constructor(store: Store, scope: CancelScope) {
    this.#store = store;
    this.#scope = scope;
  }

  /** The revision of everything that it has read; undefined before the first read. */
  get revision(): number | undefined {
    return this.#revision;
  }

  /** Whether the revision that it reads at was compacted away: another try is needed. */
  get isOutdated(): boolean {
    return this.#isOutdated;
  }

  /**
   * The value of a key; undefined when there is none.
   * @throws CoordinationError `Aborted`, `Timeout`
   */
  async get(key: BytesInput): Promise<Uint8Array | undefined> {
    this.#check();
    const bytes = toBytes(key);
    const name = nameOf(bytes);
    const write = this.#writes.get(name);
    if (write !== undefined) return write.value;
    if (!this.#reads.has(name)) {
      const { kvs } = await this.#read({ key: bytes });
      this.#reads.set(name, kvs[0]);
    }
    return this.#reads.get(name)?.value;
  }

  /** As `get`, as text. */
  async getText(key: BytesInput): Promise<string | undefined> {
    const value = await this.get(key);
    return value === undefined ? undefined : toText(value);
  }

  /**
   * The pairs of a range in the order of keys, at most 126 of them.
   * @throws CoordinationError `InvalidArgument` when there are more, `Aborted`, `Timeout`
   *
   * @example
   * const total = await coord.stm(async (tx) => {
   *   const accounts = await tx.range(prefix('accounts/'));
   *   return accounts.reduce((sum, { value }) => sum + Number(toText(value)), 0);
   * });
   */
  async range(range: KeyRange): Promise<readonly Pair[]> {
    this.#check();
    const interval = toInterval(range);
    if (isEmptyInterval(interval)) return [];
    const limit = TERMS_MAX;
    const result = await this.#read({ ...range, sortTarget: 'key', sortOrder: 'ascend', limit });
    if (result.kvs.length >= TERMS_MAX) {
      throw tooLarge(`reads ${result.count} keys of a range, and compares each of them`);
    }
    this.#ranges.push(range);
    const pairs = new Map<string, Pair>();
    for (const kv of result.kvs) {
      const name = nameOf(kv.key);
      this.#reads.set(name, kv);
      pairs.set(name, kv);
    }
    for (const [name, { key, value }] of this.#writes) {
      if (!isWithin(key, interval)) continue;
      if (value === undefined) pairs.delete(name);
      else pairs.set(name, { key, value });
    }
    return [...pairs.values()].toSorted((a, b) => compareBytes(a.key, b.key));
  }

  /** Writes a key at the commit; with a lease, attached to that. */
  put(key: BytesInput, value: BytesInput, options: { readonly lease?: bigint } = {}): void {
    this.#check();
    const bytes = toBytes(key);
    const write = { key: bytes, value: toBytes(value), lease: options.lease ?? 0n };
    this.#writes.set(nameOf(bytes), write);
  }

  /** Deletes a key at the commit; one that does not exist is no mistake. */
  delete(key: BytesInput): void {
    this.#check();
    const bytes = toBytes(key);
    this.#writes.set(nameOf(bytes), { key: bytes, value: undefined, lease: 0n });
  }

  /** No more reads and writes. */
  end(): void {
    this.#isOver = true;
  }

  get writes(): readonly TxnOperation[] {
    if (this.#writes.size > TERMS_MAX) throw tooLarge(`writes ${this.#writes.size} keys`);
    return [...this.#writes.values()].map(({ key, value, lease }): TxnOperation => {
      if (value === undefined) return { kind: 'delete', key };
      return { kind: 'put', key, value, ...(lease === 0n ? {} : { lease }) };
    });
  }

  /**
   * The conditions under which everything that was read is as it was: each key by its revision, and
   * each range by nothing in it being newer than the reads.
   */
  get conditions(): readonly Compare[] {
    const keys = [...this.#reads].map(
      ([name, kv]): Compare => ({
        key: bytesOf(name),
        target: 'mod',
        operator: '=',
        operand: kv?.modRevision ?? 0,
      }),
    );
    const operand = (this.#revision ?? 0) + 1;
    const ranges = this.#ranges.map(
      (range): Compare => ({ ...range, target: 'mod', operator: '<', operand }),
    );
    const conditions = [...keys, ...ranges];
    if (conditions.length > TERMS_MAX) throw tooLarge(`compares ${conditions.length} terms`);
    return conditions;
  }

  /** The first read decides the revision; those that run beside it wait for it. */
  async #read(request: RangeRequest): Promise<RangeResult> {
    const revision = await this.#pinned;
    this.#check();
    if (revision !== undefined) return await this.#send({ ...request, revision });
    if (this.#pinned !== undefined) return await this.#read(request);
    const first = this.#send(request);
    this.#pinned = first.then(({ header }) => header.revision);
    // Whoever waits for it fails as well, and may not be there yet.
    this.#pinned.catch(() => undefined);
    const result = await first;
    this.#revision = result.header.revision;
    return result;
  }

  async #send(request: RangeRequest): Promise<RangeResult> {
    const { signal } = this.#scope;
    try {
      return await this.#scope.retry(() => this.#store.range(request, { signal }));
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      if (isStoreError(cause, 'Compacted') || isStoreError(error, 'Compacted')) {
        this.#isOutdated = true;
      }
      throw error;
    }
  }

  #check(): void {
    if (!this.#isOver) return;
    throw new CoordinationError('NotOwner', 'the function of this transaction has ended');
  }
}

function tooLarge(what: string): CoordinationError {
  return new CoordinationError('InvalidArgument', `a transaction ${what}, of at most ${TERMS_MAX}`);
}

function isWithin(key: Uint8Array, { start, end }: ReturnType<typeof toInterval>): boolean {
  if (compareBytes(key, start) < 0) return false;
  if (end === undefined) return compareBytes(key, start) === 0;
  return end === null || compareBytes(key, end) < 0;
}

/** A key as text with one character for each byte, so that any bytes can be the key of a map. */
function nameOf(key: Uint8Array): string {
  let name = '';
  for (const byte of key) name += String.fromCharCode(byte);
  return name;
}

function bytesOf(name: string): Uint8Array {
  return Uint8Array.from(name, (char) => char.charCodeAt(0));
}
