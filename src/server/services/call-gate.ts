import type { handleUnaryCall, Metadata } from '@grpc/grpc-js';
import type { Trace } from '../../ports/trace.js';
import { isStoreError, STORE_ERROR_TEXT, StoreError, WaitingList } from '../../store/index.js';
import type { WireStatus } from '../../wire/errors.js';
import type { MemberView } from '../member-view.js';
import type { RpcCounters } from '../metrics/rpc-counters.js';
import { statusOf } from './status.js';

/** What a handler may know of its call. */
export interface CallContext {
  /** Aborted when the client went away or the time is up. Made when first asked for. */
  readonly signal: AbortSignal;
}

/** Bytes in, bytes out; a failure is a rejection. */
export type UnaryWork = (
  message: Uint8Array,
  context: CallContext,
) => Uint8Array | Promise<Uint8Array>;

type Bytes = Uint8Array;

/** How often overdue calls are looked for. */
const SWEEPS_PER_TIMEOUT = 14;

export interface CallGateOptions {
  readonly view: MemberView;
  readonly trace: Trace;
  readonly timeoutMs: number;
  /** What to say to a call of this method that began then and came to nothing in its time. */
  readonly timeoutError?: (method: string, sinceMs: number) => StoreError;
}

/** Whom a call is for: `voters` alone, or `all` members; or its work asks the gate itself. */
export type ServedBy = 'voters' | 'all';

/** One rpc with one request and one answer, as the gate serves it. */
export interface GateMethod {
  readonly rpc: RpcCounters;
  /** Whether it is answered with a timeout after a while; others may take as long as they need. */
  readonly limited: boolean;
  readonly work: UnaryWork;
  readonly servedBy: ServedBy;
}

/** What the gate wants of a call, whatever way it came. */
export interface GateCall {
  readonly request: Uint8Array;
  /** Whether the client has given it up. */
  readonly cancelled: boolean;
  on(event: 'cancelled', listener: () => void): unknown;
}

/** Takes the answer of a call, or the status that it failed with. */
export type GateReply = (status: WireStatus | null, answer: Uint8Array | null) => void;

/**
 * Every unary call passes here: it is counted, refused by a learner unless learners serve it, and
 * by a member without a leader when its caller insists on one, answered exactly once, and given up
 * on when the time is over. Does as little as possible for each, since a call costs little more
 * than this: no timer, no signal and no listener is made for a call unless its handler asks for
 * one.
 */
export class CallGate {
  readonly #options: CallGateOptions;
  readonly #pending = new WaitingList<PendingCall>();
  /** Those that may take as long as they need. */
  readonly #patient = new WaitingList<PendingCall>();
  readonly #timer: NodeJS.Timeout;
  #sweep = 0;
  #sweptAtMs = performance.now();

  constructor(options: CallGateOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#giveUpOverdue(), options.timeoutMs / SWEEPS_PER_TIMEOUT);
    this.#timer.unref();
  }

  /** Calls that wait for their answer. */
  get pendingCount(): number {
    return this.#pending.size + this.#patient.size;
  }

  /** Answers all that wait with `error`. @returns whether there were any */
  endAll(error: StoreError): boolean {
    const waiting = [...this.#pending, ...this.#patient];
    for (const pending of waiting) pending.fail(error);
    return waiting.length > 0;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** The handler of a method for grpc-js. */
  unary(method: GateMethod): handleUnaryCall<Bytes, Bytes> {
    return (call, callback) => this.take(method, call, insistsOnLeader(call), callback);
  }

  /** Serves a call; `insists` if its caller wants nothing from a member that knows no leader. */
  take(method: GateMethod, call: GateCall, insists: boolean, reply: GateReply): void {
    const { rpc } = method;
    rpc.started += 1;
    rpc.received(call.request.length);
    const pending = new PendingCall(this, rpc, call, reply);
    const refusal = this.#refusal(insists, method.servedBy);
    if (refusal !== undefined) {
      pending.fail(refusal);
      return;
    }
    pending.waitIn(method.limited ? this.#pending : this.#patient);
    try {
      const answer = method.work(call.request, pending);
      if (answer instanceof Uint8Array) pending.succeed(answer);
      else answer.then(pending.succeed, pending.fail);
    } catch (error) {
      pending.fail(error);
    }
  }

  /**
   * Why this member does not begin with a call: it is a learner and the call is for voters, or it
   * knows no leader and the caller insists on one. Undefined when it does.
   */
  refusalOf(
    call: { readonly metadata: Metadata },
    servedBy: ServedBy = 'voters',
  ): StoreError | undefined {
    return this.#refusal(insistsOnLeader(call), servedBy);
  }

  #refusal(insists: boolean, servedBy: ServedBy): StoreError | undefined {
    const { view } = this.#options;
    if (servedBy === 'voters' && view.isLearner) return new StoreError('NotForLearner');
    if (!insists || view.hasLeader) return undefined;
    return new StoreError('NoLeader');
  }

  /**
   * For a call that learners serve in part.
   * @throws StoreError `NotForLearner` on a learner
   */
  refuseOnLearner(): void {
    if (this.#options.view.isLearner) throw new StoreError('NotForLearner');
  }

  /** How often overdue calls were looked for, */
  get sweepCount(): number {
    return this.#sweep;
  }

  /** and when that was the last time, by `performance.now`. */
  get sweptAtMs(): number {
    return this.#sweptAtMs;
  }

  /** An error as it is told to a caller; a timeout with its reason, if there is one to give. */
  explain(error: unknown, rpc: RpcCounters, sinceMs: number): unknown {
    if (!isStoreError(error, 'Timeout') || error.message !== STORE_ERROR_TEXT.Timeout) return error;
    return this.#options.timeoutError?.(rpc.method, sinceMs) ?? error;
  }

  /** The status for an error; one that nobody expected is also reported. */
  statusOf(rpc: RpcCounters, error: unknown): WireStatus {
    const { code, details, expected } = statusOf(error);
    if (!expected) {
      const text = error instanceof Error ? (error.stack ?? error.message) : details;
      this.#options.trace.event('error', 'callFailed', { method: rpc.method, error: text });
    }
    return { code, details };
  }

  #giveUpOverdue(): void {
    this.#sweep += 1;
    this.#sweptAtMs = performance.now();
    for (const pending of this.#pending) {
      // Oldest first: the first that is not overdue ends the search.
      if (this.#sweep - pending.startedSweep <= SWEEPS_PER_TIMEOUT) return;
      pending.fail(new StoreError('Timeout'));
    }
  }
}

/** Whether the caller wants nothing from a member that knows no leader. */
export function insistsOnLeader(call: { readonly metadata: Metadata }): boolean {
  return call.metadata.get('hasleader')[0] === 'true';
}

/** One call between its arrival and its answer. */
class PendingCall implements CallContext {
  readonly startedSweep: number;
  /** When it began at the earliest: asking for the time would cost more than its use. */
  readonly #sinceMs: number;
  readonly #gate: CallGate;
  readonly #rpc: RpcCounters;
  readonly #call: GateCall;
  readonly #reply: GateReply;
  readonly #startedAt: number;
  #controller: AbortController | undefined;
  /** Where it waits. */
  #list: WaitingList<PendingCall> | undefined;
  #place = -1;
  #answered = false;

  constructor(gate: CallGate, rpc: RpcCounters, call: GateCall, reply: GateReply) {
    this.#gate = gate;
    this.#rpc = rpc;
    this.#call = call;
    this.#reply = reply;
    this.startedSweep = gate.sweepCount;
    this.#sinceMs = gate.sweptAtMs;
    this.#startedAt = rpc.observeSeconds === undefined ? 0 : performance.now();
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.#call.cancelled) controller.abort();
      this.#call.on('cancelled', () => controller.abort());
    }
    return this.#controller.signal;
  }

  waitIn(list: WaitingList<PendingCall>): void {
    this.#list = list;
    this.#place = list.add(this);
  }

  readonly succeed = (answer: Uint8Array): void => {
    if (this.#answered) return;
    this.#settle(this.#call.cancelled ? 1 : 0);
    this.#rpc.sent(answer.length);
    this.#reply(null, answer);
  };

  readonly fail = (error: unknown): void => {
    if (this.#answered) return;
    const told = this.#gate.explain(error, this.#rpc, this.#sinceMs);
    const status = this.#gate.statusOf(this.#rpc, told);
    this.#settle(status.code);
    this.#reply(status, null);
    this.#controller?.abort();
  };

  #settle(code: number): void {
    this.#answered = true;
    this.#list?.remove(this.#place, this);
    this.#rpc.ended(code);
    this.#rpc.observeSeconds?.((performance.now() - this.#startedAt) / 1000);
  }
}
