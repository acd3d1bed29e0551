import type { Observable } from 'rxjs';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import type { CallOptions, Leases } from './lease.js';
import type { RangeRequest, RangeResult } from './range.js';
import type { TxnRequest, TxnResult } from './txn.js';
import type { Health, RevisionBatch, Role } from './types.js';
import type { WatchRequest } from './watch.js';
import type {
  CompactRequest,
  CompactResult,
  DeleteRequest,
  DeleteResult,
  PutRequest,
  PutResult,
} from './write.js';

/**
 * The one contract of Tidelock: a multiversion key-value store with watches, leases and
 * transactions. The embedded kernel, the client of a server and the simulated one all implement it,
 * and everything in the recipes is written against nothing else.
 *
 * Every method rejects with a `StoreError` whose `code` says what happened. Every answer carries a
 * header with the revision of the store at that time. Requests are checked before anything is done.
 */
export interface Store extends AsyncDisposable {
  /**
   * Reads one key or a range, linearizable unless `serializable` is set.
   * @throws StoreError `EmptyKey`, `Compacted`, `FutureRevision`, `InvalidSortOption`
   */
  range(request: RangeRequest, options?: CallOptions): Promise<RangeResult>;
  /**
   * Sets a key; resolves when the change is durable on a quorum.
   * @throws StoreError `EmptyKey`, `LeaseNotFound`, `KeyNotFound`, `ValueProvided`,
   * `LeaseProvided`, `RequestTooLarge`, `NoSpace`
   */
  put(request: PutRequest, options?: CallOptions): Promise<PutResult>;
  /**
   * Deletes one key or a range.
   * @throws StoreError `EmptyKey`
   */
  delete(request: DeleteRequest, options?: CallOptions): Promise<DeleteResult>;
  /**
   * Compares and acts in one revision.
   * @throws StoreError `TooManyOps`, `DuplicateKey`, and whatever its operations throw
   */
  txn(request: TxnRequest, options?: CallOptions): Promise<TxnResult>;
  /**
   * Discards history.
   * @throws StoreError `Compacted` when already done, `FutureRevision`
   */
  compact(request: CompactRequest, options?: CallOptions): Promise<CompactResult>;
  /**
   * A cold stream of changes, one batch a revision, in order, without gap or repetition. Each
   * subscription opens a watch of its own and keeps it open over reconnections. It never completes
   * by itself; it errors with `Compacted` (with `compactRevision`) when history that it still had
   * to deliver was discarded, and with `Stopped` when the store closes.
   */
  watch(request: WatchRequest): Observable<RevisionBatch>;
  readonly leases: Leases;

  /**
   * Every revision from the time of subscription on, of all keys. Hot; errors never; completes at
   * close.
   */
  readonly revisions$: Observable<RevisionBatch>;
  /** The role of the member that answers this store. Replays the last value. */
  readonly role$: Observable<Role>;
  /** Whether the store can serve. Replays the last value. */
  readonly health$: Observable<Health>;

  /** The time where this store lives; recipes know no other. */
  readonly clock: Clock;
  /** The chance where this store lives; recipes know no other. */
  readonly random: Random;

  /**
   * Ends watches with `Stopped`, rejects what is in flight, and frees everything. Leases are not
   * revoked. Closing twice does nothing.
   */
  close(): Promise<void>;
}
