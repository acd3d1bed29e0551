import type { WaitPlan } from '../base/wait-plan.js';
import type { RebootPolicy } from './reboot-policy.js';
import type { RebootRule } from './reboot-rule.js';

/**
 * What others can know of a reboot group: who has slots, who waits, what holds them back. These are
 * words alone; how they follow from the keys is told in `status-of.ts`.
 */

/**
 * How far a slot is.
 *
 * - `granted`: the node may reboot.
 * - `rebooting`: it said that it goes.
 * - `soaking`: it is back, and watched for a while before the slot is free.
 * - `stuck`: it did not reboot, or did not come back, in time. The slot is not free, but counts
 *   against the failure budget and no longer against the limit.
 */
export type RebootPhase = 'granted' | 'rebooting' | 'soaking' | 'stuck';

/** What a node says of itself when it asks for a slot. */
export interface RebootNote {
  /** Wall-clock milliseconds of whoever asked. */
  readonly sinceMs: number | undefined;
  /** Who asked, such as the identity of an agent or of an administrator. */
  readonly by: string;
  readonly reason: string;
  /** The boot id that the node had when it asked; empty when it did not say. */
  readonly bootId: string;
  /** The zone of the node; empty when nobody said. */
  readonly zone: string;
}

/** A node that has a slot. */
export interface RebootHolder extends RebootNote {
  readonly node: string;
  /** The revision of the grant. */
  readonly revision: number;
  readonly phase: RebootPhase;
  /** Wall-clock milliseconds, of whoever wrote it, at which the phase began. */
  readonly phaseSinceMs: number | undefined;
  /** Whether it was given by force, past limit, windows and holds. */
  readonly forced: boolean;
}

/** A node that waits for a slot. */
export interface RebootWaiter extends RebootNote {
  readonly node: string;
  /** 0 for the next one. */
  readonly position: number;
  /** It asks now and then, as FleetLock clients do, and does not stand in line meanwhile. */
  readonly polls: boolean;
}

/** Something that keeps a group, or one node, from getting slots. */
export interface RebootHold {
  readonly id: string;
  readonly scope: 'group' | 'node';
  /** With the scope `node`. */
  readonly node: string;
  readonly by: string;
  readonly reason: string;
  readonly sinceMs: number | undefined;
  /** About when it ends by itself, in wall-clock milliseconds; undefined: it does not. */
  readonly untilMs: number | undefined;
}

/** A node of the group: one that has asked for a slot before, and was not forgotten since. */
export interface RebootNode {
  readonly node: string;
  readonly zone: string;
}

/** A group at one revision. */
export interface RebootStatus {
  readonly group: string;
  readonly revision: number;
  /**
   * What the group allows; undefined when the key says nothing clear, and then it allows nothing.
   */
  readonly policy: RebootPolicy | undefined;
  /** Slots that may be taken at once. */
  readonly max: number;
  /** Everybody who has a slot, stuck ones too, in the order of the grants. */
  readonly holders: readonly RebootHolder[];
  /** Holders that count against `max`: all but the stuck ones. */
  readonly taken: number;
  /** Holders that are stuck, which count against the failure budget. */
  readonly stuck: number;
  /** In the order of asking; those who stand in line come before those who poll. */
  readonly queue: readonly RebootWaiter[];
  readonly holds: readonly RebootHold[];
  /** Nodes whose slots ended so recently that nothing is given away. */
  readonly cooling: readonly string[];
  /** The nodes that a percentage refers to, by name. */
  readonly nodes: readonly RebootNode[];
  /** More slots are taken than there may be, because `max` was lowered; none is taken away. */
  readonly draining: boolean;
  /** More nodes are stuck than the policy puts up with: nothing is given away. */
  readonly exhausted: boolean;
}

/** Why a node may not reboot, or that it may; see `RebootRule` for what can stand in the way. */
export interface RebootPlan extends WaitPlan<RebootRule> {
  readonly group: string;
  readonly node: string;
  /** The node's slot, when it has one. */
  readonly holder: RebootHolder | undefined;
  /** When the next window opens, in wall-clock milliseconds; undefined while one is open. */
  readonly nextWindowMs: number | undefined;
}

/** What was done, in the audit trail. */
export type RebootLogKind =
  | 'granted'
  | 'forced'
  | 'rebooting'
  | 'soaking'
  | 'released'
  | 'stuck'
  | 'held'
  | 'unheld'
  | 'policy'
  | 'paused'
  | 'resumed'
  | 'forgotten';

/** One entry of the audit trail. */
export interface RebootLogEntry {
  /** Counts up by one with each entry of the group. */
  readonly sequence: number;
  /** The revision at which it happened. */
  readonly revision: number;
  readonly kind: RebootLogKind | 'unknown';
  /** The node concerned; empty when it was the group. */
  readonly node: string;
  readonly by: string;
  readonly reason: string;
  /** Wall-clock milliseconds of whoever did it. */
  readonly atMs: number | undefined;
}

/** What became of asking for a slot without waiting. */
export type RebootTry =
  | { readonly ok: true; readonly holder: RebootHolder }
  | {
      readonly ok: false;
      readonly revision: number;
      readonly rule: RebootRule;
      /** One sentence for people: what stands in the way, and who. */
      readonly reason: string;
      /** How many are served before. */
      readonly position: number;
      /** Wall-clock milliseconds before which asking again is pointless, if that is known. */
      readonly retryAtMs?: number;
      /** When the next window opens, if none is open. */
      readonly nextWindowMs?: number;
    };

/** What became of the report that a node is back. */
export interface RebootSteady {
  /**
   * - `released`: the slot is free again.
   * - `soaking`: the node keeps it for the soak time, which then ends by itself.
   * - `not-held`: it had none.
   * - `not-rebooted`: it has the boot id that it had at the grant; the slot stays.
   */
  readonly state: 'released' | 'soaking' | 'not-held' | 'not-rebooted';
  /** The slot, with `soaking` and `not-rebooted`. */
  readonly holder: RebootHolder | undefined;
}
