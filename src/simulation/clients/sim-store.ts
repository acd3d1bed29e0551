import { BehaviorSubject, Observable } from 'rxjs';
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
  type RevisionBatch,
  type Role,
  type Store,
  StoreError,
  type StoreErrorCode,
  toInterval,
  type TxnRequest,
  type TxnResult,
  type WatchRequest,
} from '../../store/index.js';
import { callName } from '../check/call-name.js';
import type { Answer, Call, CallKind, Outcome } from '../check/history.js';
import type { SimMachine } from '../sim-machine.js';
import type { SimNetwork } from '../sim-network.js';
import type { SimProcess } from '../sim-process.js';
import type { Simulation } from '../simulation.js';
import type { Endpoint } from './endpoint.js';
import type { HistoryRecorder } from './history-recorder.js';
import type { Reply } from './serve-call.js';
import { SimWatch } from './sim-watch.js';

/** Where a client lives, and how it behaves. */
export interface SimStoreOptions {
  readonly sim: Simulation;
  readonly network: SimNetwork;
  readonly machine: SimMachine;
  readonly process: SimProcess;
  readonly history: HistoryRecorder;
  /** The client's number in the history. */
  readonly client: number;
  readonly random: Random;
  /** Whom it may ask at the moment; never empty. */
  readonly endpoints: () => readonly Endpoint[];
  /** A call without an answer is given up after this long. */
  readonly timeoutMs: number;
  /** Time between two signs of life of a watch. */
  readonly pingMs: number;
  /** Watch messages that may be unread, */
  readonly windowMessages: number;
  /** and how long the reader takes over half of them. */
  readonly readMs: number;
  /** Stays with one member whatever happens. */
  readonly isLoyal?: boolean;
  /** Asks another member each time. */
  readonly isRestless?: boolean;
}

/** What watches share with their store. */
export interface StoreTerms extends SimStoreOptions {
  readonly endpoint: () => Endpoint;
  readonly rotate: () => void;
  readonly nextKey: () => number;
}

/** Codes that leave it open whether a write happens. */
const OPEN_CODES: ReadonlySet<StoreErrorCode> = new Set<StoreErrorCode>([
  'Stopped',
  'Timeout',
  'Unavailable',
  'Canceled',
  'DeadlineExceeded',
  'LeaderChanged',
  'Unknown',
]);

/** Codes that make a client try another member next time. */
const ROTATING_CODES: ReadonlySet<StoreErrorCode> = new Set<StoreErrorCode>([
  'Stopped',
  'Timeout',
  'Unavailable',
  'NoLeader',
  'NotForLearner',
  'Corrupt',
]);

/** What a call of each kind is answered with. */
type Results = {
  readonly [A in Answer as A['kind']]: A['result'];
};

/**
 * A client's Store in the simulation: calls and watches travel over the simulated network to one
 * member at a time. Requests and answers can be lost, then the call ends with `Unavailable` and an
 * unknown outcome. Nothing is tried again. Every call and every watch is in the history.
 *
 * @example
 * const { store } = world.addClient({ timeoutMs: 2000 });
 * await sim.run(store.put({ key: 'greeting', value: 'hello' }), 10_000);
 */
export class SimStore implements Store {
  readonly clock: Clock;
  readonly random: Random;
  readonly leases: Leases;
  readonly revisions$: Observable<RevisionBatch>;
  readonly role$ = new BehaviorSubject<Role>('unknown');
  readonly health$ = new BehaviorSubject<Health>({ healthy: true, reason: '' });
  readonly #options: SimStoreOptions;
  readonly #terms: StoreTerms;
  readonly #watches = new Set<SimWatch>();
  readonly #pending = new Set<(error: StoreError) => void>();
  #endpointAt: number;
  #keyCount = 0;
  #isClosed = false;

  constructor(options: SimStoreOptions) {
    this.#options = options;
    this.clock = options.process.clock;
    this.random = options.random;
    this.#endpointAt = options.random.below(64);
    this.#terms = {
      ...options,
      endpoint: () => this.#endpoint(),
      rotate: () => this.#rotate(),
      nextKey: () => this.#keyCount++,
    };
    this.revisions$ = this.watch({ key: '\0', rangeEnd: '\0' });
    this.leases = {
      grant: (request, call) => this.#call('leaseGrant', { kind: 'leaseGrant', request }, call),
      keepAlive: (id, call) => this.#call('leaseKeepAlive', { kind: 'leaseKeepAlive', id }, call),
      revoke: (id, call) => this.#call('leaseRevoke', { kind: 'leaseRevoke', id }, call),
      timeToLive: (request, call) =>
        this.#call('leaseTimeToLive', { kind: 'leaseTimeToLive', request }, call),
      list: (call) => this.#call('leaseList', { kind: 'leaseList' }, call),
    };
  }

  /** The watches that are open. */
  get watches(): ReadonlySet<SimWatch> {
    return this.#watches;
  }

  range(request: RangeRequest, options?: CallOptions): Promise<RangeResult> {
    return this.#call('range', { kind: 'range', request }, options);
  }

  put(request: PutRequest, options?: CallOptions): Promise<PutResult> {
    return this.#call('put', { kind: 'put', request }, options);
  }

  delete(request: DeleteRequest, options?: CallOptions): Promise<DeleteResult> {
    return this.#call('delete', { kind: 'delete', request }, options);
  }

  txn(request: TxnRequest, options?: CallOptions): Promise<TxnResult> {
    return this.#call('txn', { kind: 'txn', request }, options);
  }

  compact(request: CompactRequest, options?: CallOptions): Promise<CompactResult> {
    return this.#call('compact', { kind: 'compact', request }, options);
  }

  watch(request: WatchRequest): Observable<RevisionBatch> {
    return new Observable<RevisionBatch>((subscriber) => {
      if (this.#isClosed) {
        subscriber.error(new StoreError('Stopped'));
        return undefined;
      }
      if (isEmptyInterval(toInterval(request))) {
        subscriber.error(new StoreError('WatchRangeEmpty'));
        return undefined;
      }
      const log = this.#options.history.openWatch(this.#options.client, request);
      const watch = new SimWatch(this.#terms, request, subscriber, log);
      this.#watches.add(watch);
      return () => {
        this.#watches.delete(watch);
        watch.stop();
      };
    });
  }

  #endpoint(): Endpoint {
    const endpoints = this.#options.endpoints();
    const endpoint = endpoints[this.#endpointAt % endpoints.length];
    if (endpoint === undefined) throw new Error('there is no member to ask');
    return endpoint;
  }

  #rotate(): void {
    if (this.#options.isLoyal !== true) this.#endpointAt++;
  }

  #call<K extends CallKind>(
    kind: K,
    call: Extract<Call, { readonly kind: K }>,
    options?: CallOptions,
  ): Promise<Results[K]> {
    if (this.#isClosed) return Promise.reject(new StoreError('Stopped'));
    if (options?.signal?.aborted === true) return Promise.reject(new StoreError('Canceled'));
    return new Promise<Results[K]>((resolve, reject) => {
      this.#send(call, options?.signal, (reply) => {
        if (reply.kind === 'error') reject(reply.error);
        else if (reply.answer.kind === kind) resolve(reply.answer.result as Results[K]);
        else reject(new Error(`a ${kind} was answered with a ${reply.answer.kind}`));
      });
    });
  }

  /** Sends the call; `settle` hears of its end exactly once, unless the client is gone by then. */
  #send(call: Call, signal: AbortSignal | undefined, settle: (reply: Reply) => void): void {
    const { history, client, network, machine, process, timeoutMs, sim } = this.#options;
    if (this.#options.isRestless === true) this.#rotate();
    const endpoint = this.#endpoint();
    const id = history.begin(client, endpoint.name, call);
    sim.trace.note(call.kind, id, client);
    let isOver = false;
    const finish = (reply: Reply): void => {
      if (isOver || !process.isAlive) return;
      isOver = true;
      timer.cancel();
      this.#pending.delete(giveUp);
      signal?.removeEventListener('abort', cancel);
      const outcome = outcomeOf(reply);
      history.end(id, outcome);
      this.#noteEnd(id, call, reply, endpoint);
      if (reply.kind === 'error' && ROTATING_CODES.has(reply.error.code)) this.#rotate();
      settle(reply);
    };
    const giveUp = (error: StoreError): void => finish({ kind: 'error', error });
    const cancel = (): void => giveUp(new StoreError('Canceled'));
    const timer = process.clock.timer(timeoutMs, () => giveUp(new StoreError('Unavailable')));
    this.#pending.add(giveUp);
    signal?.addEventListener('abort', cancel, { once: true });
    const request = (): void =>
      endpoint.call(call, (reply) => {
        const answer = reply ?? { kind: 'error', error: new StoreError('Unavailable') };
        const back = { isOrdered: true, mark: id } as const;
        network.send(endpoint.machine, machine, () => finish(answer), back);
      });
    network.send(machine, endpoint.machine, request, { isOrdered: true, mark: id });
  }

  #noteEnd(id: number, call: Call, reply: Reply, endpoint: Endpoint): void {
    const { trace } = this.#options.sim;
    const word = reply.kind === 'error' ? reply.error.code : reply.answer.kind;
    const header = reply.kind === 'error' ? undefined : reply.answer.result.header;
    trace.note(word, id, header?.revision, header?.raftTerm);
    if (!trace.isTold) return;
    const came = header === undefined ? word : `revision ${header.revision}`;
    const { client } = this.#options;
    trace.tell(`client ${client}: ${callName(call)} to ${endpoint.name}: ${came}`);
  }

  close(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#isClosed = true;
    const error = new StoreError('Stopped');
    for (const giveUp of [...this.#pending]) giveUp(error);
    for (const watch of [...this.#watches]) watch.fail(error);
    this.role$.complete();
    this.health$.complete();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function outcomeOf(reply: Reply): Outcome {
  if (reply.kind === 'answer') return { kind: 'answered', answer: reply.answer };
  const { code, compactRevision } = reply.error;
  return OPEN_CODES.has(code) ? { kind: 'unknown' } : { kind: 'refused', code, compactRevision };
}
