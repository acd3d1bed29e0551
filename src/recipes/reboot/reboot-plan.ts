import { Observable, switchMap } from 'rxjs';
import type { Clock, Timer } from '../../ports/clock.js';
import type { Participant } from '../base/wait-plan.js';
import { type GroupView, holderOf, type LineEntry, slotIn } from './group-view.js';
import { aheadOf, type Asker, judge, positionOf } from './judge.js';
import type { RebootKeys } from './reboot-keys.js';
import { decodeNote } from './reboot-records.js';
import type { RebootVerdict } from './reboot-rule.js';
import type { RebootHolder, RebootNote, RebootPlan } from './reboot-status.js';
import { windowState } from './reboot-window.js';

/** Longest pause before a plan is looked at again, for clocks on walls can be set. */
const LOOK_MAX_MS = 60_000;

/** Why a node may not reboot at `nowMs`, or that it may. */
export function planOf(keys: RebootKeys, view: GroupView, node: string, nowMs: number): RebootPlan {
  const asker: Asker = { node, zone: view.nodes.get(node) ?? zoneInLine(view, node) };
  const slot = slotIn(view, node);
  const now = windowState(view.policy?.windows ?? [], nowMs);
  const common = {
    group: view.group,
    node,
    revision: view.revision,
    nextWindowMs: now.isOpen ? undefined : now.opensMs,
  };
  if (slot !== undefined) {
    const holder = holderOf(slot);
    const reason = `${node} has a slot and is ${holder.phase}`;
    const held = { state: 'held', position: 0, rule: undefined, blockers: [], reason } as const;
    return { ...common, ...held, holder };
  }
  const verdict = judge(view, asker, nowMs);
  const ahead = positionOf(view, asker);
  const inLine = view.line.some((entry) => entry.node === node);
  if (verdict.kind === 'grant' && !inLine) {
    const reason = `${node} may have a slot now`;
    const free = { state: 'free', position: ahead, rule: undefined, blockers: [], reason } as const;
    return { ...common, ...free, holder: undefined };
  }
  return {
    ...common,
    state: 'waiting',
    position: ahead,
    rule: verdict.kind === 'refuse' ? verdict.rule : undefined,
    blockers: blockersOf(keys, view, asker, verdict),
    reason: sentence(verdict, ahead),
    holder: undefined,
  };
}

/** Plans as the group and the time of day change. */
export function followPlan(
  keys: RebootKeys,
  views: Observable<GroupView>,
  node: string,
  clock: Clock,
): Observable<RebootPlan> {
  return views.pipe(
    switchMap(
      (view) =>
        new Observable<RebootPlan>((subscriber) => {
          let timer: Timer | undefined;
          let shown = '';
          const show = (): void => {
            const plan = planOf(keys, view, node, clock.wall());
            const text = `${plan.state} ${plan.rule} ${plan.reason}`;
            if (text !== shown) subscriber.next(plan);
            shown = text;
            timer = clock.timer(LOOK_MAX_MS, show);
            const { policy } = view;
            const nextMs =
              policy === undefined ? undefined : nextTurnMs(plan, policy, clock.wall());
            if (nextMs === undefined) return;
            timer.cancel();
            timer = clock.timer(Math.min(LOOK_MAX_MS, nextMs), show);
          };
          show();
          return () => timer?.cancel();
        }),
    ),
  );
}

/** Milliseconds until time alone may change a plan. */
function nextTurnMs(
  { nextWindowMs }: RebootPlan,
  { windows, paused }: NonNullable<GroupView['policy']>,
  nowMs: number,
): number | undefined {
  const now = windowState(windows, nowMs);
  const turns = [nextWindowMs, paused?.untilMs ?? undefined, now.isOpen ? now.closesMs : undefined];
  const ahead = turns.filter((turn) => turn !== undefined).filter((turn) => turn > nowMs);
  return ahead.length === 0 ? undefined : Math.min(...ahead) - nowMs + 1;
}

function sentence(verdict: RebootVerdict, ahead: number): string {
  const others = ahead === 0 ? '' : `${ahead} ahead in line`;
  if (verdict.kind === 'grant') return others === '' ? 'it is about to have a slot' : others;
  if (verdict.rule === 'behind' || others === '') return verdict.reason;
  return `${verdict.reason}; ${others}`;
}

function blockersOf(
  keys: RebootKeys,
  view: GroupView,
  asker: Asker,
  verdict: RebootVerdict,
): readonly Participant[] {
  if (verdict.kind === 'grant') return [];
  switch (verdict.rule) {
    case 'semaphore_full':
    case 'zone_busy':
      return view.slots
        .filter(({ state }) => state === 'active')
        .map((slot) => fromHolder(keys, holderOf(slot)));
    case 'failure_budget_exhausted':
      return view.slots
        .filter(({ state }) => state === 'stuck')
        .map((slot) => fromHolder(keys, holderOf(slot)));
    case 'behind': {
      const [first] = view.line;
      const ahead = aheadOf(view, asker) ?? first;
      return ahead === undefined ? [] : [fromLine(keys, ahead)];
    }
    case 'group_held':
    case 'node_held':
      return view.holds.map(({ id, by, sinceMs, reason }) => ({
        key: keys.holds + id,
        identity: by,
        sinceMs,
        metadata: { reason },
      }));
    case 'group_paused':
    case 'outside_window':
    case 'cooldown':
      return [];
  }
}

function fromHolder(keys: RebootKeys, holder: RebootHolder): Participant {
  const { phase } = holder;
  const metadata = { ...metadataOf(holder), phase };
  return {
    key: keys.slots + holder.node,
    identity: holder.node,
    sinceMs: holder.sinceMs,
    metadata,
  };
}

function fromLine(keys: RebootKeys, entry: LineEntry): Participant {
  const note = decodeNote(entry.kv);
  const { sinceMs } = note;
  const metadata = metadataOf(note);
  return { key: keys.wants + entry.node, identity: entry.node, sinceMs, metadata };
}

function metadataOf({ by, reason, zone }: RebootNote): Participant['metadata'] {
  return { by, reason, zone };
}

function zoneInLine({ line }: GroupView, node: string): string {
  return line.find((entry) => entry.node === node)?.zone ?? '';
}
