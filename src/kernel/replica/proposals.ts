import { type CallOptions, LIMITS, StoreError } from '../../store/index.js';
import type { ApplyOutcome, ApplyResult } from '../apply/outcome.js';
import type { Command } from '../codec/command.js';
import { type EntryOrigin, EntryPayloadWriter } from '../codec/entry-payload.js';

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
  readonly sequence: number;
  readonly payload: Uint8Array;
  readonly batch: Batch;
  /** The term in whose log it may be. */
  term: number;
  /** Monotonic milliseconds; undefined until the first tick that sees it. */
  deadlineMs: number | undefined;
}

function resultOf(outcome: ApplyOutcome): ApplyResult {
  if (outcome.kind === 'error') throw outcome.error;
  return outcome;
}

const itself = (result: ApplyResult): ApplyResult => result;

/**
 * Commands on their way into the log. They are encoded the moment they arrive, so that what a
 * caller does to its buffers afterwards changes nothing, and gathered so that one entry, and one
 * fsync, does for all that wait. An entry goes into the log of one term at a time: only when an
 * entry of a later term was applied, and it was not, can it go into another one. So a change of
 * leader is nobody's error and nothing is done twice. Each command is answered exactly once: with
 * its outcome when its entry is applied here, or with an error.
 */
export class Proposals {
  readonly #requestBytesMax: number;
  readonly #wake: () => void;
  readonly #writer: EntryPayloadWriter;
  /** To be proposed, in the order of their numbers. */
  #full: Sealed[] = [];
  /** Few, in the order of their numbers; an array, for it must not refer to those that left it. */
  #inLog: Sealed[] = [];
  #open: Batch | undefined;
  #pendingCount = 0;
  #failedCount = 0;
  /** Of the entries that are made and not answered. */
  #payloadBytes = 0;
  #closed: StoreError | undefined;

  constructor(origin: EntryOrigin, requestBytesMax: number, wake: () => void) {
    this.#writer = new EntryPayloadWriter(origin);
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
    const { sequence } = this.#writer;
    const payload = this.#writer.finish();
    this.#full.push({ sequence, payload, batch: this.#open, term: 0, deadlineMs: undefined });
    this.#payloadBytes += payload.length;
    this.#open = undefined;
  }

  /**
   * Takes what waits, as payloads of entries; they count as being in the log of `term` now.
   * @param countMax of payloads
   */
  take(term: number, countMax: number = Number.POSITIVE_INFINITY): readonly Uint8Array[] {
    if (this.#full.length < countMax) this.#cut();
    const taken = this.#full.length <= countMax ? this.#full : this.#full.slice(0, countMax);
    this.#full = taken === this.#full ? [] : this.#full.slice(countMax);
    const payloads: Uint8Array[] = [];
    for (const sealed of taken) {
      sealed.term = term;
      this.#inLog.push(sealed);
      payloads.push(sealed.payload);
    }
    return payloads;
  }

  /** These did not get into the log, and never will by that try: they wait again. */
  giveBack(payloads: readonly Uint8Array[]): void {
    this.#waitAgain(payloads.map((payload) => this.#sealedOf(payload)));
  }

  /**
   * An entry of `term` is about to be applied: what was given to the log of an earlier term and was
   * not applied before never will be, and waits again.
   */
  termReached(term: number): void {
    if (this.#inLog.length === 0) return;
    this.#waitAgain(this.#inLog.filter((sealed) => sealed.term < term));
  }

  /** A state was installed that may hold, or not, what was given to the logs up to `term`. */
  skippedTo(term: number): void {
    for (const sealed of [...this.#inLog]) {
      if (sealed.term <= term) this.#fail(sealed, new StoreError('Timeout'));
    }
  }

  #waitAgain(again: readonly (Sealed | undefined)[]): void {
    if (again.length === 0) return;
    for (const sealed of again) {
      if (sealed === undefined) continue;
      this.#leaveLog(sealed);
      this.#full.push(sealed);
    }
    this.#full.sort((a, b) => a.sequence - b.sequence);
    this.#wake();
  }

  /** Gives up what has waited longer than `waitMs`; its outcome is unknown then. */
  tick(nowMs: number, waitMs: number): void {
    // What comes from now on has more time, so it goes into an entry of its own.
    this.#cut();
    let isLate = false;
    for (const sealed of this.#full) isLate = this.#isLate(sealed, nowMs, waitMs) || isLate;
    for (const sealed of this.#inLog) {
      isLate = this.#isLate(sealed, nowMs, waitMs) || isLate;
    }
    if (!isLate) return;
    const late = (sealed: Sealed): boolean => (sealed.deadlineMs ?? nowMs) <= nowMs;
    for (const sealed of [...this.#full, ...this.#inLog].filter(late)) {
      this.#fail(sealed, new StoreError('Timeout'));
    }
    this.#full = this.#full.filter((sealed) => !late(sealed));
  }

  #isLate(sealed: Sealed, nowMs: number, waitMs: number): boolean {
    sealed.deadlineMs ??= nowMs + waitMs;
    return sealed.deadlineMs <= nowMs;
  }

  #sealedOf(payload: Uint8Array): Sealed | undefined {
    const sequence = this.#writer.sequenceOf(payload);
    return sequence === undefined ? undefined : this.#inLogAt(sequence);
  }

  /**
   * Tells who waits for the commands of an applied entry, in their order.
   * @throws Error when the entry was taken for dead: it could be applied twice then
   */
  settle(payload: Uint8Array, outcomes: readonly ApplyOutcome[]): void {
    const sequence = this.#writer.sequenceOf(payload);
    if (sequence === undefined) return;
    const sealed = this.#inLogAt(sequence);
    if (sealed === undefined) {
      if (this.#full.some((waiting) => waiting.sequence === sequence)) {
        throw new Error(`proposal ${sequence} was applied, and was to be proposed again`);
      }
      return;
    }
    this.#leave(sealed);
    sealed.batch.settle(outcomes);
  }

  /** Payloads that raft would not take. */
  refuse(payloads: readonly Uint8Array[], error: StoreError): void {
    for (const payload of payloads) {
      const sealed = this.#sealedOf(payload);
      if (sealed !== undefined) this.#fail(sealed, error);
    }
  }

  #fail(sealed: Sealed, error: StoreError): void {
    this.#leave(sealed);
    this.#failedCount += sealed.batch.commandCount - sealed.batch.givenUpCount;
    sealed.batch.fail(error);
  }

  #inLogAt(sequence: number): Sealed | undefined {
    return this.#inLog.find((sealed) => sealed.sequence === sequence);
  }

  #leaveLog(sealed: Sealed): void {
    const at = this.#inLog.indexOf(sealed);
    if (at >= 0) this.#inLog.splice(at, 1);
  }

  #leave(sealed: Sealed): void {
    this.#leaveLog(sealed);
    this.#payloadBytes -= sealed.payload.length;
    this.#pendingCount -= sealed.batch.commandCount;
  }

  /** Answers everything with `error`, now and from now on. */
  close(error: StoreError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#cut();
    for (const sealed of [...this.#full, ...this.#inLog]) this.#fail(sealed, error);
    this.#full = [];
  }
}
