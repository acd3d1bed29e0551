import type { WaitOptions } from '../base/cancel-scope.js';

/**
 * What callers of a reboot group say, apart from how long they wait.
 */

/** Who does something to a group, and why, for the audit trail. */
export interface RebootActor {
  /** Who asks, for people; default: the identity of the coordination object. */
  readonly by?: string;
  /** Why, for people. */
  readonly reason?: string;
}

/** A node's wish to reboot. */
export interface RebootAcquireOptions extends WaitOptions, RebootActor {
  readonly node: string;
  /** Where the node is; default: what was said last time. */
  readonly zone?: string;
  /**
   * The boot id of the node now, kept with the slot so that a reboot can be told from a restart.
   */
  readonly bootId?: string;
}

/** A wish of somebody who does not wait. */
export interface RebootTryOptions extends RebootAcquireOptions {
  /**
   * Seconds for which a refused wish stays visible in line; whoever polls more often than that
   * keeps its place among those who poll. Absent: no trace is left.
   */
  readonly pollTtlSeconds?: number;
}

/** A step of one node that has a slot, or of an administrator on its behalf. */
export interface RebootNodeOptions extends WaitOptions, RebootActor {
  readonly node: string;
}

/** The report of a node that it is back and healthy. */
export interface RebootSteadyOptions extends RebootNodeOptions {
  /** The boot id of the node now; absent: it is believed to have rebooted. */
  readonly bootId?: string;
}

/** The report of a node that it goes down now. */
export interface RebootingOptions extends RebootNodeOptions {
  /** Its boot id; default: the one given at the grant. */
  readonly bootId?: string;
}

/** Whose slot is given back without a reboot. */
export interface RebootReleaseOptions extends RebootNodeOptions {
  /** Releases only if the slot is the one that was granted at this revision. */
  readonly revision?: number;
}

/** A slot for a node that is to have one whatever the rules say. */
export interface RebootForceOptions extends RebootNodeOptions {
  readonly zone?: string;
  readonly bootId?: string;
}

/** What keeps a group, or one node if one is named, from getting slots. */
export interface RebootHoldOptions extends WaitOptions, RebootActor {
  /** Absent: the whole group. */
  readonly node?: string;
  /** Seconds after which it ends by itself, by the store's clock; absent: never. */
  readonly forSeconds?: number;
  /** Default: one made up. Holding again under an id replaces what was held under it. */
  readonly id?: string;
}

/**
 * Which holds to take away: that of an id, or all of a node, or, with neither, all of the group.
 */
export interface RebootUnholdOptions extends WaitOptions, RebootActor {
  readonly id?: string;
  readonly node?: string;
}

/** Who pauses a group, and for how long. */
export interface RebootPauseOptions extends WaitOptions, RebootActor {
  /** Seconds after which the group goes on by itself, by the clock on the wall; absent: never. */
  readonly forSeconds?: number;
}

/** Who changes a group, and how long that may take. */
export interface RebootChangeOptions extends WaitOptions, RebootActor {}

/** How much of the log is wanted. */
export interface RebootLogOptions extends WaitOptions {
  /** At most this many of the newest entries; default: all that are kept. */
  readonly limit?: number;
}
