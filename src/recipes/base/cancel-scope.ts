import type { Clock, Timer } from '../../ports/clock.js';
import type { Random } from '../../ports/random.js';
import { CoordinationError, isTransient, toCoordinationError } from '../errors.js';
import { Ending } from './ending.js';
import { TIMING } from './timing.js';

/** How a caller bounds a recipe that waits. */
export interface WaitOptions {
  /** Aborting ends the wait with `Aborted`. */
  readonly signal?: AbortSignal;
  /** After this many milliseconds the wait ends with `Timeout`; absent: no limit. */
  readonly timeoutMs?: number;
}

/** Where time and chance come from. */
export interface Source {
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Everything that can end one wait, in one signal whose reason is the error to throw: the caller's
 * signal, its timeout, and the signals of what the wait depends on. It must be disposed by whoever
 * made it, or it stays registered at signals that live longer.
 */
export class CancelScope implements Disposable {
  /** The end of the wait, for waits within it. */
  readonly ended = new Ending();
  readonly #source: Source;
  readonly #undo: (() => void)[] = [];

  constructor(source: Source, options: WaitOptions, ...parents: readonly Ending[]) {
    this.#source = source;
    for (const parent of parents) this.add(parent);
    const { signal, timeoutMs } = options;
    if (signal !== undefined) {
      this.#obey(signal);
    }
    if (timeoutMs !== undefined) {
      const timer = source.clock.timer(timeoutMs, () => {
        this.abort(new CoordinationError('Timeout', `not done within ${timeoutMs} ms`));
      });
      this.#undo.push(() => timer.cancel());
    }
  }

  get signal(): AbortSignal {
    return this.ended.signal;
  }

  /** Ends the wait with `reason`; the first one stays. */
  abort(reason: unknown): void {
    this.ended.end(reason);
  }

  /** Also ends when `parent` is aborted, with its reason. */
  add(parent: Ending): void {
    this.#undo.push(parent.follow(() => this.abort(parent.reason)));
  }

  /** @throws the reason, when the wait is over */
  check(): void {
    if (this.ended.isOver) throw this.ended.reason;
  }

  /** `promise`, or the reason as soon as the wait is over; a late failure of it is dropped. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const unfollow = this.ended.follow(() => reject(this.ended.reason as Error));
      promise.then(
        (value) => {
          unfollow();
          resolve(value);
        },
        (error: unknown) => {
          unfollow();
          reject(error as Error);
        },
      );
    });
  }

  /** Resolves after `ms` milliseconds. */
  pause(ms: number): Promise<void> {
    let timer: Timer | undefined;
    const elapsed = new Promise<void>((resolve) => {
      timer = this.#source.clock.timer(ms, resolve);
    });
    return this.race(elapsed).finally(() => timer?.cancel());
  }

  /**
   * Calls until it succeeds, with growing pauses, as long as the failures are of the passing kind.
   * `call` is told how often it failed before.
   */
  async retry<T>(call: (failures: number) => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures++) {
      this.check();
      try {
        return await this.race(call(failures));
      } catch (error) {
        this.check();
        if (!isTransient(error)) throw toCoordinationError(error);
      }
      await this.pause(backoffMs(this.#source.random, failures));
    }
  }

  [Symbol.dispose](): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  #obey(signal: AbortSignal): void {
    const abort = (): void => {
      const details = { cause: signal.reason };
      this.abort(new CoordinationError('Aborted', 'aborted by the caller', details));
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    this.#undo.push(() => signal.removeEventListener('abort', abort));
  }
}

/** The pause after a number of failures: doubling, bounded, and up to half of it by chance. */
export function backoffMs(random: Random, failures: number): number {
  const fullMs = Math.min(TIMING.retryMaxMs, TIMING.retryMs * 2 ** Math.min(failures, 16));
  return fullMs / 2 + random.below(Math.ceil(fullMs / 2) + 1);
}
