import { BehaviorSubject, type Observable, type Subscription } from 'rxjs';
import type { Random } from '../../ports/random.js';
import { CancelScope } from '../base/cancel-scope.js';
import type { RecipeContext } from '../base/context.js';
import { Ending } from '../base/ending.js';
import { CoordinationError } from '../errors.js';
import type { Accepted } from './config-accepted.js';

/** What a handler may know besides the value. */
export interface ApplyContext {
  /** The revision that the value is of; 0 for the default. */
  readonly revision: number;
  /** How often the handler has failed with this value. */
  readonly failures: number;
  /** Aborted when the consumer is closed. */
  readonly signal: AbortSignal;
}

/** Puts a value into effect; what it throws or rejects with means that it is not in effect. */
export type ConfigHandler<T> = (value: T, context: ApplyContext) => Promise<void> | void;

/** How a handler is called again. */
export interface ApplyOptions {
  /** First pause after a failure, in milliseconds; it doubles with each one; default 200. */
  readonly retryMs?: number;
  /** Longest pause, in milliseconds; default 30000. */
  readonly retryMaxMs?: number;
  /**
   * Only what the store has given, and the default only once the store is known to have nothing;
   * default: false, so that a start without the store gets the default or what was cached.
   */
  readonly confirmed?: boolean;
}

/**
 * How far a consumer is.
 *
 * - `waiting`: there is no value yet.
 * - `applying`: the handler is at work on the value of `revision`.
 * - `applied`: the handler is done with it.
 * - `retrying`: it failed with `error`, `failures` times so far, and is called again in `nextMs`
 *   milliseconds, or at the next value.
 * - `closed`: it will not be called any more.
 */
export type ApplyStatus =
  | { readonly kind: 'waiting' | 'closed' }
  | { readonly kind: 'applied'; readonly revision: number }
  | { readonly kind: 'applying'; readonly revision: number; readonly failures: number }
  | {
      readonly kind: 'retrying';
      readonly revision: number;
      readonly failures: number;
      readonly error: unknown;
      readonly nextMs: number;
    };

const RETRY_MS = 200;
const RETRY_MAX_MS = 30_000;

/**
 * A consumer of a configuration with a place of its own: the last value that its handler has dealt
 * with, and not the last one that it was told of. It calls one handler, never twice at a time.
 *
 * @example
 * await using consumer = config.apply((settings) => pool.resize(settings.db.pool));
 * consumer.status$.subscribe((status) => log.info(status));
 */
export class ConfigConsumer<T> implements AsyncDisposable {
  readonly #context: RecipeContext;
  readonly #handler: ConfigHandler<T>;
  readonly #options: ApplyOptions;
  readonly #ended = new Ending();
  readonly #status = new BehaviorSubject<ApplyStatus>({ kind: 'waiting' });
  readonly #subscription: Subscription;
  readonly #unfollow: () => void;
  readonly #running: Promise<void>;
  #newest: Accepted<T> | undefined;
  #handled: Accepted<T> | undefined;
  /** Tells the loop that there is something new. */
  #wake: () => void = () => undefined;

  constructor(
    context: RecipeContext,
    accepted$: Observable<Accepted<T> | undefined>,
    ended: Ending,
    handler: ConfigHandler<T>,
    options: ApplyOptions,
  ) {
    this.#context = context;
    this.#handler = handler;
    this.#options = options;
    this.#subscription = accepted$.subscribe((accepted) => {
      this.#newest = accepted;
      this.#wake();
    });
    this.#unfollow = ended.follow(() => this.#end());
    this.#running = context.track(this.#run()).catch(() => undefined);
  }

  /** The revision of the value that the handler dealt with last; 0 before, and for the default. */
  get revision(): number {
    return this.#handled?.revision ?? 0;
  }

  get status(): ApplyStatus {
    return this.#status.value;
  }

  /** Replays the last status; completes when the consumer is closed. */
  get status$(): Observable<ApplyStatus> {
    return this.#status.asObservable();
  }

  /** Calls the handler no more; resolves when the call that is under way has ended. */
  async close(): Promise<void> {
    this.#end();
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #end(): void {
    this.#ended.end(new CoordinationError('Aborted', 'the consumer was closed'));
    this.#subscription.unsubscribe();
    this.#unfollow?.();
  }

  async #run(): Promise<void> {
    using scope = new CancelScope(this.#context.store, {}, this.#ended);
    try {
      let failures = 0;
      let failed: Accepted<T> | undefined;
      for (;;) {
        const accepted = await this.#unhandled(scope);
        if (accepted.value !== failed?.value) failures = 0;
        const pauseMs = await this.#try(accepted, failures);
        if (pauseMs === undefined) continue;
        failed = accepted;
        failures += 1;
        await this.#pause(scope, accepted, pauseMs);
      }
    } finally {
      this.#status.next({ kind: 'closed' });
      this.#status.complete();
    }
  }

  /** The newest value, once it is another one than the one handled last. */
  async #unhandled(scope: CancelScope): Promise<Accepted<T>> {
    for (;;) {
      scope.check();
      const newest = this.#newest;
      const handled = this.#handled;
      if (newest !== undefined && (handled === undefined || newest.value !== handled.value)) {
        return newest;
      }
      // The same value at another revision, as when the store confirms what was cached.
      if (newest !== undefined && newest.revision !== handled?.revision) this.#done(newest);
      await scope.race(this.#news());
    }
  }

  /** How long to pause after a failure; undefined when there was none. */
  async #try(accepted: Accepted<T>, failures: number): Promise<number | undefined> {
    const { value, revision } = accepted;
    this.#status.next({ kind: 'applying', revision, failures });
    try {
      await this.#handler(value, { revision, failures, signal: this.#ended.signal });
    } catch (error) {
      const nextMs = backoffMs(this.#context.store.random, failures, this.#options);
      this.#status.next({ kind: 'retrying', revision, failures: failures + 1, error, nextMs });
      return nextMs;
    }
    this.#done(accepted);
    return undefined;
  }

  #done(accepted: Accepted<T>): void {
    this.#handled = accepted;
    this.#status.next({ kind: 'applied', revision: accepted.revision });
  }

  /** Until it is time to try again, or until there is another value to try. */
  async #pause(scope: CancelScope, failed: Accepted<T>, ms: number): Promise<void> {
    let isOver = false;
    const timer = this.#context.store.clock.timer(ms, () => {
      isOver = true;
      this.#wake();
    });
    try {
      while (!isOver && this.#newest?.value === failed.value) await scope.race(this.#news());
    } finally {
      timer.cancel();
    }
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** Doubling, bounded, and up to half of it by chance. */
function backoffMs(random: Random, failures: number, options: ApplyOptions): number {
  const { retryMs = RETRY_MS, retryMaxMs = RETRY_MAX_MS } = options;
  const fullMs = Math.min(retryMaxMs, retryMs * 2 ** Math.min(failures, 20));
  return fullMs / 2 + random.below(Math.ceil(fullMs / 2) + 1);
}
