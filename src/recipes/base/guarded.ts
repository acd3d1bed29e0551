import type { Compare } from '../../store/index.js';

/**
 * Something whose being true can be made the condition of a transaction: a lock that is held, a
 * leadership, a slot, a configuration at its revision. Guards of several recipes go into one
 * transaction together, which then happens only while all of them hold.
 */
export interface Guarded {
  /** The conditions; a transaction takes at most 128 of them in all. */
  guard(): Compare | readonly Compare[];
}
