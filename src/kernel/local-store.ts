import type { Observable } from 'rxjs';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import {
  type CallOptions,
  type CompactRequest,
  type CompactResult,
  type DeleteRequest,
  type DeleteResult,
  type Health,
  LIMITS,
  type PutRequest,
  type PutResult,
  type RangeRequest,
  type RangeResult,
  type ResponseHeader,
  type RevisionBatch,
  type Role,
  type Store,
  StoreError,
  type TxnRequest,
  type TxnResult,
  type WatchRequest,
} from '../store/index.js';
import { readTxn } from './apply/apply-txn.js';
import type { ApplyResult } from './apply/outcome.js';
import { runRange } from './apply/range-operation.js';
import {
  checkCompact,
  checkDelete,
  checkPut,
  checkRange,
  checkTxn,
  isReadOnly,
  isSerializable,
} from './apply/request-check.js';
import { storageCost } from './apply/storage-cost.js';
import type { Command } from './codec/command.js';
import { LocalLeases } from './local-leases.js';
import { localWatch } from './local-watch.js';
import { ReadTurns } from './read-turns.js';
import type { QuotaGauge } from './replica/quota-gauge.js';
import type { Replica } from './replica/replica.js';
import { leaseTtlMinSeconds, type ReplicaSettings } from './replica/settings.js';
import type { KernelStreams } from './streams.js';

export interface LocalStoreOptions {
  readonly replica: Replica;
  readonly streams: KernelStreams;
  readonly settings: ReplicaSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly quota: QuotaGauge;
  readonly close: () => Promise<void>;
}

/**
 * The Store of a member, for its own process. It checks requests, puts writes into the log and
 * answers reads from the state; the state itself belongs to the replica.
 */
export class LocalStore implements Store {
  readonly leases: LocalLeases;
  readonly revisions$: Observable<RevisionBatch>;
  readonly role$: Observable<Role>;
  readonly health$: Observable<Health>;
  readonly clock: Clock;
  readonly random: Random;
  readonly #options: LocalStoreOptions;
  readonly #turns: ReadTurns;

  constructor(options: LocalStoreOptions) {
    const { replica, streams, settings, clock, random } = options;
    this.#options = options;
    this.#turns = new ReadTurns(clock);
    this.clock = clock;
    this.random = random;
    this.revisions$ = streams.revisions$;
    this.role$ = streams.role$;
    this.health$ = streams.health$;
    this.leases = new LocalLeases({
      replica,
      random: random.split('lease'),
      ttlMinSeconds: leaseTtlMinSeconds(settings),
      header: (revision) => this.header(revision),
      submit: (command, callOptions) => this.#submit(command, callOptions),
    });
  }

  /** @param revision of the answer; the store's current one by default */
  header(revision: number = this.#options.replica.state.mvcc.revision): ResponseHeader {
    const { identity, raft } = this.#options.replica;
    return {
      clusterId: identity.clusterId,
      memberId: identity.memberId,
      revision,
      raftTerm: raft.term,
    };
  }

  async range(request: RangeRequest, options?: CallOptions): Promise<RangeResult> {
    checkRange(request);
    const wait = this.#readable(request.serializable === true, options);
    if (wait !== undefined) await wait;
    this.#refuseUntrusted();
    const { replica } = this.#options;
    const { kvs, more, count } = replica.read(() => runRange(replica.state.mvcc, request));
    this.#turns.did(kvs.length);
    return { header: this.header(), kvs, more, count };
  }

  /** Not async: most writes are puts, and each promise of one would wait with it. */
  put(request: PutRequest, options?: CallOptions): Promise<PutResult> {
    try {
      checkPut(request);
      return this.#submitFor({ kind: 'put', ...request }, this.#putAnswer, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  readonly #putAnswer = (result: ApplyResult): PutResult => {
    if (result.kind !== 'put') throw unexpected('put', result);
    const header = this.header(result.revision);
    return result.prevKv === undefined ? { header } : { header, prevKv: result.prevKv };
  };

  async delete(request: DeleteRequest, options?: CallOptions): Promise<DeleteResult> {
    checkDelete(request);
    const result = await this.#submit({ kind: 'delete', ...request }, options);
    if (result.kind !== 'delete') throw unexpected('delete', result);
    const { deleted, prevKvs } = result;
    return { header: this.header(result.revision), deleted, prevKvs };
  }

  async txn(request: TxnRequest, options?: CallOptions): Promise<TxnResult> {
    checkTxn(request, this.#options.settings.txnOperationsMax);
    if (isReadOnly(request)) return await this.#readTxn(request, options);
    const result = await this.#submit({ kind: 'txn', ...request }, options);
    if (result.kind !== 'txn') throw unexpected('txn', result);
    const { succeeded, responses } = result;
    return { header: this.header(result.revision), succeeded, responses };
  }

  async #readTxn(request: TxnRequest, options?: CallOptions): Promise<TxnResult> {
    const wait = this.#readable(isSerializable(request), options);
    if (wait !== undefined) await wait;
    this.#refuseUntrusted();
    const { replica } = this.#options;
    const { succeeded, responses } = replica.read(() => readTxn(replica.state.mvcc, request));
    this.#turns.did(responses.reduce((rows, one) => rows + rowsOf(one), 0));
    return { header: this.header(), succeeded, responses };
  }

  /** What a read is to wait for; undefined when it may go ahead. */
  #readable(isLocal: boolean, options?: CallOptions): Promise<void> | undefined {
    const wait = isLocal ? undefined : this.#options.replica.reads.ready(options);
    return wait ?? this.#turns.next();
  }

  async compact(request: CompactRequest, options?: CallOptions): Promise<CompactResult> {
    checkCompact(request);
    if (request.revision > this.#options.replica.state.mvcc.revision) {
      const wait = this.#options.replica.reads.ready(options);
      if (wait !== undefined) await wait;
      if (request.revision > this.#options.replica.state.mvcc.revision) {
        throw new StoreError('FutureRevision');
      }
    }
    const result = await this.#submit({ kind: 'compact', revision: request.revision }, options);
    if (request.physical === true) await this.#options.replica.compactor.finished();
    return { header: this.header(result.revision) };
  }

  watch(request: WatchRequest): Observable<RevisionBatch> {
    return localWatch(
      {
        open: (inner) => this.#options.replica.hub.open(inner),
        clock: this.clock,
        random: this.random,
        progressMs: LIMITS.watchProgressMs,
      },
      request,
    );
  }

  /** Nothing is answered from a state that cannot be trusted any more. */
  #refuseUntrusted(): void {
    this.#options.replica.ensureRunning();
    if (this.#options.replica.state.alarms.isRaised('corrupt')) throw new StoreError('Corrupt');
  }

  /**
   * Not async, since each write passes here: what it throws at once, its async callers reject with.
   */
  #submitFor<T>(
    command: Command,
    answer: (result: ApplyResult) => T,
    options?: CallOptions,
  ): Promise<T> {
    const { replica, quota } = this.#options;
    replica.ensureRunning();
    const costBytes = storageCost(command);
    const isFull = quota.exceededBy(costBytes) || (costBytes > 0 && replica.disk.isTight);
    if (isFull) return this.#refuseForSpace();
    return replica.proposals.submitFor(command, answer, options);
  }

  #submit(command: Command, options?: CallOptions): Promise<ApplyResult> {
    return this.#submitFor(command, itself, options);
  }

  /** @throws StoreError `NoSpace`, always; the alarm is raised first, for all members. */
  async #refuseForSpace(): Promise<never> {
    await this.#options.replica.noSpace.raise();
    throw new StoreError('NoSpace');
  }

  close(): Promise<void> {
    return this.#options.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function rowsOf(response: TxnResult['responses'][number]): number {
  return response.kind === 'range' ? response.kvs.length : 1;
}

const itself = (result: ApplyResult): ApplyResult => result;

function unexpected(kind: Command['kind'], result: ApplyResult): Error {
  return new Error(`a ${kind} was answered with the result of a ${result.kind}`);
}
