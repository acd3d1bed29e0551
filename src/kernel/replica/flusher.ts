import type { Clock, Timer } from '../../ports/clock.js';
import type { Meter } from '../../ports/trace.js';
import { LIMITS, StoreError } from '../../store/index.js';
import type { WriteBuffer } from '../mvcc/write-buffer.js';
import { type AppliedState, writeAppliedRow } from './applied-row.js';

export interface FlusherOptions {
  readonly buffer: WriteBuffer;
  readonly clock: Clock;
  readonly meter: Meter | undefined;
  readonly batchMs: number;
  readonly batchRows: number;
  /** How far applying is at this moment; asked between entries only. */
  readonly applied: () => AppliedState;
  /** Tells the loop that a flush ended, or is due. */
  readonly wake: () => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Moves applied rows to the backend, off every reply's path: at the latest some time after a row
 * appeared, at once when many wait. One flush runs at a time. Knows which state is durable in the
 * backend, which is what the log may forget.
 */
export class Flusher {
  readonly #options: FlusherOptions;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #durable: AppliedState | undefined;
  #due = false;
  #isStopped = false;
  #isPaused = false;

  constructor(options: FlusherOptions, durable: AppliedState | undefined) {
    this.#options = options;
    this.#durable = durable;
  }

  /** The last state that the backend holds durably. */
  get durable(): AppliedState | undefined {
    return this.#durable;
  }

  /** Whether so much waits that applying must, too. */
  get isBehind(): boolean {
    const { rowCount, byteCount } = this.#options.buffer;
    return rowCount > LIMITS.backendBacklogRows || byteCount > LIMITS.backendBacklogBytes;
  }

  get isDue(): boolean {
    return this.#due && this.#running === undefined && !this.#isStopped;
  }

  /** Called after entries were applied: arms the timer, or asks for a flush at once. */
  note(): void {
    const { buffer, batchRows, batchMs, clock, wake } = this.#options;
    if (buffer.rowCount === 0 || this.#isStopped) return;
    if (buffer.rowCount >= batchRows || buffer.byteCount >= LIMITS.backendBatchBytes) {
      this.#due = true;
    }
    if (this.#timer === undefined && !this.#due) {
      this.#timer = clock.timer(batchMs, () => {
        this.#timer = undefined;
        this.#due = true;
        wake();
      });
    }
  }

  /** Starts a flush of everything applied so far. Called by the loop, between entries. */
  start(): Promise<void> {
    if (this.#running !== undefined) return this.#running;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#due = false;
    const { buffer, clock, meter, wake, onError } = this.#options;
    const state = this.#options.applied();
    writeAppliedRow(buffer, state);
    const startMs = clock.monotonic();
    this.#running = buffer.flush().then(
      () => {
        this.#running = undefined;
        this.#durable = state;
        meter?.observe('backendCommitSeconds', (clock.monotonic() - startMs) / 1000);
        wake();
      },
      (error: unknown) => {
        this.#running = undefined;
        onError(error);
      },
    );
    return this.#running;
  }

  /** Waits for what is under way, then flushes the rest. */
  async finish(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    await this.start();
  }

  /**
   * Runs `work` on the backend in the place of a flush: none is under way, and none begins before
   * it has ended. Applying goes on meanwhile, as far as the buffer has room.
   * @throws StoreError `Unavailable` while another state is installed; what `work` rejects with
   */
  async instead(work: () => Promise<void>): Promise<void> {
    // Of all that wait here the first one must be seen by the next, so nothing may come between.
    while (this.#running !== undefined) await this.#running;
    if (this.#isPaused || this.#isStopped) throw new StoreError('Unavailable');
    const working = work().finally(() => {
      this.#running = undefined;
      this.#options.wake();
    });
    // Whoever waits for a flush waits for its end, not for what came of it.
    this.#running = working.catch(() => undefined);
    await working;
  }

  /**
   * Waits for a flush that is under way; the next one is asked for when rows are noted again, and
   * nothing else is done to the backend until `restart`.
   */
  async pause(): Promise<void> {
    this.#isPaused = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#running;
    this.#due = false;
  }

  /** The backend was given another state as a whole, durably. */
  restart(durable: AppliedState): void {
    this.#durable = durable;
    this.#isPaused = false;
  }

  /** Resolves when nothing is under way in the backend. Never rejects. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** No flush begins any more by itself; one that is under way goes on. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
