import { type Compare, type KeyValue, prefix, toText, type TxnRequest } from '../../store/index.js';
import { decodeNote, parseObject } from '../base/note.js';
import type { Participant } from '../base/wait-plan.js';
import type { SemaphoreKeys } from './semaphore-layout.js';

/**
 * The rules of a semaphore, apart from all waiting: what its keys say, who is next, and the one
 * transaction that grants. A count of permits is only ever acted on by a transaction that succeeds
 * if limit and epoch are still those of the count. Holders may leave in between, which does no
 * harm; every other change moves one of the two.
 */

/**
 * Who is served when not everybody fits. `fifo`: the first in line, and nobody before it, so that
 * nobody starves. `firstFit`: the first in line that fits, so that small requests overtake.
 */
export type SemaphoreOrder = 'fifo' | 'firstFit';

/** The limit of a semaphore, as it is stored. */
export interface SemaphoreLimit {
  /** The weights of all holders together are at most this when one of them is granted. */
  readonly limit: number;
  readonly order: SemaphoreOrder;
}

/** Somebody who holds permits or waits for them. */
export interface PermitEntry extends Participant {
  readonly id: string;
  readonly lease: bigint;
  /** Permits asked for, or held. */
  readonly weight: number;
  /** Of a holder the revision of the grant, of a waiter the place in line. */
  readonly createRevision: number;
}

/** What a grant is judged by, all of one revision. */
export interface PermitCount {
  readonly revision: number;
  /** Undefined as long as nobody set one; nothing is granted then. */
  readonly limit: SemaphoreLimit | undefined;
  /** Mod revisions of the two keys that a grant compares; 0 for a key that is not there. */
  readonly limitRevision: number;
  readonly epochRevision: number;
  /** By revision of the grant. */
  readonly held: readonly PermitEntry[];
}

export function decodeLimit(kv: KeyValue | undefined): SemaphoreLimit | undefined {
  if (kv === undefined) return undefined;
  const { limit, order } = parseObject(toText(kv.value));
  if (typeof limit !== 'number' || !isCount(limit)) return undefined;
  return { limit, order: order === 'firstFit' ? 'firstFit' : 'fifo' };
}

export function encodeLimit({ limit, order }: SemaphoreLimit): string {
  return JSON.stringify({ limit, order });
}

/** Entries in the order in which they came into being. */
export function decodeEntries(kvs: readonly KeyValue[]): readonly PermitEntry[] {
  const entries = kvs.map((kv): PermitEntry => {
    const key = toText(kv.key);
    const { weight } = parseObject(toText(kv.value));
    return {
      key,
      id: key.slice(key.lastIndexOf('/') + 1),
      lease: kv.lease,
      // An entry that another program wrote without a weight counts as one permit.
      weight: typeof weight === 'number' && isCount(weight) ? Math.max(1, weight) : 1,
      createRevision: kv.createRevision,
      ...decodeNote(kv.value),
    };
  });
  return entries.sort((a, b) => a.createRevision - b.createRevision);
}

/** The count that pairs read at one revision tell: of limit, epoch and holders, in this order. */
export function toCount(
  revision: number,
  found: readonly (readonly KeyValue[] | undefined)[],
): PermitCount {
  const [limit, epoch, held] = found;
  return {
    revision,
    limit: decodeLimit(limit?.[0]),
    limitRevision: limit?.[0]?.modRevision ?? 0,
    epochRevision: epoch?.[0]?.modRevision ?? 0,
    held: decodeEntries(held ?? []),
  };
}

/** Permits that are taken. */
export function weightOf(entries: readonly PermitEntry[]): number {
  return entries.reduce((sum, entry) => sum + entry.weight, 0);
}

/** Permits that are left; negative while the semaphore drains. */
export function freePermits(count: PermitCount): number {
  return (count.limit?.limit ?? 0) - weightOf(count.held);
}

/**
 * Who is to be granted now, of a line that begins with its oldest; undefined when nobody is. An
 * entry of somebody who holds already is what came of a request that was sent twice: it waits for
 * nothing, and its owner clears it away.
 */
export function nextToGrant(
  count: PermitCount,
  line: readonly PermitEntry[],
): PermitEntry | undefined {
  const free = freePermits(count);
  const holders = new Set(count.held.map(({ id }) => id));
  const waiters = line.filter(({ id }) => !holders.has(id));
  if (count.limit?.order !== 'firstFit') {
    const [first] = waiters;
    return first !== undefined && first.weight <= free ? first : undefined;
  }
  return waiters.find((entry) => entry.weight <= free);
}

/** Who is granted what. */
export interface GrantTerms {
  readonly id: string;
  readonly lease: bigint;
  /** The value of the new entry among the holders. */
  readonly value: string;
  /**
   * The place in line, which the grant takes away; `past` for somebody who stands in none and may
   * overtake, `alone` for somebody who may not.
   */
  readonly place: number | 'past' | 'alone';
}

/**
 * The transaction that grants, if nothing has changed that `count` rests on, and to nobody who
 * holds already. When it does not, it answers with what the requester holds: a grant whose answer
 * was lost is found that way.
 */
export function grantRequest(
  keys: SemaphoreKeys,
  count: PermitCount,
  terms: GrantTerms,
): TxnRequest {
  const unchanged = (key: string, revision: number): Compare => {
    return { key, target: 'mod', operator: '=', operand: revision };
  };
  const { id, lease, value, place } = terms;
  const heldKey = keys.held + id;
  const lineKey = keys.line + id;
  const turn: readonly Compare[] =
    place === 'past'
      ? []
      : place === 'alone'
        ? [{ ...prefix(keys.line), target: 'create', operator: '=', operand: 0 }]
        : [{ key: lineKey, target: 'create', operator: '=', operand: place }];
  return {
    compare: [
      unchanged(keys.limit, count.limitRevision),
      unchanged(keys.epoch, count.epochRevision),
      { key: heldKey, target: 'create', operator: '=', operand: 0 },
      ...turn,
    ],
    success: [
      { kind: 'put', key: heldKey, value, lease },
      { kind: 'put', key: keys.epoch },
      { kind: 'delete', key: lineKey },
    ],
    failure: [{ kind: 'range', key: heldKey }],
  };
}

/** Whether a number can be a limit or a weight: an integer from 0 to 2^31 - 1. */
export function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}
