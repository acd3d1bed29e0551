import type { WaitOptions } from '../base/cancel-scope.js';
import type { ConfigCacheOptions } from './config-cache.js';
import type { JudgeOptions } from './config-judge.js';
import type { QuietOptions } from './quiet-gate.js';

/** How a configuration is read, wherever it comes from. */
export interface LiveConfigOptions<T> extends JudgeOptions<T>, QuietOptions {
  /**
   * The value until the store has a valid one; also while the prefix is empty and never was not.
   */
  readonly default?: T;
  /** Where the last good configuration is kept, for a start while the store is away. */
  readonly cache?: ConfigCacheOptions;
}

/** How to wait for a configuration. */
export interface ReadyOptions extends WaitOptions {
  /**
   * With a cache: after this many milliseconds without an answer of the store, what was cached will
   * do; default 2000.
   */
  readonly cachedAfterMs?: number;
}
