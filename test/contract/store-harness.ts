import assert from 'node:assert/strict';
import { type Observable, type Subscription } from 'rxjs';
import {
  isStoreError,
  type KeyValue,
  type RevisionBatch,
  type Store,
  type StoreErrorCode,
  toText,
  type WatchRequest,
} from '../../src/store/index.js';

/** One implementation of Store under the contract suite, and the time it lives in. */
export interface StoreHarness {
  readonly store: Store;
  /** Lets `ms` milliseconds of the store's time pass. */
  advance(ms: number): Promise<void>;
  /** Waits for what needs time to pass, and lets it pass. */
  settle<T>(work: Promise<T>): Promise<T>;
  /** The shortest TTL that is granted; etcd's 2 s when absent. */
  readonly ttlMinSeconds?: number;
  close(): Promise<void>;
}

export type StoreSetUp = () => Promise<StoreHarness>;

/** A pair in the shape in which tests compare it. */
export function show(kv: KeyValue | undefined): string | undefined {
  return kv === undefined ? undefined : `${toText(kv.key)}=${toText(kv.value)}`;
}

export function showAll(kvs: readonly KeyValue[]): readonly string[] {
  return kvs.map((kv) => show(kv) as string);
}

/** An event as `+key=value` or `-key`, with its revision relative to `base`. */
export function showBatch(batch: RevisionBatch, base: number): string {
  const events = batch.events.map((event) =>
    event.type === 'put' ? `+${show(event.kv)}` : `-${toText(event.kv.key)}`,
  );
  return `${batch.revision - base}: ${events.join(' ')}`;
}

export async function rejectsWith(work: Promise<unknown>, code: StoreErrorCode): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(isStoreError(error, code), `expected ${code}, got ${String(error)}`);
    return true;
  });
}

/** Collects what a watch emits, and waits for it. */
export class Collector {
  readonly batches: RevisionBatch[] = [];
  error: unknown;
  readonly #subscription: Subscription;
  #waiters: (() => void)[] = [];

  constructor(source: Observable<RevisionBatch>) {
    const changed = (): void => {
      for (const wake of this.#waiters.splice(0)) wake();
    };
    this.#subscription = source.subscribe({
      next: (batch) => {
        this.batches.push(batch);
        changed();
      },
      error: (error: unknown) => {
        this.error = error;
        changed();
      },
    });
  }

  static watch(store: Store, request: WatchRequest): Collector {
    return new Collector(store.watch(request));
  }

  /** Resolves when `count` batches came, or the watch failed. */
  async until(count: number): Promise<readonly RevisionBatch[]> {
    while (this.batches.length < count && this.error === undefined) await this.#change();
    if (this.error !== undefined && this.batches.length < count) throw this.error;
    return this.batches;
  }

  async failed(): Promise<unknown> {
    while (this.error === undefined) await this.#change();
    return this.error;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  stop(): void {
    this.#subscription.unsubscribe();
  }
}
