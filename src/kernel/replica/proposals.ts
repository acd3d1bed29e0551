import { type CallOptions, LIMITS, StoreError } from '../../store/index.js';
import type { ApplyOutcome, ApplyResult } from '../apply/outcome.js';
import type { Command } from '../codec/command.js';
import { EntryPayloadWriter } from '../codec/entry-payload.js';

type Resolve = (result: ApplyResult) => void;
type Reject = (error: StoreError) => void;

/**
 * Who waits for the outcome of a command of this member. One for each write, so it is kept small.
 */
class Waiter {
  readonly #resolve: Resolve;
  readonly #reject: Reject;
  readonly #signal: AbortSignal | undefined;
  readonly #cancel: (() => void) | undefined;

  /** @param gaveUp called when the signal ends the wait */
  constructor(
    resolve: Resolve,
    reject: Reject,
    signal: AbortSignal | undefined,
    gaveUp: () => void,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    if (signal === undefined) return;
    this.#cancel = () => {
      gaveUp();
      reject(new StoreError('Canceled'));
    };
    signal.addEventListener('abort', this.#cancel, { once: true });
  }

  get hasGivenUp(): boolean {
    return this.#signal?.aborted === true;
  }

  settle(outcome: ApplyOutcome): void {
    if (outcome.kind === 'error') this.fail(outcome.error);
    else {
      this.#stopListening();
      this.#resolve(outcome);
    }
  }

  fail(error: StoreError): void {
    this.#stopListening();
    this.#reject(error);
  }

  #stopListening(): void {
    if (this.#cancel !== undefined) this.#signal?.removeEventListener('abort', this.#cancel);
  }
}

/** One log entry to be: its payload, and who waits for each of its commands. */
interface Batch {
  readonly payload: Uint8Array;
  readonly waiters: readonly Waiter[];
}

/**
 * Commands on their way into the log. They are encoded the moment they arrive, so that what a
 * caller does to its buffers afterwards changes nothing, and gathered so that one entry, and one
 * fsync, does for all that wait. Each is answered exactly once: with its outcome when its entry is
 * applied here, or with an error when that can no longer happen.
 */
export class Proposals {
  readonly #requestBytesMax: number;
  readonly #wake: () => void;
  readonly #writer = new EntryPayloadWriter();
  readonly #full: Batch[] = [];
  readonly #inLog = new Map<Uint8Array, readonly Waiter[]>();
  #waiters: Waiter[] = [];
  #pendingCount = 0;
  #failedCount = 0;
  readonly #countFailed = (): void => {
    this.#failedCount++;
  };
  /** Of the entries that are made and not answered. */
  #payloadBytes = 0;
  #closed: StoreError | undefined;

  constructor(requestBytesMax: number, wake: () => void) {
    this.#requestBytesMax = requestBytesMax;
    this.#wake = wake;
  }

  /** Commands that were not answered yet. */
  get pendingCount(): number {
    return this.#pendingCount;
  }

  /** Commands that were refused, or given up by their signal, before they came to anything. */
  get failedCount(): number {
    return this.#failedCount;
  }

  get hasWaiting(): boolean {
    return this.#waiters.length > 0 || this.#full.length > 0;
  }

  /**
   * @throws StoreError what the command came to, `RequestTooLarge`, `TooManyRequests`, `Canceled`
   * (the outcome is then unknown), `InvalidArgument` for what cannot be encoded, `Stopped`
   */
  submit(command: Command, options?: CallOptions): Promise<ApplyResult> {
    const isFull =
      this.#pendingCount >= LIMITS.waitingProposals ||
      this.#payloadBytes + this.#writer.byteCount >= LIMITS.waitingProposalBytes;
    if (isFull) {
      this.#failedCount++;
      return Promise.reject(this.#closed ?? new StoreError('TooManyRequests'));
    }
    return this.#submit(command, this.#requestBytesMax, options?.signal);
  }

  /**
   * Submits what the member itself has to say. The bounds on requests do not hold for it: where
   * requests must be small, or are many, leases would never expire.
   * @throws StoreError what the command came to, `Stopped`
   */
  submitOwn(command: Command): Promise<ApplyResult> {
    return this.#submit(command, Number.POSITIVE_INFINITY, undefined);
  }

  #submit(
    command: Command,
    bytesMax: number,
    signal: AbortSignal | undefined,
  ): Promise<ApplyResult> {
    return new Promise<ApplyResult>((resolve, reject) => {
      if (this.#closed !== undefined) {
        this.#failedCount++;
        throw this.#closed;
      }
      if (signal?.aborted === true) throw new StoreError('Canceled');
      this.#encode(command, bytesMax);
      this.#pendingCount++;
      this.#waiters.push(new Waiter(resolve, reject, signal, this.#countFailed));
      const { commandCount, byteCount } = this.#writer;
      if (commandCount >= LIMITS.entryCommands || byteCount >= LIMITS.entryBytes) this.#cut();
      this.#wake();
    });
  }

  #encode(command: Command, bytesMax: number): void {
    let byteCount: number;
    try {
      byteCount = this.#writer.add(command, bytesMax);
    } catch (cause) {
      // Types forbid nearly all that gets here, but who uses a library need not have any.
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new StoreError('InvalidArgument', reason, { cause });
    }
    if (byteCount > bytesMax) throw new StoreError('RequestTooLarge');
  }

  #cut(): void {
    if (this.#waiters.length === 0) return;
    const payload = this.#writer.finish();
    this.#full.push({ payload, waiters: this.#waiters });
    this.#payloadBytes += payload.length;
    this.#waiters = [];
  }

  /** Takes everything that waits, as payloads of entries; they count as being in the log now. */
  take(): readonly Uint8Array[] {
    this.#cut();
    const payloads: Uint8Array[] = [];
    for (const { payload, waiters } of this.#full) {
      this.#inLog.set(payload, waiters);
      payloads.push(payload);
    }
    this.#full.length = 0;
    return payloads;
  }

  /** Tells who waits for the commands of an applied entry, in their order. */
  settle(payload: Uint8Array, outcomes: readonly ApplyOutcome[]): void {
    const waiters = this.#inLog.get(payload);
    if (waiters === undefined) return;
    this.#inLog.delete(payload);
    this.#payloadBytes -= payload.length;
    this.#pendingCount -= waiters.length;
    for (let at = 0; at < waiters.length; at++) {
      (waiters[at] as Waiter).settle(outcomes[at] as ApplyOutcome);
    }
  }

  /** Payloads that raft would not take. */
  refuse(payloads: readonly Uint8Array[], error: StoreError): void {
    for (const payload of payloads) {
      const waiters = this.#inLog.get(payload) ?? [];
      if (this.#inLog.delete(payload)) this.#payloadBytes -= payload.length;
      this.#pendingCount -= waiters.length;
      for (const waiter of waiters) {
        if (!waiter.hasGivenUp) this.#failedCount++;
        waiter.fail(error);
      }
    }
  }

  /** Answers everything with `error`, now and from now on. */
  close(error: StoreError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.refuse(this.take(), error);
    this.refuse([...this.#inLog.keys()], error);
  }
}
