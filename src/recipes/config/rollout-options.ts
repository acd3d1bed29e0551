import type { Observable } from 'rxjs';
import type { WaitOptions } from '../base/cancel-scope.js';
import type { Accepted } from './config-accepted.js';
import type { ConfigHandler } from './config-consumer.js';
import type { ConfigRejection } from './config-status.js';

/** What lets a number of instances go at a time: a semaphore, or a lock for one. */
export interface RolloutGate {
  acquire(options: WaitOptions): Promise<RolloutPermit>;
}

/** Leave to apply, for as long as its signal says so. */
export interface RolloutPermit {
  /** Aborted when the permit is lost. */
  readonly signal: AbortSignal;
  release(): Promise<void>;
}

/** How an instance applies what is rolled out. */
export interface RolloutOptions<T> {
  /** The name of this instance, one of its own; default: the identity of the coordination. */
  readonly instance?: string;
  /** Puts a value into effect; what it throws is a failure of the rollout. */
  readonly apply: ConfigHandler<T>;
  /** Whether the instance is well with the value; asked again and again. Default: always. */
  readonly healthy?: (value: T, signal: AbortSignal) => boolean | Promise<boolean>;
  /** How long it must be well in one stretch before the next may go, in ms; default 0. */
  readonly soakMs?: number;
  /** How long it may take, beyond `soakMs`, to become so, in milliseconds; default 60000. */
  readonly healthTimeoutMs?: number;
  /** How often `healthy` is asked, in milliseconds; default 1000. */
  readonly healthPollMs?: number;
  /**
   * How many instances may fail with a value before all others leave it alone; default 0. Those
   * that refuse it count, and those that die of it.
   */
  readonly failureBudget?: number;
  /** Whether an instance that failed applies the value again that it had; default true. */
  readonly revert?: boolean;
  /** Whether the first value of a process waits for its turn; default `gated`. */
  readonly first?: 'gated' | 'at-once';
}

/** The configuration that is rolled out. */
export interface RolloutSource<T> {
  readonly prefix: string;
  readonly confirmed$: Observable<Accepted<T> | undefined>;
  readonly rejected$: Observable<ConfigRejection>;
  readonly rejection: ConfigRejection | undefined;
}
