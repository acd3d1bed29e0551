import { type KeyValue, toText } from '../../store/index.js';
import { type BrokenNote, decodeBroken } from '../base/broken-note.js';
import { decodeNote } from '../base/note.js';
import type { PrefixSnapshot } from '../base/prefix-snapshot.js';
import { tellParticipant, tellTime } from '../base/tell.js';
import type { Participant, WaitPlan } from '../base/wait-plan.js';

/** One entry of a lock's queue. */
export interface LockEntry extends Participant {
  readonly lease: bigint;
  /** The fence that the entry has, or will have when its turn comes. */
  readonly fence: number;
  /** 0 for the holder, 1 for the first in line, and so on. */
  readonly position: number;
}

/** A lock at one revision. */
export interface LockStatus {
  readonly revision: number;
  /** Undefined while nobody holds it, which includes a delay that keeps the first in line out. */
  readonly holder: LockEntry | undefined;
  /** In the order in which they will be served. */
  readonly waiters: readonly LockEntry[];
  /** Holders that were lost and whose delay has not passed; empty in the ordinary case. */
  readonly delays: readonly Participant[];
  /** Who broke the lock last, and why; undefined when nobody ever did. */
  readonly lastBroken: BrokenNote | undefined;
}

/**
 * Why a lock is not to be had.
 *
 * - `held`: another holds it.
 * - `delay`: its holder was lost, and the delay that the holder asked for has not passed.
 */
export type LockRule = 'held' | 'delay';

/** What the keys of a lock say: its queue, its delays, and the note of the last break. */
export function lockStatusOf(
  queue: PrefixSnapshot,
  delay: PrefixSnapshot,
  broken: PrefixSnapshot,
): LockStatus {
  const entries = toEntries([...queue.entries.values()]);
  const ids = new Set(queue.entries.keys());
  const delays = [...delay.entries]
    .filter(([id]) => !ids.has(id))
    .map(([, kv]) => toParticipant(kv));
  return {
    revision: queue.revision,
    ...whoseTurn(entries, delays.length > 0),
    delays,
    lastBroken: decodeBroken(broken.entries.get('')?.value),
  };
}

/** Who of a queue holds the lock, and who waits: during a delay all do. */
export function whoseTurn(
  entries: readonly LockEntry[],
  isKeptFree: boolean,
): Pick<LockStatus, 'holder' | 'waiters'> {
  if (isKeptFree) return { holder: undefined, waiters: entries };
  return { holder: entries[0], waiters: entries.slice(1) };
}

/** The entries of a queue, by create revision. */
export function toEntries(kvs: readonly KeyValue[]): readonly LockEntry[] {
  const sorted = kvs.toSorted((a, b) => a.createRevision - b.createRevision);
  return sorted.map((kv, position) => ({
    ...toParticipant(kv),
    lease: kv.lease,
    fence: kv.createRevision,
    position,
  }));
}

function toParticipant(kv: KeyValue): Participant {
  return { key: toText(kv.key), ...decodeNote(kv.value) };
}

/**
 * The place of one entry, or what asking now would meet.
 * @param mine - The key of the entry; undefined for one who has none.
 */
export function lockPlanOf(status: LockStatus, mine: string | undefined): WaitPlan<LockRule> {
  const { revision, holder, waiters, delays } = status;
  if (mine !== undefined && holder?.key === mine) {
    const reason = `held by this handle${since(holder)}`;
    return { revision, state: 'held', position: 0, rule: undefined, blockers: [], reason };
  }
  const place = mine === undefined ? -1 : waiters.findIndex((entry) => entry.key === mine);
  const ahead = place < 0 ? waiters : waiters.slice(0, place);
  const [delay] = delays;
  const first = holder ?? ahead[0];
  const queued = (count: number): string => (count === 0 ? '' : `, ${count} ahead of you`);
  if (delay !== undefined) {
    const reason = `kept free after the loss of ${tellParticipant(delay)}${queued(ahead.length)}`;
    const blockers = [...delays, ...ahead];
    return { revision, state: 'waiting', position: ahead.length, rule: 'delay', blockers, reason };
  }
  if (first === undefined) {
    const state = place < 0 ? 'free' : 'waiting';
    const reason = 'nobody holds it';
    return { revision, state, position: 0, rule: undefined, blockers: [], reason };
  }
  const blockers = holder === undefined ? ahead : [holder, ...ahead];
  const reason = `held by ${tellParticipant(first)}${queued(blockers.length - 1)}`;
  const position = blockers.length;
  return { revision, state: 'waiting', position, rule: 'held', blockers, reason };
}

function since(entry: Participant): string {
  const { sinceMs } = entry;
  return sinceMs === undefined ? '' : ` since ${tellTime(sinceMs)}`;
}
