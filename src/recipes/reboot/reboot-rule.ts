/**
 * What can stand between a node and a slot, in words that programs can tell apart; the same words
 * go over the wire to FleetLock clients.
 *
 * - `group_paused`: the policy says that nothing is given away.
 * - `group_held`, `node_held`: somebody holds the group, or this node, back.
 * - `outside_window`: none of the policy's windows is open, or not for long enough.
 * - `failure_budget_exhausted`: more nodes are stuck than the policy puts up with.
 * - `cooldown`: the last slot ended a short while ago.
 * - `zone_busy`: the zones of those who have slots do not go with the node's.
 * - `semaphore_full`: all slots are taken.
 * - `behind`: others were first.
 */
export type RebootRule =
  | 'group_paused'
  | 'group_held'
  | 'node_held'
  | 'outside_window'
  | 'failure_budget_exhausted'
  | 'cooldown'
  | 'zone_busy'
  | 'semaphore_full'
  | 'behind';

/** Whether a node may have a slot at a moment, and if not, what stands in the way. */
export type RebootVerdict =
  | { readonly kind: 'grant' }
  | {
      readonly kind: 'refuse';
      readonly rule: RebootRule;
      /** One sentence for people. */
      readonly reason: string;
      /** Wall-clock milliseconds before which asking again is pointless, if that is known. */
      readonly retryAtMs?: number;
    };
