import { toText } from '../../store/index.js';
import { parseObject } from '../base/note.js';
import type { PrefixSnapshot } from '../base/prefix-snapshot.js';
import { tellParticipant, tellTime } from '../base/tell.js';
import type { Participant, WaitPlan } from '../base/wait-plan.js';
import { electionKeys } from './election-layout.js';

/** Who leads, as observers see it. */
export interface LeaderInfo {
  /** The candidate; it changes with every campaign. */
  readonly id: string;
  /** What the leader proclaimed. */
  readonly value: string;
  /** Grows with every change of leader; the same number that the leader fences with. */
  readonly term: number;
}

/** Somebody who stands for election; the leader is one of them. */
export interface Candidate {
  readonly id: string;
  readonly key: string;
  /** What it proclaims. */
  readonly value: string;
  readonly lease: bigint;
  /** Its place in the order. */
  readonly createRevision: number;
  readonly leads: boolean;
}

/** An election at one revision. */
export interface ElectionStatus {
  readonly revision: number;
  /**
   * Null when nobody leads; `sinceMs` is wall-clock time of whoever made it leader, undefined when
   * that is not known.
   */
  readonly leader: (LeaderInfo & { readonly sinceMs: number | undefined }) | null;
  /** In the order of coming. */
  readonly candidates: readonly Candidate[];
}

/**
 * Why a candidate does not lead.
 *
 * - `leader`: another one does.
 * - `line`: nobody leads, and others come first.
 * - `orphan`: the owner key belongs to no candidate; somebody wrote or kept it by hand.
 */
export type ElectionRule = 'leader' | 'line' | 'orphan';

export function leaderOf({ entries }: PrefixSnapshot): LeaderInfo | null {
  const owner = entries.get('leader');
  if (owner === undefined) return null;
  const id = toText(owner.value);
  const candidate = entries.get(`c/${id}`);
  return {
    id,
    value: candidate === undefined ? '' : toText(candidate.value),
    term: owner.modRevision,
  };
}

export function sameLeader(a: LeaderInfo | null, b: LeaderInfo | null): boolean {
  return a?.id === b?.id && a?.term === b?.term && a?.value === b?.value;
}

export function statusOf(name: string, snapshot: PrefixSnapshot): ElectionStatus {
  const { entries, revision } = snapshot;
  const leader = leaderOf(snapshot);
  const standing = [...entries].filter(([entry]) => entry.startsWith('c/'));
  const candidates = standing
    .map(([entry, kv]): Candidate => {
      const id = entry.slice('c/'.length);
      return {
        id,
        key: electionKeys(name).candidates + id,
        value: toText(kv.value),
        lease: kv.lease,
        createRevision: kv.createRevision,
        leads: id === leader?.id,
      };
    })
    .toSorted((a, b) => a.createRevision - b.createRevision);
  if (leader === null) return { revision, leader, candidates };
  const { candidate, sinceMs } = parseObject(toText(entries.get('@term')?.value ?? NOTHING));
  const isKnown = candidate === leader.id && typeof sinceMs === 'number';
  return { revision, leader: { ...leader, sinceMs: isKnown ? sinceMs : undefined }, candidates };
}

const NOTHING = new Uint8Array();

/** The value of the key that says since when a candidate leads. */
export function encodeTerm(candidate: string, sinceMs: number): string {
  return JSON.stringify({ candidate, sinceMs });
}

/** What stands between a candidate and the leadership; for a new one `mine` is undefined. */
export function planOf(
  name: string,
  status: ElectionStatus,
  mine: string | undefined,
): WaitPlan<ElectionRule> {
  const { revision, leader, candidates } = status;
  if (leader !== null && leader.id === mine) {
    const since = leader.sinceMs === undefined ? '' : ` since ${tellTime(leader.sinceMs)}`;
    const reason = `leads${since}, in term ${leader.term}`;
    return { revision, state: 'held', position: 0, rule: undefined, blockers: [], reason };
  }
  const place = candidates.findIndex(({ id }) => id === mine);
  const before = place < 0 ? candidates : candidates.slice(0, place);
  const ahead = before.filter(({ leads }) => !leads).map(toParticipant);
  const base = { revision, position: ahead.length + (leader === null ? 0 : 1) } as const;
  if (leader !== null) {
    const isOrphan = !candidates.some(({ leads }) => leads);
    const key = electionKeys(name).candidates + leader.id;
    const holder: Participant = {
      key: isOrphan ? electionKeys(name).leader : key,
      identity: leader.value,
      sinceMs: leader.sinceMs,
      metadata: {},
    };
    const by = isOrphan ? 'an owner key that no candidate stands behind' : tellParticipant(holder);
    const behind = ahead.length === 0 ? '' : `, ${ahead.length} ahead of you`;
    return {
      ...base,
      state: 'waiting',
      rule: isOrphan ? 'orphan' : 'leader',
      blockers: [holder, ...ahead],
      reason: `led by ${by}${behind}`,
    };
  }
  if (ahead.length > 0) {
    const reason = `nobody leads yet, ${ahead.length} ahead of you`;
    return { ...base, state: 'waiting', rule: 'line', blockers: ahead, reason };
  }
  const state = place < 0 ? 'free' : 'waiting';
  const reason = place < 0 ? 'nobody leads and nobody stands' : 'first in line, about to lead';
  return { ...base, state, rule: undefined, blockers: [], reason };
}

function toParticipant({ key, value }: Candidate): Participant {
  return { key, identity: value, sinceMs: undefined, metadata: {} };
}
