import { isoText } from './civil-time.js';
import {
  type GroupView,
  type LineEntry,
  maxIn,
  type SlotView,
  stuckIn,
  takenIn,
} from './group-view.js';
import type { RebootPolicy } from './reboot-policy.js';
import type { RebootRule, RebootVerdict } from './reboot-rule.js';
import { windowState } from './reboot-window.js';

/** Who asks for a slot. */
export interface Asker {
  readonly node: string;
  readonly zone: string;
}

/** A window that closes within this time is closed: what is granted now may arrive that late. */
export const WINDOW_CLOSING_MS = 7000;

type Refusal = Extract<RebootVerdict, { kind: 'refuse' }>;

/**
 * Whether a node may have a slot, as a group stands at one revision and a clock on the wall shows
 * `nowMs`. It is the one place that knows the rules; it reads nothing and changes nothing. That its
 * answer is still right when a slot is taken is the business of the transaction that takes it,
 * which compares everything that is looked at here.
 */
export function judge(view: GroupView, asker: Asker, nowMs: number): RebootVerdict {
  const { policy } = view;
  if (policy === undefined) {
    return refuse('group_paused', `the policy of group "${view.group}" cannot be read`);
  }
  return (
    judgePause(view.group, policy, nowMs) ??
    judgeHolds(view, asker) ??
    judgeWindow(policy, nowMs) ??
    judgeBudget(view, policy) ??
    judgeCooldown(view) ??
    judgeZone(othersOf(takers(view), asker), policy, asker) ??
    judgeLimit(view, asker) ??
    judgeLine(view, policy, asker) ?? { kind: 'grant' }
  );
}

/**
 * Whom a node in line waits for: the nearest before it that nothing but the common rules keeps from
 * going first. Without one it is a head of the line, and has to watch the rules itself; where zones
 * matter, every zone has a head, for one zone can be blocked while another is not.
 */
export function aheadOf(view: GroupView, asker: Asker): LineEntry | undefined {
  const before = earlierThan(view, asker.node);
  const isPeer = (entry: LineEntry): boolean =>
    (view.policy?.order ?? null) === null || entry.zone === asker.zone;
  return before.findLast((entry) => isPeer(entry) && !isHeld(view, entry.node));
}

/** How many in line are served before a node, whether it stands in it or not. */
export function positionOf(view: GroupView, asker: Asker): number {
  return earlierThan(view, asker.node).filter((entry) => !isHeld(view, entry.node)).length;
}

function judgePause(group: string, { paused }: RebootPolicy, nowMs: number): Refusal | undefined {
  if (paused === null) return undefined;
  const { by, reason, untilMs } = paused;
  if (untilMs !== null && untilMs <= nowMs) return undefined;
  const until = untilMs === null ? '' : ` until ${isoText(untilMs)}`;
  const text = `group "${group}" is paused${until}${whoAndWhy(by, reason)}`;
  return refuse('group_paused', text, untilMs ?? undefined);
}

function judgeHolds(view: GroupView, { node }: Asker): Refusal | undefined {
  for (const { scope, node: held, by, reason, untilMs } of view.holds) {
    if (scope === 'node' && held !== node) continue;
    const what = scope === 'group' ? `group "${view.group}"` : node;
    const until = untilMs === undefined ? '' : ` until ${isoText(untilMs)}`;
    const text = `${what} is held back${until}${whoAndWhy(by, reason)}`;
    return refuse(scope === 'group' ? 'group_held' : 'node_held', text, untilMs);
  }
  return undefined;
}

function judgeWindow({ windows }: RebootPolicy, nowMs: number): Refusal | undefined {
  const now = windowState(windows, nowMs);
  if (!now.isOpen) {
    const { opensMs } = now;
    return refuse('outside_window', `the next window opens at ${isoText(opensMs)}`, opensMs);
  }
  const { closesMs } = now;
  if (closesMs === undefined || closesMs - nowMs >= WINDOW_CLOSING_MS) return undefined;
  return closingWindow({ windows }, closesMs);
}

/** The refusal for a window that ends at `closesMs`, which is too soon to grant anything. */
export function closingWindow(
  { windows }: Pick<RebootPolicy, 'windows'>,
  closesMs: number,
): Refusal {
  const after = windowState(windows, closesMs);
  const opensMs = after.isOpen ? closesMs : after.opensMs;
  const text = `the window closes now; the next one opens at ${isoText(opensMs)}`;
  return refuse('outside_window', text, opensMs);
}

function judgeBudget(view: GroupView, { failureBudget }: RebootPolicy): Refusal | undefined {
  const stuck = stuckIn(view);
  if (stuck.length <= failureBudget) return undefined;
  const who = stuck.map(({ node }) => node).join(', ');
  const many = stuck.length === 1 ? '1 node is' : `${stuck.length} nodes are`;
  return refuse('failure_budget_exhausted', `${many} stuck (${who}), and ${failureBudget} may be`);
}

function judgeCooldown({ cooldowns }: GroupView): Refusal | undefined {
  const [first] = cooldowns;
  if (first === undefined) return undefined;
  const knownMs = cooldowns.map(({ untilMs }) => untilMs ?? 0);
  const untilMs = Math.max(...knownMs);
  const until = untilMs === 0 ? '' : `, until about ${isoText(untilMs)}`;
  const retryAtMs = untilMs === 0 ? undefined : untilMs;
  return refuse('cooldown', `the slot of ${first.node} ended a short while ago${until}`, retryAtMs);
}

function judgeZone(
  busy: readonly SlotView[],
  { order }: RebootPolicy,
  { zone }: Asker,
): Refusal | undefined {
  if (order === null) return undefined;
  const other = busy.find(
    (slot) => (slot.record.zone === zone) === (order.rule === 'one-per-zone'),
  );
  if (other === undefined) return undefined;
  const where = other.record.zone === '' ? 'no known zone' : `zone "${other.record.zone}"`;
  return refuse('zone_busy', `${other.node} of ${where} has a slot${since(other)}`);
}

function judgeLimit(view: GroupView, asker: Asker): Refusal | undefined {
  const taken = othersOf(takenIn(view), asker);
  const max = maxIn(view, view.nodes.has(asker.node) ? 0 : 1);
  if (taken.length < max) return undefined;
  if (max === 0) return refuse('semaphore_full', `group "${view.group}" has no slots`);
  const who = taken.map((slot) => slot.node + since(slot)).join(', ');
  const slots = max === 1 ? 'slot is' : 'slots are';
  return refuse('semaphore_full', `${taken.length} of ${max} ${slots} taken, by ${who}`);
}

function judgeLine(view: GroupView, policy: RebootPolicy, asker: Asker): Refusal | undefined {
  const first = earlierThan(view, asker.node).filter((entry) => {
    if (isHeld(view, entry.node)) return false;
    if (policy.order === null || entry.zone === asker.zone) return true;
    return judgeZone(takers(view), policy, entry) === undefined;
  });
  const [head] = first;
  if (head === undefined) return undefined;
  const others = first.length === 1 ? '' : ` and ${first.length - 1} more`;
  return refuse('behind', `${head.node}${others} came first`);
}

/** Slots that keep a zone busy: a stuck node is away as well. */
function takers(view: GroupView): readonly SlotView[] {
  return [...takenIn(view), ...stuckIn(view)];
}

function earlierThan({ line }: GroupView, node: string): readonly LineEntry[] {
  const place = line.findIndex((entry) => entry.node === node);
  return place < 0 ? line : line.slice(0, place);
}

function othersOf(slots: readonly SlotView[], { node }: Asker): readonly SlotView[] {
  return slots.filter((slot) => slot.node !== node);
}

function isHeld({ holds }: GroupView, node: string): boolean {
  return holds.some((hold) => hold.scope === 'node' && hold.node === node);
}

function since({ record }: SlotView): string {
  return record.sinceMs === undefined ? '' : ` since ${isoText(record.sinceMs)}`;
}

function whoAndWhy(by: string, reason: string): string {
  return `${by === '' ? '' : ` by ${by}`}${reason === '' ? '' : `: ${reason}`}`;
}

function refuse(rule: RebootRule, reason: string, retryAtMs?: number): Refusal {
  return { kind: 'refuse', rule, reason, ...(retryAtMs === undefined ? {} : { retryAtMs }) };
}
