import { catchError, EMPTY, type Observable, share } from 'rxjs';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import {
  allKeys,
  type CallOptions,
  type CompactRequest,
  type CompactResult,
  type DeleteRequest,
  type DeleteResult,
  type Health,
  type Leases,
  type PutRequest,
  type PutResult,
  type RangeRequest,
  type RangeResult,
  type RevisionBatch,
  type Role,
  type Store,
  type TxnOperation,
  type TxnRequest,
  type TxnResult,
  type WatchRequest,
} from '../store/index.js';
import { KV_METHODS } from '../wire/kv-methods.js';
import { LeaseMux } from './lease-mux.js';
import { MemberStatus } from './member-status.js';
import { RemoteLeases } from './remote-leases.js';
import type { StreamContext } from './shared-stream.js';
import { UnaryCalls } from './unary.js';
import { WatchMux } from './watch-mux.js';

/**
 * The Store contract over gRPC. It owns the connections that it is given: closing it closes them.
 * `role$` and `health$` are about the member in use at the moment and are looked up only while
 * somebody listens (see MemberStatus). `revisions$` is one watch of all keys, shared; where history
 * was compacted while it was cut off it completes early, since it may neither fail nor hide a gap.
 */
export class RemoteStore implements Store {
  readonly leases: Leases;
  readonly revisions$: Observable<RevisionBatch>;
  readonly role$: Observable<Role>;
  readonly health$: Observable<Health>;
  readonly clock: Clock;
  readonly random: Random;
  readonly #context: StreamContext;
  readonly #calls: UnaryCalls;
  readonly #watches: WatchMux;
  readonly #keepAlives: LeaseMux;
  readonly #status: MemberStatus;

  constructor(context: StreamContext, requireLeader: boolean) {
    const { connections, lifetime, clock, random } = context;
    this.#context = context;
    this.clock = clock;
    this.random = random;
    this.#calls = new UnaryCalls(connections, lifetime, clock, random);
    this.#watches = new WatchMux(context, requireLeader);
    this.#keepAlives = new LeaseMux(context);
    this.#status = new MemberStatus(context, this.#calls);
    this.leases = new RemoteLeases(this.#calls, this.#keepAlives);
    this.role$ = this.#status.role$;
    this.health$ = this.#status.health$;
    this.revisions$ = this.watch(allKeys()).pipe(
      catchError(() => EMPTY),
      share(),
    );
    connections.onChange = () => this.#status.look();
  }

  range(request: RangeRequest, options?: CallOptions): Promise<RangeResult> {
    return this.#calls.call(KV_METHODS.range, request, 'safe', options?.signal);
  }

  put(request: PutRequest, options?: CallOptions): Promise<PutResult> {
    return this.#calls.call(KV_METHODS.put, request, 'never', options?.signal);
  }

  delete(request: DeleteRequest, options?: CallOptions): Promise<DeleteResult> {
    return this.#calls.call(KV_METHODS.deleteRange, request, 'never', options?.signal);
  }

  txn(request: TxnRequest, options?: CallOptions): Promise<TxnResult> {
    const repeat = onlyReads(request) ? 'safe' : 'never';
    return this.#calls.call(KV_METHODS.txn, request, repeat, options?.signal);
  }

  compact(request: CompactRequest, options?: CallOptions): Promise<CompactResult> {
    return this.#calls.call(KV_METHODS.compact, request, 'never', options?.signal);
  }

  watch(request: WatchRequest): Observable<RevisionBatch> {
    return this.#watches.watch(request);
  }

  /** Never rejects. */
  close(): Promise<void> {
    if (!this.#context.lifetime.closed) {
      this.#context.lifetime.close();
      this.#watches.close();
      this.#keepAlives.close();
      this.#status.close();
      this.#context.connections.close();
    }
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function onlyReads(request: TxnRequest): boolean {
  const reads = (operation: TxnOperation): boolean =>
    operation.kind === 'range' || (operation.kind === 'txn' && onlyReads(operation));
  return (request.success ?? []).every(reads) && (request.failure ?? []).every(reads);
}
