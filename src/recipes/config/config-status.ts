import type { RawConfig } from './config-decode.js';
import type { StandardIssue } from './standard-schema.js';

/** What is known of the prefix: nothing yet; no key and never one; keys; no key any more. */
export type ConfigContent = 'unknown' | 'empty' | 'present' | 'deleted';

/**
 * Where the value comes from, and how fresh it is.
 *
 * - `starting`: no value yet.
 * - `default`: the default, because nothing valid was read so far.
 * - `cached`: what was in force when this or an earlier process last heard of the store, at
 *   `savedMs` (wall clock); the store has not given anything valid since.
 * - `live`: the last valid value, and the store is being followed.
 * - `stale`: the last valid value, or none, and since `sinceMs` (wall clock) the store is out of
 *   reach.
 */
export type ConfigStatus = { readonly content: ConfigContent } & (
  | { readonly kind: 'starting' | 'default' | 'live' }
  | { readonly kind: 'cached'; readonly savedMs: number }
  | { readonly kind: 'stale'; readonly sinceMs: number; readonly reason: string }
);

/** An update that was refused as a whole; the value stayed as it was. */
export interface ConfigRejection {
  readonly revision: number;
  /** Names the keys that were refused; see `Config.stateId`. */
  readonly stateId: string;
  readonly issues: readonly StandardIssue[];
  /** The keys and values that were refused. */
  readonly raw: RawConfig;
}
