import type { PrefixSnapshot } from '../base/prefix-snapshot.js';
import { viewOfSnapshot } from './group-reader.js';
import { type GroupView, holderOf, type LineEntry, maxIn, stuckIn, takenIn } from './group-view.js';
import { decodeNote } from './reboot-records.js';
import type { RebootStatus, RebootWaiter } from './reboot-status.js';

/** What a group shows of itself, from all its keys at one revision. */
export function statusOf(group: string, snapshot: PrefixSnapshot): RebootStatus {
  return statusOfView(viewOfSnapshot(group, snapshot));
}

export function statusOfView(view: GroupView): RebootStatus {
  const { group, revision, policy, holds, nodes } = view;
  const max = maxIn(view);
  const taken = takenIn(view).length;
  const stuck = stuckIn(view).length;
  return {
    group,
    revision,
    policy,
    max,
    holders: view.slots.filter(({ state }) => state !== 'soaked').map(holderOf),
    taken,
    stuck,
    queue: queueOf(view),
    holds,
    cooling: view.cooldowns.map(({ node }) => node),
    nodes: [...nodes].map(([node, zone]) => ({ node, zone })),
    draining: taken > max,
    exhausted: policy !== undefined && stuck > policy.failureBudget,
  };
}

function queueOf({ line, polls }: GroupView): readonly RebootWaiter[] {
  const waiting = new Set(line.map(({ node }) => node));
  const waiter = (entry: LineEntry, isPoll: boolean): Omit<RebootWaiter, 'position'> => ({
    node: entry.node,
    polls: isPoll,
    ...decodeNote(entry.kv),
  });
  return [
    ...line.map((entry) => waiter(entry, false)),
    ...polls.filter(({ node }) => !waiting.has(node)).map((entry) => waiter(entry, true)),
  ].map((entry, position) => ({ ...entry, position }));
}
