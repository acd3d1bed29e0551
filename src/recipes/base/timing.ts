/**
 * Every time and bound of the recipes, once. Where a TTL is the measure, the number is a fraction
 * of it, so that a session of two seconds and one of an hour behave alike.
 */
export const TIMING = {
  /** TTL of a session when none is asked for, in seconds. */
  sessionTtlSeconds: 15,
  /** Of the TTL: a keep-alive is sent this long after the one that was acknowledged last. */
  keepAliveFraction: 1 / 3,
  /** Keep-alives that may be unanswered at once; with one more the oldest is given up. */
  keepAlivesMax: 6,
  /** Of the TTL: what is taken off the end of a session, for clocks that run at different rates. */
  marginFraction: 1 / 10,
  /**
   * How far the wall clock has to run ahead to count as a jump, for margins that are smaller: it is
   * read a moment after the other one, is slewed and has whole milliseconds.
   */
  clockJumpMinMs: 50,
  /** First pause after a failed call; it doubles with each failure. */
  retryMs: 50,
  /** Longest pause between two tries. */
  retryMaxMs: 2000,
  /** Of the TTL: how often a waiter or holder reads again without having been told to. */
  safetyPollFraction: 1,
  /**
   * How often a write of unknown fate is looked for, first after a TTL and then after twice as long
   * each time: it may be held up on its way for as long as its session lives.
   */
  lateWriteLooks: 6,
  /**
   * For how long something is held before its key is watched. What ends within that time is not
   * watched at all; what is held for longer is, from the revision at which it began.
   */
  holdUnwatchedMs: 100,
  /** For how long whoever is next waits for the answer to a release that the watch told of. */
  handOverMs: 50,
  /** Deletions of own entries in a line that are remembered, for who begins to follow them late. */
  toldDeletionsMax: 256,
  /** Longest time spent on learning why a key is gone. */
  inquiryMs: 2000,
  /** Locks that can be taken together: what shows their state reads three prefixes of each. */
  lockSetNamesMax: 32,
  /** How often a view of a prefix reads again without having been told to. */
  viewPollMs: 30_000,
  /** Pairs that a view reads at a time. */
  viewPagePairs: 500,
} as const;
