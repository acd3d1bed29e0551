import { type KeyValue, toText } from '../../store/index.js';
import { decodeNote, parseObject } from '../base/note.js';
import type { PrefixSnapshot } from '../base/prefix-view.js';
import { tellParticipants } from '../base/tell.js';
import type { Participant, WaitPlan } from '../base/wait-plan.js';
import { isOrdinal, numberSegment } from './barrier-layout.js';

/**
 * What the keys of a double barrier say. A generation is open when the number under `generation` is
 * larger: it moves by one, in one transaction, when somebody has seen enough members. So there is
 * nothing to clear away and nothing that a later generation could mistake for its own.
 */

/** What stands between the name of a double barrier and what belongs to it. */
export const RENDEZVOUS = '/@rendezvous/';

/** Members of one generation. */
export interface BarrierGeneration {
  readonly generation: number;
  readonly members: readonly Participant[];
}

/** A double barrier at one revision. */
export interface DoubleBarrierStatus {
  readonly revision: number;
  /** Those who wait to be let in, oldest first. */
  readonly gathering: BarrierGeneration;
  /** Generations that passed and have members that did not leave yet, oldest first. */
  readonly inside: readonly BarrierGeneration[];
}

/**
 * Why somebody waits at a double barrier.
 *
 * - `members`: not enough are there yet.
 * - `leaving`: not all of the generation have left.
 */
export type DoubleBarrierRule = 'members' | 'leaving';

/**
 * The generation that gathers: 1 before the first has passed, and when another program has written
 * what makes none. It must have a successor, or the gate would be opened without end.
 */
export function decodeGeneration(kv: KeyValue | undefined): number {
  if (kv === undefined) return 1;
  const { generation } = parseObject(toText(kv.value));
  return typeof generation === 'number' && isOrdinal(generation) ? generation : 1;
}

/** The prefix of the members of one generation. */
export function membersPrefix(name: string, generation: number): string {
  return `${name}${RENDEZVOUS}member/${numberSegment(generation)}/`;
}

export function statusOf({ revision, entries }: PrefixSnapshot): DoubleBarrierStatus {
  const current = decodeGeneration(entries.get('generation'));
  const byGeneration = new Map<number, KeyValue[]>();
  for (const [name, kv] of entries) {
    const [kind, segment] = name.split('/');
    if (kind !== 'member') continue;
    const generation = Number(segment);
    byGeneration.set(generation, [...(byGeneration.get(generation) ?? []), kv]);
  }
  const generationOf = (generation: number): BarrierGeneration => {
    const kvs = byGeneration.get(generation) ?? [];
    kvs.sort((a, b) => a.createRevision - b.createRevision);
    const members = kvs.map((kv): Participant => {
      return { key: toText(kv.key), ...decodeNote(kv.value) };
    });
    return { generation, members };
  };
  const passed = [...byGeneration.keys()].filter((generation) => generation < current);
  return {
    revision,
    gathering: generationOf(current),
    inside: passed.sort((a, b) => a - b).map(generationOf),
  };
}

/** What a handle knows of itself. */
export interface DoubleBarrierPlanTerms {
  /** Keys of its members. */
  readonly mine: ReadonlySet<string>;
  /** Generations that it waits to see the end of. */
  readonly leaving: ReadonlySet<number>;
  readonly needed: number;
}

export function planOf(
  { revision, gathering, inside }: DoubleBarrierStatus,
  { mine, leaving, needed }: DoubleBarrierPlanTerms,
): WaitPlan<DoubleBarrierRule> {
  const isMine = ({ key }: Participant): boolean => mine.has(key);
  const left = inside.find(({ generation }) => leaving.has(generation));
  const others = left?.members.filter((member) => !isMine(member)) ?? [];
  if (others.length > 0) {
    const reason = `${tellParticipants(others)} did not leave yet`;
    const rule = 'leaving';
    return { revision, state: 'waiting', position: 0, rule, blockers: others, reason };
  }
  const passed = inside.find(({ members }) => members.some(isMine));
  const here = gathering.members.length;
  if (gathering.members.some(isMine) || (passed === undefined && here + 1 < needed)) {
    const who = here === 0 ? '' : `: ${tellParticipants(gathering.members)}`;
    const reason = `${here} of ${needed} are there${who}`;
    return { revision, state: 'waiting', position: 0, rule: 'members', blockers: [], reason };
  }
  const plain = { revision, position: 0, rule: undefined, blockers: [] } as const;
  if (passed === undefined) {
    return {
      ...plain,
      state: 'free',
      reason: `${here} of ${needed} are there, and one more comes`,
    };
  }
  const count = passed.members.filter((member) => !isMine(member)).length;
  const reason = `inside with generation ${passed.generation}, ${count} others with it`;
  return { ...plain, state: 'held', reason };
}
