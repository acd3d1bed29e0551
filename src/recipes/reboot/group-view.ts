import { type KeyValue, toText } from '../../store/index.js';
import { DEFAULT_POLICY, decodePolicy, type RebootPolicy, slotsOf } from './reboot-policy.js';
import {
  cooldownUntil,
  decodeHold,
  decodeSlot,
  type SlotRecord,
  zoneOf,
} from './reboot-records.js';
import type { RebootHold, RebootHolder } from './reboot-status.js';

/**
 * A reboot group at one revision, in the form in which it is judged. It draws the conclusions that
 * the keys leave to the reader: a slot whose time is up is stuck, or, when its node was only being
 * watched, over.
 */
export interface GroupView {
  readonly group: string;
  readonly revision: number;
  /** Undefined when the key says nothing clear. */
  readonly policy: RebootPolicy | undefined;
  readonly policyMod: number;
  readonly epochMod: number;
  /** Steps that the group has seen. */
  readonly sequence: number;
  /** By create revision. */
  readonly slots: readonly SlotView[];
  readonly cooldowns: readonly Cooldown[];
  readonly holds: readonly RebootHold[];
  readonly nodeCount: number;
  /** The zones of known nodes: of all, or of those that were read. */
  readonly nodes: ReadonlyMap<string, string>;
  /** Those who stand in line, by create revision. */
  readonly line: readonly LineEntry[];
  /** Those who poll, by create revision. */
  readonly polls: readonly LineEntry[];
}

export interface SlotView {
  readonly node: string;
  readonly record: SlotRecord;
  readonly createRevision: number;
  readonly modRevision: number;
  /** The clock of the phase, while it runs. */
  readonly due: { readonly modRevision: number; readonly lease: bigint } | undefined;
  /** How it stands: in its phase, stuck, or soaked, which means that it holds nothing any more. */
  readonly state: 'active' | 'stuck' | 'soaked';
}

export interface LineEntry {
  readonly node: string;
  readonly zone: string;
  readonly kv: KeyValue;
}

export interface Cooldown {
  readonly node: string;
  readonly untilMs: number | undefined;
}

/** The pairs of a group, each by the name that comes after its part's prefix. */
export interface GroupParts {
  readonly group: string;
  readonly revision: number;
  readonly policy: KeyValue | undefined;
  readonly epoch: KeyValue | undefined;
  readonly slots: Named;
  readonly dues: Named;
  readonly cooldowns: Named;
  readonly holds: Named;
  readonly nodes: Named;
  readonly nodeCount: number;
  readonly wants: Named;
  readonly polls: Named;
}

export type Named = readonly (readonly [name: string, kv: KeyValue])[];

export function viewOf(parts: GroupParts): GroupView {
  const dues = new Map(parts.dues);
  const slots = byCreation(parts.slots).map(([node, kv]) => slotOf(node, kv, dues.get(node)));
  const watched = new Set(slots.filter(isSoaking).map(({ node }) => node));
  return {
    group: parts.group,
    revision: parts.revision,
    policy: parts.policy === undefined ? DEFAULT_POLICY : decodePolicy(toText(parts.policy.value)),
    policyMod: parts.policy?.modRevision ?? 0,
    epochMod: parts.epoch?.modRevision ?? 0,
    sequence: parts.epoch?.version ?? 0,
    slots,
    cooldowns: parts.cooldowns
      .filter(([node]) => !watched.has(node))
      .map(([node, kv]) => ({ node, untilMs: cooldownUntil(kv) })),
    holds: byCreation(parts.holds).map(([id, kv]) => decodeHold(id, kv)),
    nodeCount: parts.nodeCount,
    nodes: new Map(parts.nodes.map(([node, kv]) => [node, zoneOf(kv)])),
    line: byCreation(parts.wants).map(lineEntry),
    polls: byCreation(parts.polls).map(lineEntry),
  };
}

/** The slot of a node, unless it is over. */
export function slotIn(view: GroupView, node: string): SlotView | undefined {
  return view.slots.find((slot) => slot.node === node && slot.state !== 'soaked');
}

/**
 * As `slotIn`, as long as it is of the same grant as the first time: a slot that was taken while a
 * call was tried again has nothing to do with that call.
 */
export function sameSlot(node: string): (view: GroupView) => SlotView | undefined {
  let first: SlotView | null | undefined;
  return (view) => {
    const slot = slotIn(view, node);
    if (first === undefined) first = slot ?? null;
    // One that is taken anew while it is being watched does not come into being anew.
    const isSame =
      slot?.createRevision === first?.createRevision &&
      slot?.record.sinceMs === first?.record.sinceMs;
    return isSame ? slot : undefined;
  };
}

/** Slots that may be taken at once; none under a policy that says nothing clear. */
export function maxIn({ policy, nodeCount }: GroupView, newNodes = 0): number {
  return policy === undefined ? 0 : slotsOf(policy.max, nodeCount + newNodes);
}

/** Slots that count against the limit. */
export function takenIn(view: GroupView): readonly SlotView[] {
  return view.slots.filter(({ state }) => state === 'active');
}

/** Slots that count against the failure budget. */
export function stuckIn(view: GroupView): readonly SlotView[] {
  return view.slots.filter(({ state }) => state === 'stuck');
}

/** A slot as others see it. */
export function holderOf({ node, record, createRevision, state }: SlotView): RebootHolder {
  const { sinceMs, by, reason, bootId, zone, phaseSinceMs, forced } = record;
  const phase = state === 'stuck' ? 'stuck' : record.phase;
  const revision = createRevision;
  return { node, revision, phase, phaseSinceMs, sinceMs, by, reason, bootId, zone, forced };
}

function slotOf(node: string, kv: KeyValue, due: KeyValue | undefined): SlotView {
  const record = decodeSlot(kv);
  const { createRevision, modRevision } = kv;
  const isUp = record.dueSeconds > 0 && due === undefined;
  const isStuck = record.phase === 'stuck' || (isUp && record.phase !== 'soaking');
  return {
    node,
    record,
    createRevision,
    modRevision,
    due: due === undefined ? undefined : { modRevision: due.modRevision, lease: due.lease },
    state: isStuck ? 'stuck' : isUp ? 'soaked' : 'active',
  };
}

function isSoaking({ record, state }: SlotView): boolean {
  return record.phase === 'soaking' && state === 'active';
}

function byCreation(pairs: Named): Named {
  return pairs.toSorted(([, a], [, b]) => a.createRevision - b.createRevision);
}

function lineEntry([node, kv]: Named[number]): LineEntry {
  // The zone is only there when values were read; they are where zones matter.
  return { node, zone: kv.value.length === 0 ? '' : zoneOf(kv), kv };
}
