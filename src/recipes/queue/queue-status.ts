import { type KeyValue, toText } from '../../store/index.js';
import { decodeNote } from '../base/note.js';
import type { PrefixSnapshot } from '../base/prefix-view.js';
import { tellParticipants } from '../base/tell.js';
import type { Participant, WaitPlan } from '../base/wait-plan.js';

/** A queue at one revision. */
export interface QueueStatus {
  readonly revision: number;
  /** Messages that may be received now. */
  readonly ready: number;
  /** Messages that consumers work on. */
  readonly claimed: number;
  /** Messages whose time has not come, or has come and nobody has noticed. */
  readonly delayed: number;
  /** Messages that were given up. */
  readonly dead: number;
  /** Who works on a message, the longest first. */
  readonly workers: readonly Participant[];
  /** Who waits for one, in line. */
  readonly consumers: readonly Participant[];
}

/**
 * Why a consumer waits.
 *
 * - `empty`: no message is ready.
 * - `line`: other consumers are served before.
 */
export type QueueRule = 'empty' | 'line';

/** What the keys under the index of a queue say. */
export function statusOf({ revision, entries }: PrefixSnapshot): QueueStatus {
  const counts = { ready: 0, delayed: 0, dead: 0 };
  const workers: KeyValue[] = [];
  const consumers: KeyValue[] = [];
  for (const [name, kv] of entries) {
    const kind = name.slice(0, name.indexOf('/'));
    if (kind === 'ready' || kind === 'delayed' || kind === 'dead') counts[kind] += 1;
    else if (kind === 'claim') workers.push(kv);
    else if (kind === 'line') consumers.push(kv);
  }
  const inOrder = (kvs: KeyValue[]): readonly Participant[] =>
    kvs
      .sort((a, b) => a.createRevision - b.createRevision)
      .map((kv) => ({ key: toText(kv.key), ...decodeNote(kv.value) }));
  const ready = Math.max(0, counts.ready - workers.length);
  const claimed = workers.length;
  return {
    revision,
    ...counts,
    ready,
    claimed,
    workers: inOrder(workers),
    consumers: inOrder(consumers),
  };
}

/** @param mine - Keys of what the one who asks has in line and in work. */
export function planOf(status: QueueStatus, mine: ReadonlySet<string>): WaitPlan<QueueRule> {
  const { revision, ready, claimed, delayed, workers, consumers } = status;
  const isMine = ({ key }: Participant): boolean => mine.has(key);
  const place = consumers.findIndex(isMine);
  const held = workers.filter(isMine).length;
  if (place < 0 && held > 0) {
    const reason = `works on ${held} ${held === 1 ? 'message' : 'messages'}`;
    return { revision, state: 'held', position: 0, rule: undefined, blockers: [], reason };
  }
  const position = place < 0 ? consumers.length : place;
  if (position > 0) {
    const blockers = consumers.slice(0, position);
    const reason = `${tellParticipants(blockers)} ${position === 1 ? 'waits' : 'wait'} before`;
    return { revision, state: 'waiting', position, rule: 'line', blockers, reason };
  }
  if (ready > 0) {
    const state = place < 0 ? 'free' : 'waiting';
    const reason = `${ready} ready`;
    return { revision, state, position: 0, rule: undefined, blockers: [], reason };
  }
  const by = claimed === 0 ? '' : ` by ${tellParticipants(workers)}`;
  const reason = `no message is ready; ${claimed} claimed${by}, ${delayed} delayed`;
  return { revision, state: 'waiting', position: 0, rule: 'empty', blockers: workers, reason };
}
