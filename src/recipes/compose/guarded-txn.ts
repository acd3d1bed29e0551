import {
  type BytesInput,
  type Compare,
  type DeleteRequest,
  type KeyValue,
  LIMITS,
  type PutRequest,
  type RangeRequest,
  type Store,
  type TxnOperation,
  type TxnResult,
} from '../../store/index.js';
import { CancelScope, type WaitOptions } from '../base/cancel-scope.js';
import type { Ending } from '../base/ending.js';
import type { Guarded } from '../base/guarded.js';
import { inDoubt } from '../base/in-doubt.js';
import { CoordinationError, describeLoss, isTransient, toCoordinationError } from '../errors.js';
import { type FailedGuard, failedGuards, guardReads } from './failed-guards.js';

/** What came of a guarded transaction. */
export type GuardedTxnResult =
  | {
      readonly succeeded: true;
      readonly revision: number;
      /** What each `get` found, in their order. */
      readonly found: readonly (readonly KeyValue[])[];
    }
  | {
      readonly succeeded: false;
      readonly revision: number;
      /** The conditions that do not hold; empty when that could not be told. */
      readonly failed: readonly FailedGuard[];
    };

/** What came of a guarded transaction that happened. */
export type CommittedTxn = Extract<GuardedTxnResult, { readonly succeeded: true }>;

/**
 * A transaction that happens only while everything holds that it names: a lock, a leadership, a
 * configuration at its revision, of any number of recipes together. Built step by step, sent by
 * `commit`.
 *
 * @example
 * await coord.txn().if(held, leadership).put('balance', '7').delete('pending/7').commitOrThrow();
 */
export class GuardedTxn {
  readonly #store: Store;
  readonly #closed: Ending;
  readonly #compares: Compare[] = [];
  readonly #operations: TxnOperation[] = [];

  constructor(store: Store, closed: Ending) {
    this.#store = store;
    this.#closed = closed;
  }

  /** Adds conditions: what is held, or plain comparisons. All of them must hold. */
  if(...guards: readonly (Guarded | Compare)[]): this {
    for (const guard of guards) {
      if ('guard' in guard) this.#compares.push(...[guard.guard()].flat());
      else this.#compares.push(guard);
    }
    return this;
  }

  /** Adds a write; no key may be written twice. */
  put(key: BytesInput, value: BytesInput, options: Omit<PutRequest, 'key' | 'value'> = {}): this {
    this.#operations.push({ kind: 'put', ...options, key, value });
    return this;
  }

  /** Adds a deletion, of a key or a range. */
  delete(key: BytesInput, options: Omit<DeleteRequest, 'key'> = {}): this {
    this.#operations.push({ kind: 'delete', ...options, key });
    return this;
  }

  /** Adds a read, of a key or a range, as it is after the steps before. */
  get(key: BytesInput, options: Omit<RangeRequest, 'key'> = {}): this {
    this.#operations.push({ kind: 'range', ...options, key });
    return this;
  }

  /**
   * Sends the transaction, once. Conditions that do not hold are no error; the answer names them.
   * @throws CoordinationError `InvalidArgument` for more than 128 conditions or operations;
   * `Unavailable` when no answer came, `Aborted` and `Timeout`, and then it is not known whether it
   * happened; `StoreRefused`, and then it did not
   */
  async commit(options: WaitOptions = {}): Promise<GuardedTxnResult> {
    const compare = this.#compares;
    checkCount('conditions', compare);
    checkCount('operations', this.#operations);
    using scope = new CancelScope(this.#store, options, this.#closed);
    scope.check();
    const request = { compare, success: this.#operations, failure: guardReads(compare) };
    const sent = this.#store.txn(request, { signal: scope.signal });
    const result = await scope.race(sent).catch((error: unknown) => {
      const isOpen = scope.signal.aborted || isTransient(error);
      const reason = scope.signal.aborted ? scope.signal.reason : toCoordinationError(error);
      throw isOpen ? inDoubt(reason, 'the transaction took effect') : reason;
    });
    const { revision } = result.header;
    if (!result.succeeded) {
      return { succeeded: false, revision, failed: failedGuards(compare, result.responses) };
    }
    return { succeeded: true, revision, found: foundIn(result) };
  }

  /**
   * As `commit`, but conditions that do not hold are an error.
   * @throws CoordinationError as `commit`; `LockLost`, which names the first of them
   */
  async commitOrThrow(options: WaitOptions = {}): Promise<CommittedTxn> {
    const result = await this.commit(options);
    if (result.succeeded) return result;
    const [first] = result.failed;
    // The state may have changed so that a range could not be told; something failed all the same.
    const loss = first?.loss ?? ({ kind: 'replaced', key: 'a range of keys' } as const);
    const message = `a guard did not hold: ${describeLoss(loss)}`;
    throw new CoordinationError('LockLost', message, { loss });
  }
}

function checkCount(what: string, list: readonly unknown[]): void {
  if (list.length <= LIMITS.txnOperations) return;
  const message = `${list.length} ${what} in one transaction, of at most ${LIMITS.txnOperations}`;
  throw new CoordinationError('InvalidArgument', message);
}

function foundIn(result: TxnResult): readonly (readonly KeyValue[])[] {
  return result.responses.flatMap((response) => (response.kind === 'range' ? [response.kvs] : []));
}
