import { CoordinationError } from '../errors.js';
import { parseObject, type JsonValue } from '../base/note.js';
import { parseWindow, type RebootWindow } from './reboot-window.js';

/**
 * What a reboot group allows: the words of its policy, what they must look like, and how they are
 * read from the store. It judges nothing; that is the business of `judge`.
 */
export interface RebootPolicy {
  /**
   * Slots that may be taken at once: a whole number, 0 for none, or a share of the known nodes such
   * as `20%`, rounded down but at least 1.
   */
  readonly max: RebootMax;
  /** When slots are given away; empty: always. */
  readonly windows: readonly RebootWindow[];
  /** Seconds after the end of a slot in which no other is given away; 0: none. */
  readonly cooldownSeconds: number;
  /** Seconds that a node keeps its slot after it reported to be back; 0: none. */
  readonly soakSeconds: number;
  /** Seconds from `rebooting` until a node that is not back counts as stuck; 0: no limit. */
  readonly rebootTimeoutSeconds: number;
  /** Seconds from the grant until a node that does not reboot counts as stuck; 0: no limit. */
  readonly grantTimeoutSeconds: number;
  /** Stuck nodes with which the group goes on; one more, and nothing is given away any more. */
  readonly failureBudget: number;
  /** What the zones of nodes mean; null: nothing. */
  readonly order: RebootOrder | null;
  /** Set while nothing is given away on somebody's order. */
  readonly paused: RebootPause | null;
}

/** A number of slots, or a share of the nodes. */
export type RebootMax = number | `${number}%`;

/** How zones restrict who may reboot beside whom. */
export interface RebootOrder {
  readonly by: 'zone';
  /** Never two nodes of one zone, or never nodes of two zones, at the same time. */
  readonly rule: 'one-per-zone' | 'one-zone-at-a-time';
}

/** Why nothing is given away. */
export interface RebootPause {
  readonly by: string;
  readonly reason: string;
  /** Wall-clock milliseconds at which it ends by itself; null: when somebody resumes. */
  readonly untilMs: number | null;
}

/** What to change in a policy; what is left out stays as it is. */
export type RebootPolicyChange = Partial<Omit<RebootPolicy, 'paused'>>;

/** Bounds of one group. */
export const REBOOT_LIMITS = {
  /** Slots that may be taken at once: a grant compares the clock of each in one transaction. */
  slots: 100,
  /** Windows of one policy. */
  windows: 50,
  /** Holds of one group. */
  holds: 100,
  /** Nodes that a group gets to know; those beyond are served, and not counted. */
  nodes: 10_000,
  /** Entries that the audit trail keeps. */
  logEntries: 256,
  /** Bytes of a node's name, of an id, and of a text for people. */
  textBytes: 1024,
  /** Longest time of any kind, in seconds: a hundred days. */
  timeSeconds: 8_640_000,
} as const;

/** The policy of a group that never had one. */
export const DEFAULT_POLICY: RebootPolicy = {
  max: 1,
  windows: [],
  cooldownSeconds: 0,
  soakSeconds: 0,
  rebootTimeoutSeconds: 0,
  grantTimeoutSeconds: 0,
  failureBudget: 0,
  order: null,
  paused: null,
};

const PERCENT = /^([1-9]\d?|100)%$/;
const RULES: readonly unknown[] = ['one-per-zone', 'one-zone-at-a-time'];

/**
 * A policy from what somebody wrote; what they left out is taken from `base`.
 * @throws CoordinationError `InvalidArgument`, which names the field
 */
export function checkPolicy(
  input: { readonly [field: string]: unknown },
  base: RebootPolicy = DEFAULT_POLICY,
): RebootPolicy {
  for (const field of Object.keys(input)) {
    if (!(field in DEFAULT_POLICY)) throw refuse(field, input[field], 'no field of a policy');
  }
  const of = (field: keyof RebootPolicy): unknown => input[field] ?? undefined;
  const number = (field: keyof RebootPolicy, max: number): number => {
    const value = of(field) ?? base[field];
    if (isWhole(value, max)) return value;
    throw refuse(field, value, `not a whole number from 0 to ${max}`);
  };
  const seconds = (field: keyof RebootPolicy): number => number(field, REBOOT_LIMITS.timeSeconds);
  return {
    max: of('max') === undefined ? base.max : checkMax(of('max')),
    windows: of('windows') === undefined ? base.windows : checkWindows(of('windows')),
    cooldownSeconds: seconds('cooldownSeconds'),
    soakSeconds: seconds('soakSeconds'),
    rebootTimeoutSeconds: seconds('rebootTimeoutSeconds'),
    grantTimeoutSeconds: seconds('grantTimeoutSeconds'),
    failureBudget: number('failureBudget', REBOOT_LIMITS.slots),
    order: input['order'] === undefined ? base.order : checkOrder(input['order']),
    paused: input['paused'] === undefined ? base.paused : checkPause(input['paused']),
  };
}

/** @throws CoordinationError `InvalidArgument` */
export function checkMax(max: unknown): RebootMax {
  if (isWhole(max, REBOOT_LIMITS.slots)) return max;
  if (isPercent(max)) return max;
  throw refuse(
    'max',
    max,
    `neither a whole number from 0 to ${REBOOT_LIMITS.slots} nor a percentage from 1% to 100%`,
  );
}

/** The policy that a value in the store is; undefined when it makes no sense. */
export function decodePolicy(text: string): RebootPolicy | undefined {
  const fields: { readonly [field: string]: JsonValue | undefined } = parseObject(text);
  if (fields['max'] === undefined) return undefined;
  try {
    return checkPolicy(fields);
  } catch {
    // Policies are written by people and by other programs too; nobody may guess what they meant.
    return undefined;
  }
}

/** Slots that `max` means for so many known nodes. */
export function slotsOf(max: RebootMax, nodeCount: number): number {
  if (typeof max === 'number') return max;
  const share = Math.floor((Number.parseInt(max, 10) * nodeCount) / 100);
  return Math.min(REBOOT_LIMITS.slots, Math.max(1, share));
}

function checkWindows(windows: unknown): readonly RebootWindow[] {
  if (!Array.isArray(windows)) throw refuse('windows', windows, 'not a list');
  if (windows.length > REBOOT_LIMITS.windows) {
    throw refuse('windows', windows.length, `more than ${REBOOT_LIMITS.windows} windows`);
  }
  return windows.map((window: unknown) => parseWindow(window));
}

function checkOrder(order: unknown): RebootOrder | null {
  if (order === null) return null;
  const { by, rule } = fieldsOf(order);
  if (by !== 'zone') throw refuse('order.by', by, 'not "zone"');
  if (!RULES.includes(rule)) {
    throw refuse('order.rule', rule, 'neither "one-per-zone" nor "one-zone-at-a-time"');
  }
  return { by, rule: rule as RebootOrder['rule'] };
}

function checkPause(paused: unknown): RebootPause | null {
  if (paused === null) return null;
  const { by, reason, untilMs = null } = fieldsOf(paused);
  if (typeof by !== 'string') throw refuse('paused.by', by, 'not a text');
  if (typeof reason !== 'string') throw refuse('paused.reason', reason, 'not a text');
  if (untilMs !== null && !(typeof untilMs === 'number' && Number.isFinite(untilMs))) {
    throw refuse('paused.untilMs', untilMs, 'not a number of milliseconds');
  }
  return { by, reason, untilMs };
}

function fieldsOf(value: unknown): { readonly [field: string]: unknown } {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function isWhole(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max;
}

function isPercent(value: unknown): value is `${number}%` {
  return typeof value === 'string' && PERCENT.test(value);
}

function refuse(field: string, value: unknown, why: string): CoordinationError {
  const shown = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'undefined');
  return new CoordinationError('InvalidArgument', `reboot policy: ${field} ${shown} is ${why}`);
}
