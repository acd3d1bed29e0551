import { type KeyValue, toText } from '../../store/index.js';
import { parseObject } from '../base/note.js';
import { tellTime } from '../base/tell.js';
import type { Participant, WaitPlan } from '../base/wait-plan.js';
import { isOrdinal, numberSegment } from './barrier-layout.js';

/** What the keys of a latch say, and the words for it. Nothing here waits or writes. */

/** Where one latch keeps what. */
export interface LatchKeys {
  /** Everything of the latch is under it. */
  readonly all: string;
  readonly state: string;
  /** Prefix of what was counted in one round. */
  down(round: number): string;
}

export function latchKeys(name: string): LatchKeys {
  const all = `${name}/@latch/`;
  return { all, state: `${all}state`, down: (round) => `${all}down/${numberSegment(round)}/` };
}

/** The state of a latch as it is stored. */
export interface LatchRound {
  /** 1 for the first. */
  readonly round: number;
  /** How many distinct ids open it. */
  readonly count: number;
  readonly isOpen: boolean;
  /** Who wrote it, so that a write whose answer was lost is recognised. */
  readonly nonce: string;
}

/** A latch at one revision. */
export interface LatchStatus {
  readonly revision: number;
  /** 0 as long as nobody set a count. */
  readonly round: number;
  readonly count: number;
  readonly isOpen: boolean;
  /** The ids that were counted in this round, in the order of counting. */
  readonly counted: readonly string[];
  /** How many are missing. */
  readonly remaining: number;
}

export function encodeRound(round: LatchRound): string {
  const { round: number, count, isOpen, nonce } = round;
  return JSON.stringify({ round: number, count, isOpen, nonce });
}

/** Undefined when nobody has set a count, or what another program has written makes none. */
export function decodeRound(kv: KeyValue | undefined): LatchRound | undefined {
  if (kv === undefined) return undefined;
  const { round, count, isOpen, nonce } = parseObject(toText(kv.value));
  if (typeof round !== 'number' || !isOrdinal(round)) return undefined;
  if (typeof count !== 'number' || !isOrdinal(count)) return undefined;
  return { round, count, isOpen: isOpen === true, nonce: typeof nonce === 'string' ? nonce : '' };
}

/** @param downs - What was counted in the round, in any order. */
export function latchStatus(
  revision: number,
  state: LatchRound | undefined,
  downs: readonly KeyValue[],
): LatchStatus {
  const ordered = downs.toSorted((a, b) => a.createRevision - b.createRevision);
  const counted = ordered.map((kv) => {
    const key = toText(kv.key);
    return key.slice(key.lastIndexOf('/') + 1);
  });
  const count = state?.count ?? 0;
  const isOpen = state !== undefined && (state.isOpen || counted.length >= count);
  const remaining = isOpen ? 0 : count - counted.length;
  return { revision, round: state?.round ?? 0, count, isOpen, counted, remaining };
}

export function latchPlan(status: LatchStatus, last: Participant | undefined): WaitPlan<'count'> {
  const { revision, round, count, isOpen, counted, remaining } = status;
  if (isOpen) {
    const reason = `round ${round} is open`;
    return { revision, state: 'free', position: 0, rule: undefined, blockers: [], reason };
  }
  const when = last?.sinceMs === undefined ? '' : ` at ${tellTime(last.sinceMs)}`;
  const latest = last === undefined ? '' : `, the last one was ${counted.at(-1)}${when}`;
  const reason =
    round === 0
      ? 'nobody has set a count'
      : `round ${round}: ${counted.length} of ${count} counted${latest}, ${remaining} are missing`;
  return { revision, state: 'waiting', position: 0, rule: 'count', blockers: [], reason };
}
