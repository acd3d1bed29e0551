/**
 * Time, as the pure rooms may know it. Whoever owns a Clock decides how fast it runs: the host's
 * follows the machine, the simulation's follows its event queue.
 */
export interface Clock {
  /** Milliseconds since an arbitrary origin; never goes back and is not moved by clock changes. */
  monotonic(): number;
  /**
   * Milliseconds since the Unix epoch. May jump both ways: for people and logs, never for
   * deadlines.
   */
  wall(): number;
  /**
   * Calls `fire` once, at least `delayMs` milliseconds of monotonic time from now. A timer does not
   * keep the host process alive. `fire` must not throw.
   */
  timer(delayMs: number, fire: () => void): Timer;
  /**
   * Resolves soon, after timers that are due and whatever else waits in this process had their
   * turn; the host process stays alive until then. A clock without it is asked for a timer.
   */
  nextTurn?(): Promise<void>;
}

/** A pending call of a {@link Clock}. */
export interface Timer {
  /** After this the callback will not run. Cancelling twice, or after it ran, does nothing. */
  cancel(): void;
}
