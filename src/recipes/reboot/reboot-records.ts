import { type BytesInput, type KeyValue, toBytes, toText } from '../../store/index.js';
import { parseObject } from '../base/note.js';
import type { PrefixSnapshot } from '../base/prefix-view.js';

/** Slots of a group that never had a policy. */
export const DEFAULT_SLOTS_MAX = 1;

/** The keys of one reboot group. */
export interface RebootKeys {
  readonly root: string;
  readonly policy: string;
  readonly epoch: string;
  readonly slots: string;
  readonly wants: string;
}

export function rebootKeys(group: string): RebootKeys {
  const root = `reboot/${group}/`;
  return {
    root,
    policy: `${root}policy`,
    epoch: `${root}epoch`,
    slots: `${root}slot/`,
    wants: `${root}want/`,
  };
}

/** What a node says of itself when it asks for a slot. */
export interface RebootNote {
  /** Wall-clock milliseconds of whoever asked. */
  readonly sinceMs: number | undefined;
  /** Who asked, such as the identity of an agent or of an administrator. */
  readonly by: string;
  readonly reason: string;
  /** The boot id that the node had when it asked; empty when it did not say. */
  readonly bootId: string;
}

/** A node that may reboot. */
export interface RebootHolder extends RebootNote {
  readonly node: string;
  /** The revision of the grant. */
  readonly revision: number;
}

/** A node that waits for a slot. */
export interface RebootWaiter extends RebootNote {
  readonly node: string;
  /** 0 for the next one. */
  readonly position: number;
}

/** A group at one revision. */
export interface RebootStatus {
  readonly group: string;
  readonly revision: number;
  /** Slots that may be taken at once. */
  readonly max: number;
  /** In the order of the grants. */
  readonly holders: readonly RebootHolder[];
  /** In the order of asking. */
  readonly queue: readonly RebootWaiter[];
  /** More slots are taken than there may be, because `max` was lowered; none is taken away. */
  readonly draining: boolean;
}

/**
 * The largest number of slots that a policy allows; a policy that says nothing clear allows none.
 */
export function maxOf(policy: KeyValue | undefined): number {
  if (policy === undefined) return DEFAULT_SLOTS_MAX;
  const { max } = parseObject(toText(policy.value));
  return typeof max === 'number' && Number.isInteger(max) && max >= 0 ? max : 0;
}

/** The holder that a slot's value describes. */
export function holderOf(node: string, value: BytesInput, revision: number): RebootHolder {
  return { node, revision, ...noteOf(value) };
}

export function statusOf(group: string, snapshot: PrefixSnapshot): RebootStatus {
  const { entries, revision } = snapshot;
  const under = (part: string): [string, KeyValue][] =>
    [...entries]
      .filter(([name]) => name.startsWith(part))
      .map(([name, kv]): [string, KeyValue] => [name.slice(part.length), kv])
      .toSorted(([, a], [, b]) => a.createRevision - b.createRevision);
  const max = maxOf(entries.get('policy'));
  const holders = under('slot/').map(([node, kv]) => holderOf(node, kv.value, kv.createRevision));
  const queue = under('want/').map(([node, kv], position) => ({
    node,
    position,
    ...noteOf(kv.value),
  }));
  return { group, revision, max, holders, queue, draining: holders.length > max };
}

function noteOf(value: BytesInput): RebootNote {
  const { sinceMs, by, reason, bootId } = parseObject(toText(toBytes(value)));
  const text = (field: unknown): string => (typeof field === 'string' ? field : '');
  return {
    sinceMs: typeof sinceMs === 'number' ? sinceMs : undefined,
    by: text(by),
    reason: text(reason),
    bootId: text(bootId),
  };
}
