import { type CallOptions, LIMITS, StoreError } from '../../store/index.js';
import type { ApplyOutcome, ApplyResult } from '../apply/outcome.js';
import type { Command } from '../codec/command.js';
import { EntryPayloadWriter } from '../codec/entry-payload.js';

/**
 * One log entry to be. Whoever waits for one of its commands waits for the outcomes of all and
 * takes its own: a promise for each write, with the functions that settle it, would be most of what
 * a write allocates.
 */
class Batch {
  readonly #outcomes: Promise<readonly ApplyOutcome[]>;
  #resolve: (outcomes: readonly ApplyOutcome[]) => void = () => undefined;
  #reject: (error: StoreError) => void = () => undefined;
  #commandCount = 0;
  #isSettled = false;
  /** Commands whose callers do not wait any more. */
  givenUpCount = 0;

  constructor() {
    this.#outcomes = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get commandCount(): number {
    return this.#commandCount;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** What `answer` makes of the outcome of the next command. */
  answer<T>(answer: (result: ApplyResult) => T): Promise<T> {
    const at = this.#commandCount++;
    return this.#outcomes.then((outcomes) => answer(resultOf(outcomes[at] as ApplyOutcome)));
  }

  settle(outcomes: readonly ApplyOutcome[]): void {
    this.#isSettled = true;
    this.#resolve(outcomes);
  }

  fail(error: StoreError): void {
    this.#isSettled = true;
    this.#reject(error);
  }
}

/** The payload of an entry, and who waits for it. */
interface Sealed {
  readonly payload: Uint8Array;
  readonly batch: Batch;
}

function resultOf(outcome: ApplyOutcome): ApplyResult {
  if (outcome.kind === 'error') throw outcome.error;
  return outcome;
}

const itself = (result: ApplyResult): ApplyResult => result;

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
  readonly #full: Sealed[] = [];
  readonly #inLog = new Map<Uint8Array, Batch>();
  #open: Batch | undefined;
  #pendingCount = 0;
  #failedCount = 0;
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
    return this.#open !== undefined || this.#full.length > 0;
  }

  /**
   * @throws StoreError what the command came to, `RequestTooLarge`, `TooManyRequests`, `Canceled`
   * (the outcome is then unknown), `InvalidArgument` for what cannot be encoded, `Stopped`
   */
  submit(command: Command, options?: CallOptions): Promise<ApplyResult> {
    return this.submitFor(command, itself, options);
  }

  /**
   * The same, for what `answer` makes of the result.
   * @throws StoreError as {@link submit}, and what `answer` throws
   */
  submitFor<T>(
    command: Command,
    answer: (result: ApplyResult) => T,
    options?: CallOptions,
  ): Promise<T> {
    const isFull =
      this.#pendingCount >= LIMITS.waitingProposals ||
      this.#payloadBytes + this.#writer.byteCount >= LIMITS.waitingProposalBytes;
    if (isFull) {
      this.#failedCount++;
      return Promise.reject(this.#closed ?? new StoreError('TooManyRequests'));
    }
    return this.#submit(command, this.#requestBytesMax, answer, options?.signal);
  }

  /**
   * Submits what the member itself has to say. The bounds on requests do not hold for it: where
   * requests must be small, or are many, leases would never expire.
   * @throws StoreError what the command came to, `Stopped`
   */
  submitOwn(command: Command): Promise<ApplyResult> {
    return this.#submit(command, Number.POSITIVE_INFINITY, itself, undefined);
  }

  #submit<T>(
    command: Command,
    bytesMax: number,
    answer: (result: ApplyResult) => T,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    let batch: Batch;
    try {
      batch = this.#enter(command, bytesMax, signal);
    } catch (error) {
      return Promise.reject(error as StoreError);
    }
    const answered = batch.answer(answer);
    const { commandCount, byteCount } = this.#writer;
    if (commandCount >= LIMITS.entryCommands || byteCount >= LIMITS.entryBytes) this.#cut();
    this.#wake();
    return signal === undefined ? answered : this.#untilAborted(answered, batch, signal);
  }

  /** Adds the command to the entry that is being made. @throws StoreError when it cannot be */
  #enter(command: Command, bytesMax: number, signal: AbortSignal | undefined): Batch {
    if (this.#closed !== undefined) {
      this.#failedCount++;
      throw this.#closed;
    }
    if (signal?.aborted === true) throw new StoreError('Canceled');
    this.#encode(command, bytesMax);
    this.#pendingCount++;
    return (this.#open ??= new Batch());
  }

  /** What `answered` comes to, unless the signal ends the wait before. */
  #untilAborted<T>(answered: Promise<T>, batch: Batch, signal: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const cancel = (): void => {
        if (!batch.isSettled) {
          batch.givenUpCount++;
          this.#failedCount++;
        }
        reject(new StoreError('Canceled'));
      };
      signal.addEventListener('abort', cancel, { once: true });
      answered.finally(() => signal.removeEventListener('abort', cancel)).then(resolve, reject);
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
    if (this.#open === undefined) return;
    const payload = this.#writer.finish();
    this.#full.push({ payload, batch: this.#open });
    this.#payloadBytes += payload.length;
    this.#open = undefined;
  }

  /** Takes everything that waits, as payloads of entries; they count as being in the log now. */
  take(): readonly Uint8Array[] {
    this.#cut();
    const payloads: Uint8Array[] = [];
    for (const { payload, batch } of this.#full) {
      this.#inLog.set(payload, batch);
      payloads.push(payload);
    }
    this.#full.length = 0;
    return payloads;
  }

  /** Tells who waits for the commands of an applied entry, in their order. */
  settle(payload: Uint8Array, outcomes: readonly ApplyOutcome[]): void {
    this.#leaveLog(payload)?.settle(outcomes);
  }

  /** Payloads that raft would not take. */
  refuse(payloads: readonly Uint8Array[], error: StoreError): void {
    for (const payload of payloads) {
      const batch = this.#leaveLog(payload);
      if (batch === undefined) continue;
      this.#failedCount += batch.commandCount - batch.givenUpCount;
      batch.fail(error);
    }
  }

  #leaveLog(payload: Uint8Array): Batch | undefined {
    const batch = this.#inLog.get(payload);
    if (batch === undefined) return undefined;
    this.#inLog.delete(payload);
    this.#payloadBytes -= payload.length;
    this.#pendingCount -= batch.commandCount;
    return batch;
  }

  /** Answers everything with `error`, now and from now on. */
  close(error: StoreError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.refuse(this.take(), error);
    this.refuse([...this.#inLog.keys()], error);
  }
}
