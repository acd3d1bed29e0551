import type { KeyValue } from '../../store/index.js';
import { type BrokenNote, decodeBroken } from '../base/broken-note.js';
import type { PrefixSnapshot } from '../base/prefix-snapshot.js';
import { tellParticipants } from '../base/tell.js';
import type { WaitPlan } from '../base/wait-plan.js';
import { type LockEntry, toEntries } from './lock-status.js';

/** What an entry of a read/write lock wants, or has. */
export type ReadWriteMode = 'read' | 'write';

/** One entry of a read/write lock's queue. */
export interface ReadWriteEntry extends LockEntry {
  readonly mode: ReadWriteMode;
}

/** A read/write lock at one revision. */
export interface ReadWriteStatus {
  readonly revision: number;
  /** One writer, or any number of readers. */
  readonly holders: readonly ReadWriteEntry[];
  /** In the order of asking. */
  readonly waiters: readonly ReadWriteEntry[];
  /** Who broke an entry last, and why; undefined when nobody ever did. */
  readonly lastBroken: BrokenNote | undefined;
}

/**
 * Why a read/write lock is not to be had.
 *
 * - `writer`: somebody writes, or asked to write before.
 * - `readers`: others read; for a writer only.
 */
export type ReadWriteRule = 'writer' | 'readers';

/** What the keys of a read/write lock say; the names are those after its prefix. */
export function readWriteStatusOf({ revision, entries }: PrefixSnapshot): ReadWriteStatus {
  const queue: KeyValue[] = [];
  const marks = new Map<string, number>();
  for (const [name, kv] of entries) {
    if (name.startsWith('q/')) queue.push(kv);
    else if (name.startsWith('w/')) marks.set(name.slice(2), kv.createRevision);
  }
  const holders: ReadWriteEntry[] = [];
  const waiters: ReadWriteEntry[] = [];
  let writerAhead = false;
  for (const entry of toEntries(queue)) {
    const isWriter = marks.has(entry.key.slice(entry.key.lastIndexOf('/') + 1));
    const mode = isWriter ? 'write' : 'read';
    const holds = isWriter ? entry.position === 0 : !writerAhead;
    (holds ? holders : waiters).push({ ...entry, mode });
    writerAhead ||= isWriter;
  }
  const lastBroken = decodeBroken(entries.get('broken')?.value);
  return { revision, holders, waiters, lastBroken };
}

/**
 * The place of one entry, or what asking for `mode` now would meet.
 * @param mine - The key of the entry; undefined for one who has none.
 */
export function readWritePlanOf(
  status: ReadWriteStatus,
  mine: string | undefined,
  mode: ReadWriteMode,
): WaitPlan<ReadWriteRule> {
  const { revision, holders, waiters } = status;
  const held = holders.find((entry) => entry.key === mine);
  if (held !== undefined) {
    const reason = held.mode === 'write' ? 'written by this handle' : 'read by this handle';
    return { revision, state: 'held', position: 0, rule: undefined, blockers: [], reason };
  }
  const place = waiters.findIndex((entry) => entry.key === mine);
  const ahead = place < 0 ? waiters : waiters.slice(0, place);
  const wanted = waiters[place]?.mode ?? mode;
  const before = [...holders, ...ahead];
  const blockers = wanted === 'write' ? before : before.filter((entry) => entry.mode === 'write');
  const [first] = blockers;
  if (first === undefined) {
    const state = place < 0 ? 'free' : 'waiting';
    const reason = holders.length === 0 ? 'nobody has it' : 'others only read';
    return { revision, state, position: 0, rule: undefined, blockers, reason };
  }
  const isHolder = holders.includes(first);
  const doing = first.mode === 'write' ? 'written' : 'read';
  const by = isHolder ? holders : [first];
  const reason = isHolder
    ? `${doing} by ${tellParticipants(by)}`
    : `behind ${tellParticipants(by)}, who asked to write before`;
  const position = blockers.length;
  const others = ahead.length === 0 ? '' : `, ${ahead.length} ahead of you`;
  return {
    revision,
    state: 'waiting',
    position,
    rule: first.mode === 'write' ? 'writer' : 'readers',
    blockers,
    reason: reason + others,
  };
}
