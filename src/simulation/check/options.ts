/** A stretch of time, in the milliseconds of the history. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * What the checkers cannot know from the history: the bounds that were promised for this run. A
 * promise without its bound is not checked.
 */
export interface CheckOptions {
  /** How much faster than true time a member's clock may run, as a fraction; default 0. */
  readonly clockDriftMax?: number;
  /** Time after the end of its TTL in which a lease must be gone; absent: `E2` is not checked. */
  readonly leaseSlackMs?: number;
  /**
   * How often what is left of a lease is noted for the next leader. A change of leader gives a
   * lease that is longer than this no more than so much again; absent: its whole TTL.
   */
  readonly leaseCheckpointMs?: number;
  /**
   * When leases need not end in time: there was no leader, no quorum, or the leader changed (a
   * moment). Afterwards each has its whole TTL again. Changes of term seen in headers are added.
   */
  readonly disturbances?: readonly Span[];
  /**
   * From `healedMs` on every open watch must hear of a revision within `boundMs` of its being
   * known; absent: `W8` is not checked.
   */
  readonly tail?: { readonly healedMs: number; readonly boundMs: number };
  /** Steps that one search may take before it gives up; default a million. */
  readonly searchStepsMax?: number;
  /** Violations of one property that are reported; default 20. */
  readonly violationsMax?: number;
}
