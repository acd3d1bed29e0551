import type { KeyValue } from '../../store/index.js';
import type { PrefixSnapshot } from '../base/prefix-view.js';
import { tellParticipants } from '../base/tell.js';
import type { WaitPlan } from '../base/wait-plan.js';
import {
  decodeEntries,
  decodeLimit,
  type PermitEntry,
  type SemaphoreLimit,
  type SemaphoreOrder,
  weightOf,
} from './semaphore-state.js';

/** A semaphore at one revision. */
export interface SemaphoreStatus {
  readonly revision: number;
  /** Undefined as long as nobody set one. */
  readonly limit: number | undefined;
  readonly order: SemaphoreOrder;
  /** Permits that are held. */
  readonly granted: number;
  /** Permits that are left. */
  readonly free: number;
  /** More permits are held than the limit allows; nothing is granted until enough came back. */
  readonly draining: boolean;
  /** By revision of the grant. */
  readonly holders: readonly PermitEntry[];
  /** In the order of coming. */
  readonly waiters: readonly PermitEntry[];
}

/**
 * Why permits are not granted.
 *
 * - `limit`: more are asked for than there are, or nobody has set a limit.
 * - `draining`: the limit was lowered and more are held than it allows.
 * - `permits`: others hold them.
 * - `line`: others are served before.
 */
export type SemaphoreRule = 'limit' | 'draining' | 'permits' | 'line';

/** What the keys of a semaphore say; the names are those after its prefix. */
export function statusOf({ revision, entries }: PrefixSnapshot): SemaphoreStatus {
  const under = (start: string): readonly PermitEntry[] => {
    const found: KeyValue[] = [];
    for (const [name, kv] of entries) if (name.startsWith(start)) found.push(kv);
    return decodeEntries(found);
  };
  return summarise(revision, decodeLimit(entries.get('limit')), under('held/'), under('line/'));
}

export function summarise(
  revision: number,
  known: SemaphoreLimit | undefined,
  holders: readonly PermitEntry[],
  waiters: readonly PermitEntry[],
): SemaphoreStatus {
  const granted = weightOf(holders);
  const limit = known?.limit ?? 0;
  return {
    revision,
    limit: known?.limit,
    order: known?.order ?? 'fifo',
    granted,
    free: Math.max(0, limit - granted),
    draining: granted > limit,
    holders,
    waiters,
  };
}

/** Whose plan is asked for. */
export interface PlanTerms {
  /** Ids of entries that belong to the one who asks. */
  readonly mine: ReadonlySet<string>;
  /** Permits that would be asked for, when nothing was. */
  readonly weight: number;
}

/** The place of the one who asks: its oldest wait, else its hold, else what asking would meet. */
export function planOf(
  status: SemaphoreStatus,
  { mine, weight }: PlanTerms,
): WaitPlan<SemaphoreRule> {
  const { revision, waiters, holders } = status;
  const place = waiters.findIndex((entry) => mine.has(entry.id));
  const held = holders.find((entry) => mine.has(entry.id));
  if (place < 0 && held !== undefined) {
    const reason = `holds ${permits(held.weight)} since revision ${held.createRevision}`;
    return { revision, state: 'held', position: 0, rule: undefined, blockers: [], reason };
  }
  const position = place < 0 ? waiters.length : place;
  const asked = waiters[place]?.weight ?? weight;
  const inTheWay = judge(status, asked, waiters.slice(0, position));
  if (inTheWay === undefined) {
    const reason = `${permits(asked)} of ${status.limit} are free`;
    const state = place < 0 ? 'free' : 'waiting';
    return { revision, state, position: 0, rule: undefined, blockers: [], reason };
  }
  const ahead = position === 0 ? '' : `, ${position} ahead of you`;
  return {
    revision,
    state: 'waiting',
    position,
    rule: inTheWay.rule,
    blockers: inTheWay.rule === 'line' ? waiters.slice(0, position) : holders,
    reason: inTheWay.reason + ahead,
  };
}

function judge(
  status: SemaphoreStatus,
  asked: number,
  ahead: readonly PermitEntry[],
): { readonly rule: SemaphoreRule; readonly reason: string } | undefined {
  const { limit, granted, free, draining, holders, order } = status;
  if (limit === undefined) {
    return { rule: 'limit', reason: 'nobody has set a limit' };
  }
  if (asked > limit) {
    const reason = `asks for ${permits(asked)} and the limit is ${limit}: waits until it is raised`;
    return { rule: 'limit', reason };
  }
  const by = tellParticipants(holders);
  if (draining) {
    return { rule: 'draining', reason: `draining: ${granted} held of ${limit}, by ${by}` };
  }
  if (asked > free) {
    const reason = `asks for ${permits(asked)}, ${free} of ${limit} are free, held by ${by}`;
    return { rule: 'permits', reason };
  }
  const first = order === 'fifo' ? ahead[0] : ahead.find((entry) => entry.weight <= free);
  if (first === undefined) return undefined;
  const reason = `${tellParticipants([first])} asked for ${permits(first.weight)} before`;
  return { rule: 'line', reason };
}

function permits(count: number): string {
  return count === 1 ? '1 permit' : `${count} permits`;
}
