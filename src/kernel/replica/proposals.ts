import { type CallOptions, LIMITS, StoreError } from '../../store/index.js';
import type { ApplyOutcome, ApplyResult } from '../apply/outcome.js';
import type { Command } from '../codec/command.js';
import { EntryPayloadWriter } from '../codec/entry-payload.js';

/** Who waits for the outcome of a command of this member. */
interface Waiter {
  settle(outcome: ApplyOutcome): void;
  fail(error: StoreError): void;
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
  #closed: StoreError | undefined;

  constructor(requestBytesMax: number, wake: () => void) {
    this.#requestBytesMax = requestBytesMax;
    this.#wake = wake;
  }

  /** Commands that were not answered yet. */
  get pendingCount(): number {
    return this.#pendingCount;
  }

  get hasWaiting(): boolean {
    return this.#waiters.length > 0 || this.#full.length > 0;
  }

  /**
   * @throws StoreError what the command came to, `RequestTooLarge`, `TooManyRequests`, `Canceled`
   * (the outcome is then unknown), `Stopped`
   */
  submit(command: Command, options?: CallOptions): Promise<ApplyResult> {
    return new Promise<ApplyResult>((resolve, reject) => {
      if (this.#closed !== undefined) throw this.#closed;
      if (options?.signal?.aborted === true) throw new StoreError('Canceled');
      if (this.#pendingCount >= LIMITS.waitingProposals) throw new StoreError('TooManyRequests');
      this.#encode(command);
      this.#pendingCount++;
      this.#waiters.push(this.#waiter(resolve, reject, options?.signal));
      const { commandCount, byteCount } = this.#writer;
      if (commandCount >= LIMITS.entryCommands || byteCount >= LIMITS.entryBytes) this.#cut();
      this.#wake();
    });
  }

  #encode(command: Command): void {
    const byteCount = this.#writer.add(command, this.#requestBytesMax);
    if (byteCount > this.#requestBytesMax) throw new StoreError('RequestTooLarge');
  }

  #waiter(
    resolve: (result: ApplyResult) => void,
    reject: (error: StoreError) => void,
    signal: AbortSignal | undefined,
  ): Waiter {
    let cancel: (() => void) | undefined;
    if (signal !== undefined) {
      cancel = () => reject(new StoreError('Canceled'));
      signal.addEventListener('abort', cancel, { once: true });
    }
    const finish = (): void => {
      this.#pendingCount--;
      if (cancel !== undefined) signal?.removeEventListener('abort', cancel);
    };
    return {
      settle: (outcome) => {
        finish();
        if (outcome.kind === 'error') reject(outcome.error);
        else resolve(outcome);
      },
      fail: (error) => {
        finish();
        reject(error);
      },
    };
  }

  #cut(): void {
    if (this.#waiters.length === 0) return;
    this.#full.push({ payload: this.#writer.finish(), waiters: this.#waiters });
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
    for (const [at, waiter] of waiters.entries()) waiter.settle(outcomes[at] as ApplyOutcome);
  }

  /** Payloads that raft would not take. */
  refuse(payloads: readonly Uint8Array[], error: StoreError): void {
    for (const payload of payloads) {
      const waiters = this.#inLog.get(payload) ?? [];
      this.#inLog.delete(payload);
      for (const waiter of waiters) waiter.fail(error);
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
