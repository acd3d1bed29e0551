import type { ConfigState } from './config-source.js';

/** A value in force, and where it comes from. */
export interface Accepted<T> {
  readonly value: T;
  /** 0 for the default. */
  readonly revision: number;
  readonly origin: 'default' | 'cache' | 'store';
  /** What it was made of; undefined for the default. */
  readonly state: ConfigState | undefined;
  /** Of the cache: when it was last known to be true, wall clock. */
  readonly savedMs?: number;
}
