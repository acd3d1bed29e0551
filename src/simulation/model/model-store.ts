import { BehaviorSubject, Observable, Subject } from 'rxjs';
import type { Clock } from '../../ports/clock.js';
import type { Random } from '../../ports/random.js';
import {
  type CallOptions,
  type CompactRequest,
  type CompactResult,
  type DeleteRequest,
  type DeleteResult,
  type Health,
  isEmptyInterval,
  type Leases,
  type PutRequest,
  type PutResult,
  type RangeRequest,
  type RangeResult,
  type ResponseHeader,
  type RevisionBatch,
  type Role,
  type Store,
  StoreError,
  toBytes,
  toInterval,
  type TxnRequest,
  type TxnResult,
  type WatchRequest,
} from '../../store/index.js';
import { checkDelete, checkPut, checkRange, checkTxn } from './model-checks.js';
import { ModelServer } from './model-server.js';
import { ModelWatch } from './model-watch.js';

/** What a fault can look at. */
export interface ModelCall {
  readonly name: 'range' | 'put' | 'delete' | 'txn' | 'compact' | `lease-${string}`;
  readonly request: unknown;
}

/** What a {@link ModelStore} takes its time and its chance from, and where it asks. */
export interface ModelStoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The server to talk to; default: one of its own, on the same clock. */
  readonly server?: ModelServer;
  /** One way to the server or back, in milliseconds, asked anew each time; default: a microtask. */
  readonly latency?: () => number;
}

type Partition = 'none' | 'fail' | 'hang';
type Match = (call: ModelCall) => boolean;

/**
 * A Store that is a model: exact in what it answers, and breakable on the way. Several of them can
 * share one ModelServer, each with its own faults, clock and chance. Calls take effect and answer
 * one after the other, a microtask apart, or with a latency of the test's choosing.
 *
 * @example
 * const { store } = new ModelWorld().client('a');
 * store.loseResponse(({ name }) => name === 'txn'); // the next one happens, and nobody is told
 */
export class ModelStore implements Store {
  readonly clock: Clock;
  readonly random: Random;
  readonly server: ModelServer;
  readonly leases: Leases;
  readonly role$ = new BehaviorSubject<Role>('leader');
  readonly health$ = new BehaviorSubject<Health>({ healthy: true, reason: '' });
  readonly revisions$ = new Subject<RevisionBatch>();
  /** Every call that was made, for counting. */
  readonly calls: ModelCall[] = [];

  readonly #latency: (() => number) | undefined;
  readonly #watches = new Set<ModelWatch>();
  readonly #pending = new Set<(error: StoreError) => void>();
  /** Calls that a partition swallowed: they fail when it heals. */
  readonly #stuck: ((error: StoreError) => void)[] = [];
  readonly #lostResponses: Match[] = [];
  readonly #refused: Match[] = [];
  readonly #delayed: { readonly match: Match; readonly ms: number }[] = [];
  #held: (() => void)[] | undefined;
  #partition: Partition = 'none';
  #closed = false;
  readonly #all: ModelWatch;
  #eventCount = 0;

  constructor(options: ModelStoreOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.server = options.server ?? new ModelServer(options);
    this.#latency = options.latency;
    this.leases = this.#makeLeases();
    this.#all = this.#openWatch({ key: '\0', rangeEnd: '\0' }, this.revisions$);
  }

  range(request: RangeRequest, options?: CallOptions): Promise<RangeResult> {
    const run = (): RangeResult => {
      checkRange(request);
      return this.server.run(() => this.server.kv.range(request));
    };
    return this.#call({ name: 'range', request }, options, run);
  }

  put(request: PutRequest, options?: CallOptions): Promise<PutResult> {
    const run = (): PutResult => {
      checkPut(request);
      return this.server.run(() => {
        const prevKv = this.server.kv.put({ ...request, prevKv: true });
        return request.prevKv === true && prevKv !== undefined ? { prevKv } : {};
      });
    };
    return this.#call({ name: 'put', request }, options, run);
  }

  delete(request: DeleteRequest, options?: CallOptions): Promise<DeleteResult> {
    const run = (): DeleteResult => {
      checkDelete(request);
      return this.server.run(() => this.server.kv.delete(request));
    };
    return this.#call({ name: 'delete', request }, options, run);
  }

  txn(request: TxnRequest, options?: CallOptions): Promise<TxnResult> {
    const run = (): TxnResult => {
      checkTxn(request);
      return this.server.run(() => this.server.kv.txn(request));
    };
    return this.#call({ name: 'txn', request }, options, run);
  }

  compact(request: CompactRequest, options?: CallOptions): Promise<CompactResult> {
    const run = (): CompactResult =>
      this.server.run(() => {
        this.server.kv.compact(request.revision);
        return {};
      });
    return this.#call({ name: 'compact', request }, options, run);
  }

  watch(request: WatchRequest): Observable<RevisionBatch> {
    return new Observable<RevisionBatch>((subscriber) => {
      const key = toBytes(request.key).length === 0 ? '\0' : request.key;
      const failure = this.#refuseWatch({ ...request, key });
      if (failure !== undefined) {
        subscriber.error(failure);
        return;
      }
      const counted = {
        next: (batch: RevisionBatch) => {
          this.#eventCount += batch.events.length;
          subscriber.next(batch);
        },
        error: (error: unknown) => subscriber.error(error),
      };
      const watch = this.#openWatch({ ...request, key }, counted);
      this.#watches.add(watch);
      subscriber.add(() => {
        this.#watches.delete(watch);
        watch.close();
      });
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const stopped = new StoreError('Stopped');
    for (const watch of this.#watches) watch.fail(stopped);
    this.#all.close();
    for (const reject of this.#pending) reject(stopped);
    this.revisions$.complete();
    this.role$.next('stopped');
    this.role$.complete();
    this.health$.complete();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // Faults.

  /** Cuts the way to the server: calls fail with `Unavailable` at once, or hang until `heal`. */
  partition(mode: 'fail' | 'hang'): void {
    this.#partition = mode;
  }

  /** Opens the way again: what hung fails with `Unavailable`, and watches go on where they were. */
  heal(): void {
    this.#partition = 'none';
    for (const reject of this.#stuck.splice(0)) reject(new StoreError('Unavailable'));
    this.#pumpAll();
  }

  /** The next call that matches takes effect, and its caller gets `Unavailable`. */
  loseResponse(match: Match): void {
    this.#lostResponses.push(match);
  }

  /** The next call that matches fails with `Unavailable` and has no effect. */
  loseRequest(match: Match): void {
    this.#refused.push(match);
  }

  /** The next call that matches fails with `Unavailable` at once, and takes effect `ms` later. */
  delayRequest(match: Match, ms: number): void {
    this.#delayed.push({ match, ms });
  }

  /**
   * Against the contract: the next matching event is never delivered to the watches that are open.
   */
  dropNextEvent(match: (key: string, type: 'put' | 'delete') => boolean): void {
    for (const watch of this.#watches) watch.dropNext(match);
  }

  /** Breaks every watch: what is on its way is lost and sent again after the reconnection. */
  breakWatches(): void {
    for (const watch of this.#watches) watch.reconnect();
  }

  /** Nothing reaches this client until `release`, as when its event loop is blocked. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const deliver of held) deliver();
  }

  /** Watches that are open now. */
  get watchCount(): number {
    return this.#watches.size;
  }

  /** Events that all watches have delivered. */
  get deliveredEventCount(): number {
    return this.#eventCount;
  }

  /** Calls that were made, by name. */
  callCount(name: ModelCall['name']): number {
    return this.calls.filter((call) => call.name === name).length;
  }

  #makeLeases(): Leases {
    const { server } = this;
    const call = <T>(
      name: string,
      request: unknown,
      options: CallOptions | undefined,
      run: () => T,
    ): Promise<T & { readonly header: ResponseHeader }> =>
      this.#call({ name: `lease-${name}`, request }, options, () => server.run(run));
    return {
      grant: (request, options) => call('grant', request, options, () => server.grant(request)),
      keepAlive: (id, options) => call('keep-alive', id, options, () => server.keepAlive(id)),
      revoke: (id, options) => call('revoke', id, options, () => server.revoke(id)),
      timeToLive: (request, options) =>
        call('time-to-live', request, options, () => server.timeToLive(request)),
      list: (options) => call('list', undefined, options, () => ({ ids: server.leaseIds })),
    };
  }

  #call<T>(call: ModelCall, options: CallOptions | undefined, run: () => T): Promise<T> {
    this.calls.push(call);
    return new Promise<T>((resolve, reject) => {
      const signal = options?.signal;
      const fail = (error: unknown): void => {
        this.#pending.delete(fail);
        signal?.removeEventListener('abort', abort);
        reject(error);
      };
      const abort = (): void => fail(new StoreError('Canceled'));
      if (this.#closed) return fail(new StoreError('Stopped'));
      if (signal?.aborted === true) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      this.#pending.add(fail);
      const ok = (value: T): void => {
        this.#pending.delete(fail);
        signal?.removeEventListener('abort', abort);
        resolve(value);
      };
      this.#hop(() => this.#arrive(call, run, ok, fail));
    });
  }

  #arrive<T>(
    call: ModelCall,
    run: () => T,
    ok: (value: T) => void,
    fail: (e: unknown) => void,
  ): void {
    if (this.#partition !== 'none') return this.#cut(fail);
    if (take(this.#refused, call)) return this.#deliver(() => fail(new StoreError('Unavailable')));
    const delayed = this.#delayed.findIndex(({ match }) => match(call));
    if (delayed >= 0) {
      const [fault] = this.#delayed.splice(delayed, 1);
      this.server.clock.timer(fault?.ms ?? 0, () => attempt(run));
      return this.#deliver(() => fail(new StoreError('Unavailable')));
    }
    const outcome = attempt(run);
    const lost = take(this.#lostResponses, call);
    this.#hop(() => {
      if (this.#partition !== 'none') return this.#cut(fail);
      this.#deliver(() => {
        if (lost) fail(new StoreError('Unavailable'));
        else if (outcome.ok) ok(outcome.value);
        else fail(outcome.error);
      });
    });
  }

  #cut(fail: (error: StoreError) => void): void {
    if (this.#partition === 'hang') this.#stuck.push(fail);
    else this.#deliver(() => fail(new StoreError('Unavailable')));
  }

  #deliver(run: () => void): void {
    if (this.#held === undefined) run();
    else this.#held.push(run);
  }

  #hop(arrive: () => void): void {
    if (this.#latency === undefined) queueMicrotask(arrive);
    else this.server.clock.timer(this.#latency(), arrive);
  }

  #openWatch(request: WatchRequest, sink: ConstructorParameters<typeof ModelWatch>[2]): ModelWatch {
    return new ModelWatch(this.server, request, sink, {
      connected: () => this.#partition === 'none',
      latencyMs: () => this.#latency?.(),
      deliver: (run) => this.#deliver(run),
    });
  }

  #refuseWatch(request: WatchRequest): StoreError | undefined {
    if (this.#closed) return new StoreError('Stopped');
    if (isEmptyInterval(toInterval(request))) return new StoreError('WatchRangeEmpty');
    if ((request.startRevision ?? 0) < 0) return this.server.kv.compacted();
    return undefined;
  }

  #pumpAll(): void {
    this.#all.pump();
    for (const watch of this.#watches) watch.pump();
  }
}

function attempt<T>(run: () => T): { ok: true; value: T } | { ok: false; error: unknown } {
  try {
    return { ok: true, value: run() };
  } catch (error) {
    return { ok: false, error };
  }
}

/** Whether a fault waits for this call; it is used up. */
function take(faults: Match[], call: ModelCall): boolean {
  const place = faults.findIndex((match) => match(call));
  if (place < 0) return false;
  faults.splice(place, 1);
  return true;
}
