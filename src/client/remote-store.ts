import { catchError, EMPTY, type Observable, share } from 'rxjs';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import {
  allKeys,
  type BytesInput,
  type CallOptions,
  type CompactRequest,
  type CompactResult,
  type DeleteRequest,
  type DeleteResult,
  type Health,
  type Leases,
  LIMITS,
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
import type { ClientContext } from './context.js';
import { LeaseMux } from './lease-mux.js';
import { MemberStatus } from './member-status.js';
import { RemoteLeases } from './remote-leases.js';
import { type CallTerms, LOCAL_READ, READ, type UnaryCalls, WRITE } from './unary.js';
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
  readonly #context: ClientContext;
  readonly #calls: UnaryCalls;
  readonly #watches: WatchMux;
  readonly #keepAlives: LeaseMux;
  readonly #status: MemberStatus;

  constructor(context: ClientContext, calls: UnaryCalls) {
    this.#context = context;
    this.clock = context.clock;
    this.random = context.random;
    this.#calls = calls;
    this.#watches = new WatchMux(context);
    this.#keepAlives = new LeaseMux(context);
    this.#status = new MemberStatus(context, this.#calls);
    this.leases = new RemoteLeases(this.#calls, this.#keepAlives);
    this.role$ = this.#status.role$;
    this.health$ = this.#status.health$;
    this.revisions$ = this.watch(allKeys()).pipe(
      catchError(() => EMPTY),
      share(),
    );
    context.connections.onChange(() => this.#status.look());
  }

  range(request: RangeRequest, options?: CallOptions): Promise<RangeResult> {
    return this.#calls.call(KV_METHODS.range, request, termsOfRange(request), options?.signal);
  }

  put(request: PutRequest, options?: CallOptions): Promise<PutResult> {
    return this.#calls.call(KV_METHODS.put, request, WRITE, options?.signal);
  }

  delete(request: DeleteRequest, options?: CallOptions): Promise<DeleteResult> {
    return this.#calls.call(
      KV_METHODS.deleteRange,
      request,
      termsOfDelete(request),
      options?.signal,
    );
  }

  txn(request: TxnRequest, options?: CallOptions): Promise<TxnResult> {
    return this.#calls.call(KV_METHODS.txn, request, termsOf(request), options?.signal);
  }

  compact(request: CompactRequest, options?: CallOptions): Promise<CompactResult> {
    return this.#calls.call(KV_METHODS.compact, request, WRITE, options?.signal);
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

function termsOfRange(request: RangeRequest): CallTerms {
  const terms = request.serializable === true ? LOCAL_READ : READ;
  return isLongRange(request) ? { ...terms, isLong: true } : terms;
}

const LONG_WRITE: CallTerms = { ...WRITE, isLong: true };

function termsOfDelete(request: DeleteRequest): CallTerms {
  return isLongDelete(request) ? LONG_WRITE : WRITE;
}

/** Whether its answer may have many pairs. */
function isLongRange({ rangeEnd, limit = 0, countOnly }: RangeRequest): boolean {
  if (isOneKey(rangeEnd) || countOnly === true) return false;
  return limit === 0 || limit > LIMITS.pipeRangePairs;
}

function isLongDelete({ rangeEnd, prevKv }: DeleteRequest): boolean {
  return prevKv === true && !isOneKey(rangeEnd);
}

function isOneKey(rangeEnd: BytesInput | undefined): boolean {
  return rangeEnd === undefined || rangeEnd.length === 0;
}

function isLongOperation(operation: TxnOperation): boolean {
  if (operation.kind === 'range') return isLongRange(operation);
  if (operation.kind === 'delete') return isLongDelete(operation);
  return operation.kind === 'txn' && operationsOf(operation).some(isLongOperation);
}

function operationsOf({ success = [], failure = [] }: TxnRequest): readonly TxnOperation[] {
  return [...success, ...failure];
}

/** The strictest terms of its operations; a server judges a transaction in the same way. */
function termsOf(request: TxnRequest): CallTerms {
  const terms = strictestOf(request);
  return operationsOf(request).some(isLongOperation) ? { ...terms, isLong: true } : terms;
}

function strictestOf(request: TxnRequest): CallTerms {
  const terms = operationsOf(request).map((operation) => {
    if (operation.kind === 'txn') return strictestOf(operation);
    if (operation.kind !== 'range') return WRITE;
    return operation.serializable === true ? LOCAL_READ : READ;
  });
  if (terms.includes(WRITE)) return WRITE;
  return terms.length > 0 && terms.every((one) => one === LOCAL_READ) ? LOCAL_READ : READ;
}
