import {
  type RebootHold,
  type RebootHolder,
  type RebootNote,
  type RebootPause,
  type RebootPolicy,
  type RebootStatus,
  windowState,
  windowText,
} from '../recipes/index.js';
import type { JsonRecord, JsonValue } from './json-record.js';
import { isoTime } from './iso-time.js';
import { sinceText } from './since-text.js';

/** A reboot group in JSON. */
export function statusRecord(status: RebootStatus): JsonRecord {
  const { group, revision, max, taken, stuck, draining, exhausted, policy } = status;
  return {
    ...{ group, revision, max, taken, stuck, draining, exhausted },
    policy: policy === undefined ? null : policyRecord(policy),
    holders: status.holders.map(holderRecord),
    queue: status.queue.map((waiter) => ({
      node: waiter.node,
      position: waiter.position,
      polls: waiter.polls,
      ...noteRecord(waiter),
    })),
    holds: status.holds.map(holdRecord),
    cooling: status.cooling,
    nodes: status.nodes.map(({ node, zone }) => ({ node, zone })),
  };
}

/** One holder in JSON. */
export function holderRecord(holder: RebootHolder): { readonly [name: string]: JsonValue } {
  const { node, revision, phase, phaseSinceMs, forced } = holder;
  const since = phaseSinceMs ?? null;
  return { node, revision, phase, phaseSinceMs: since, forced, ...noteRecord(holder) };
}

/** One hold in JSON. */
export function holdRecord(hold: RebootHold): { readonly [name: string]: JsonValue } {
  const { id, scope, node, by, reason, sinceMs, untilMs } = hold;
  return { id, scope, node, by, reason, sinceMs: sinceMs ?? null, untilMs: untilMs ?? null };
}

/** A policy in JSON, as `tidelock reboot policy` takes its parts. */
export function policyRecord(policy: RebootPolicy): { readonly [name: string]: JsonValue } {
  const { order, paused } = policy;
  return {
    ...policy,
    windows: policy.windows.map(windowText),
    order: order === null ? null : { ...order },
    paused: paused === null ? null : { ...paused },
  };
}

/** A reboot group for a person. */
export function statusLines(status: RebootStatus): readonly string[] {
  const { queue } = status;
  return [
    `group ${summaryText(status)}`,
    ...remarks(status).map((remark) => `  ${remark}`),
    ...status.holders.map((holder) => `  ${phaseText(holder)}${describe(holder.node, holder)}`),
    ...queue.map(
      (waiter) =>
        `  ${waiter.polls ? 'polls' : 'waits'} ${`${waiter.position + 1}.`.padEnd(6)} ${describe(waiter.node, waiter)}`,
    ),
  ];
}

/** A reboot group in half a line. */
export function summaryText({ group, max, taken, stuck, queue }: RebootStatus): string {
  const stuckText = stuck === 0 ? '' : `, ${stuck} stuck`;
  return `${group}: ${taken} of ${max} taken, ${queue.length} waiting${stuckText}`;
}

/** FleetLock has no word for it, and whoever runs `reboot lock` alone does not say it either. */
const NEVER_STUCK = '  grant timeout    none: a machine that never says "rebooting" is never stuck';

/** A policy for a person: what it says beyond the defaults, one thing a line. */
export function policyLines(group: string, policy: RebootPolicy): readonly string[] {
  const { windows, order, paused } = policy;
  const time = (what: string, seconds: number): string[] =>
    seconds === 0 ? [] : [`  ${what.padEnd(16)} ${seconds} s`];
  return [
    `group ${group}:`,
    `  max              ${policy.max}`,
    ...(windows.length === 0 ? ['  windows          none: always open'] : []),
    ...windows.map((window) => `  window           ${windowText(window)}`),
    ...time('cooldown', policy.cooldownSeconds),
    ...time('soak', policy.soakSeconds),
    ...time('grant timeout', policy.grantTimeoutSeconds),
    ...(policy.rebootTimeoutSeconds > 0 && policy.grantTimeoutSeconds === 0 ? [NEVER_STUCK] : []),
    ...time('reboot timeout', policy.rebootTimeoutSeconds),
    `  failure budget   ${policy.failureBudget}`,
    ...(order === null ? [] : [`  order            ${order.rule}`]),
    ...(paused === null ? [] : [`  ${pauseText(paused)}`]),
  ];
}

/** One machine for a person: who, since when, why, and who asked if it was somebody else. */
export function describe(node: string, note: RebootNote): string {
  const by = note.by === '' || note.by === node ? '' : ` (by ${note.by})`;
  const zone = note.zone === '' ? '' : ` in ${note.zone}`;
  return `${node}${zone}${sinceText(note.sinceMs)}${reasonText(note.reason)}${by}`;
}

/** What a person has to know besides who has slots and who waits. */
function remarks(status: RebootStatus): readonly string[] {
  const { policy, draining, exhausted, holds, cooling } = status;
  if (policy === undefined) return ['the policy cannot be read: nothing is given away'];
  const { paused, failureBudget, windows } = policy;
  const window = windowState(windows, Date.now());
  return [
    ...(draining ? ['draining: nothing is granted until fewer are taken'] : []),
    ...(paused === null ? [] : [pauseText(paused)]),
    ...(window.isOpen ? [] : [`outside of its windows until ${isoTime(window.opensMs)}`]),
    ...(exhausted ? [`stopped: more are stuck than the ${failureBudget} that may be`] : []),
    ...(cooling.length === 0 ? [] : [`cooling down after ${cooling.join(', ')}`]),
    ...holds.map(holdText),
    ...(isUnknown(status) ? ['no machine is known here yet: is the name of the group right?'] : []),
  ];
}

/** Nobody ever asked for a slot, as in a group whose name was mistyped. */
function isUnknown({ nodes, holders, queue }: RebootStatus): boolean {
  return nodes.length + holders.length + queue.length === 0;
}

function holdText(hold: RebootHold): string {
  const { id, scope, node, by, reason, sinceMs, untilMs } = hold;
  const until = untilMs === undefined ? '' : ` until ${isoTime(untilMs)}`;
  const what = scope === 'group' ? 'the group' : node;
  return `held: ${what}${sinceText(sinceMs)}${until}${byText(by)}${reasonText(reason)} [${id}]`;
}

function phaseText({ phase, forced }: RebootHolder): string {
  const words = {
    granted: 'may reboot',
    rebooting: 'rebooting',
    soaking: 'soaking',
    stuck: 'STUCK',
  };
  return `${words[phase].padEnd(12)}${forced ? '(forced) ' : ''}`;
}

function pauseText({ by, reason, untilMs }: RebootPause): string {
  const until = untilMs === null ? '' : ` until ${isoTime(untilMs)}`;
  return `paused${until}${byText(by)}${reasonText(reason)}`;
}

function byText(by: string): string {
  return by === '' ? '' : ` by ${by}`;
}

function reasonText(reason: string): string {
  return reason === '' ? '' : `, ${reason}`;
}

function noteRecord(note: RebootNote): { readonly [name: string]: JsonValue } {
  const { sinceMs, by, reason, bootId, zone } = note;
  return { sinceMs: sinceMs ?? null, by, reason, bootId, zone };
}
