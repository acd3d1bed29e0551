/**
 * Renewals of leases, and questions about their time, as any member takes them: the leader answers,
 * for it alone counts, and only after a quorum has confirmed it since it was asked. Both can be
 * asked again without harm, so a change of leader meanwhile costs time and is no error.
 */
import type { Clock, Timer } from '../../ports/clock.js';
import type { Meter, Trace } from '../../ports/trace.js';
import { type CallOptions, isStoreError, LIMITS, StoreError } from '../../store/index.js';
import { CodecError } from '../codec/bytes.js';
import type { Lessor } from '../lease/lessor.js';
import type { Raft } from '../raft/raft.js';
import { NOBODY } from '../raft/types.js';
import {
  type LeaseQuestion,
  type LeaseReply,
  type LeaseState,
  readLeaseQuestion,
  readLeaseReply,
  writeLeaseQuestion,
  writeLeaseReply,
} from './lease-call.js';
import { LeaseKeeper } from './lease-keeper.js';
import type { PeerCalls } from './peer-calls.js';
import type { Proposals } from './proposals.js';
import type { Reads } from './reads.js';
import type { ReplicaSettings } from './settings.js';

export interface LeaseServiceOptions {
  readonly lessor: Lessor;
  readonly raft: Raft;
  readonly reads: Reads;
  readonly proposals: Proposals;
  readonly calls: PeerCalls;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly meter?: Meter | undefined;
  readonly settings: ReplicaSettings;
  readonly electionMs: number;
  /** How long callers wait. */
  readonly requestMs: number;
  readonly appliedTerm: () => number;
}

const CALL_NAME = 'lease';

interface Pause {
  readonly over: Promise<void>;
  readonly timer: Timer;
  readonly reject: (error: StoreError) => void;
}

export class LeaseService {
  /** Turned by the loop. */
  readonly keeper: LeaseKeeper;
  readonly #options: LeaseServiceOptions;
  #pause: Pause | undefined;
  #closed: StoreError | undefined;

  constructor(options: LeaseServiceOptions) {
    const { lessor, clock, settings, electionMs, appliedTerm, reads, calls } = options;
    this.#options = options;
    this.keeper = new LeaseKeeper({
      lessor,
      clock,
      extendMs: electionMs,
      checkpointMs: settings.leaseCheckpointMs ?? LIMITS.leaseCheckpointMs,
      appliedTerm,
      confirm: () => reads.ready(),
      propose: (command) => {
        if (command.kind === 'leaseExpire') {
          options.meter?.observe('leaseExpiryCount', command.leases.length);
        }
        options.proposals.submitOwn(command).catch((error: unknown) => {
          // What is due is found again; a checkpoint is made again after its interval.
          const reason = String(error);
          options.trace.event('debug', 'not applied', { command: command.kind, reason });
        });
      },
    });
    calls.handle(CALL_NAME, async (_from, body) =>
      writeLeaseReply(await this.#answer(readLeaseQuestion(body))),
    );
  }

  /**
   * Renews a lease.
   * @returns the TTL in seconds, counted from no earlier than this call
   * @throws StoreError `LeaseNotFound`; `NoLeader` or `Timeout` when nobody could renew it in time,
   * and then it may have been; `Canceled`, `Corrupt`, `Stopped`
   */
  async renew(id: bigint, options?: CallOptions): Promise<number> {
    const state = await this.#ask({ kind: 'renew', id }, options);
    if (state === undefined) throw new StoreError('LeaseNotFound');
    return state.grantedTtlSeconds;
  }

  /**
   * What is left of a lease; undefined when there is none.
   * @throws StoreError as {@link renew}
   */
  timeToLive(id: bigint, options?: CallOptions): Promise<LeaseState | undefined> {
    return this.#ask({ kind: 'timeToLive', id }, options);
  }

  async #ask(question: LeaseQuestion, options?: CallOptions): Promise<LeaseState | undefined> {
    const { clock, requestMs, raft } = this.#options;
    const deadlineMs = clock.monotonic() + requestMs;
    for (;;) {
      const leftMs = deadlineMs - clock.monotonic();
      if (leftMs <= 0) throw new StoreError(raft.leader === NOBODY ? 'NoLeader' : 'Timeout');
      if (options?.signal?.aborted === true) throw new StoreError('Canceled');
      try {
        const reply = await this.#try(question, leftMs, options);
        if (reply?.kind === 'lease') return reply;
        if (reply?.kind === 'none') return undefined;
      } catch (error) {
        if (this.#closed !== undefined) throw this.#closed;
        if (!mayAskAgain(error)) throw error;
        if (clock.monotonic() >= deadlineMs) continue;
      }
      await this.#nextTry(options);
    }
  }

  /** @returns undefined when there is nobody to ask */
  async #try(
    question: LeaseQuestion,
    leftMs: number,
    options?: CallOptions,
  ): Promise<LeaseReply | undefined> {
    const { raft, calls, electionMs } = this.#options;
    if (raft.role === 'leader') {
      const answered = this.#answer(question);
      return answered instanceof Promise ? this.#within(answered, leftMs, options) : answered;
    }
    if (raft.leader === NOBODY) return undefined;
    // Frames get lost and leaders die: nobody waits for one answer longer than for a new leader.
    const body = writeLeaseQuestion(question);
    const called = calls.call(raft.leader, CALL_NAME, body, Math.min(leftMs, electionMs));
    return readLeaseReply(await this.#within(called, leftMs, options));
  }

  /**
   * Answers as the leader. A quorum has heard the member as the leader of its term after it was
   * asked; a successor therefore counts each lease from a later time than that.
   * @throws StoreError `NotLeader` when it does not lead, or not any more
   */
  #answer(question: LeaseQuestion): LeaseReply | Promise<LeaseReply> {
    const { term } = this.keeper;
    if (term === undefined) throw new StoreError('NotLeader');
    const confirmed = this.#options.reads.ready();
    if (confirmed === undefined) return this.#reply(question, term);
    return confirmed.then(() => this.#reply(question, term));
  }

  #reply(question: LeaseQuestion, term: number): LeaseReply | Promise<LeaseReply> {
    if (this.keeper.term !== term) throw new StoreError('NotLeader');
    return question.kind === 'renew' ? this.#renew(question.id, term) : this.#look(question.id);
  }

  #look(id: bigint): LeaseReply {
    const nowMs = this.#now();
    const lease = this.#options.lessor.timeToLive(id, nowMs);
    if (lease === undefined) return { kind: 'none' };
    const { grantedTtlSeconds, remainingMs } = lease;
    return { kind: 'lease', grantedTtlSeconds, remainingMs };
  }

  /**
   * A lease that is due counts as gone only when it is: were its leader lost now, it would live on.
   */
  #renew(id: bigint, term: number): LeaseReply | Promise<LeaseReply> {
    const { lessor } = this.#options;
    const nowMs = this.#now();
    if (!lessor.has(id)) return { kind: 'none' };
    if (lessor.isDue(id, nowMs)) return { kind: 'ending' };
    const grantedTtlSeconds = lessor.renew(id, nowMs);
    const reply: LeaseState = {
      kind: 'lease',
      grantedTtlSeconds,
      remainingMs: grantedTtlSeconds * 1000,
    };
    return lessor.clearing(id) === undefined ? reply : this.#clear(id, term, reply);
  }

  /** The renewal counts only when no later leader can begin from the checkpoint before it. */
  async #clear(id: bigint, term: number, reply: LeaseState): Promise<LeaseReply> {
    const { lessor, proposals } = this.#options;
    const clearing = lessor.clearing(id);
    if (clearing === undefined) return reply;
    const command = { kind: 'leaseCheckpoint', term, items: [clearing.item] } as const;
    const result = await proposals.submit(command);
    if (result.kind !== 'leaseCheckpoint') throw new Error(`${result.kind} answers a checkpoint`);
    if (!result.isCurrent || this.keeper.term !== term) throw new StoreError('NotLeader');
    lessor.cleared(clearing);
    return lessor.isGranted(clearing.item) ? reply : { kind: 'none' };
  }

  #now(): number {
    const nowMs = this.keeper.now();
    if (nowMs === undefined) throw new StoreError('NotLeader');
    return nowMs;
  }

  /** What `work` comes to, unless time or the caller's signal end the wait before. */
  #within<T>(work: Promise<T>, ms: number, options?: CallOptions): Promise<T> {
    const signal = options?.signal;
    return new Promise<T>((resolve, reject) => {
      const cancel = (): void => reject(new StoreError('Canceled'));
      signal?.addEventListener('abort', cancel, { once: true });
      if (signal?.aborted === true) cancel();
      const timer = this.#options.clock.timer(ms, () => reject(new StoreError('Timeout')));
      const end = (): void => {
        timer.cancel();
        signal?.removeEventListener('abort', cancel);
      };
      work.finally(end).then(resolve, reject);
    });
  }

  /** Everybody who has to ask again does so together, a heartbeat later. */
  #nextTry(options?: CallOptions): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    this.#pause ??= this.#startPause();
    const { over } = this.#pause;
    return options?.signal === undefined
      ? over
      : this.#within(over, this.#options.requestMs, options);
  }

  #startPause(): Pause {
    const { clock, settings } = this.#options;
    let reject: (error: StoreError) => void = () => undefined;
    let resolve: () => void = () => undefined;
    const over = new Promise<void>((resolved, rejected) => {
      resolve = resolved;
      reject = rejected;
    });
    const timer = clock.timer(settings.heartbeatMs, () => {
      this.#pause = undefined;
      resolve();
    });
    return { over, timer, reject };
  }

  close(error: StoreError): void {
    this.#closed ??= error;
    this.#pause?.timer.cancel();
    this.#pause?.reject(error);
    this.#pause = undefined;
  }
}

/** Whether the leader did not answer, was not the leader or had no room; it may be so soon. */
function mayAskAgain(error: unknown): boolean {
  if (error instanceof CodecError) return true;
  return (
    isStoreError(error, 'NotLeader') ||
    isStoreError(error, 'Timeout') ||
    isStoreError(error, 'TooManyRequests') ||
    isStoreError(error, 'Stopped')
  );
}
