import type { SimMember } from '../cluster/sim-member.js';
import type { World } from '../scenario/world.js';
import type { SimDice } from '../sim-dice.js';

/** Something that goes wrong, from its beginning to its end. */
export interface Fault {
  /** Members that the cluster must have for it to make sense. */
  readonly membersMin: number;
  /** Does it, waits with `world.hold`, and undoes what can be undone. */
  readonly perform: (world: World, dice: SimDice) => Promise<void>;
}

/** A member to harm: often the leader, because there most is at stake. */
export function victim(world: World, dice: SimDice): SimMember | undefined {
  const { leader } = world.cluster;
  if (leader !== undefined && dice.below(2) === 0) return leader;
  const serving = world.serving;
  return serving.length === 0 ? undefined : dice.pick(serving);
}

/** Who leads, and in which term. */
export function leadershipOf({ cluster }: World): string | undefined {
  const { leader } = cluster;
  return leader && `${leader.name} in term ${leader.kernel?.status().raftTerm}`;
}

/** Reports an election for which this fault, as long as it is the only one, is no reason. */
export function expectLeader(world: World, name: string, before: string | undefined): void {
  const after = leadershipOf(world);
  if (before === undefined || after === before || !world.isOnlyFault(name)) return;
  world.findings.report(name, `${before} led, and then ${after ?? 'nobody'}`);
}

/** What elections are counted from. */
interface Count {
  readonly term: number;
  readonly faults: number;
}

/** The latest term that anybody who serves is in, and how many faults there were. */
export function countOf({ serving, faultCount: faults }: World): Count {
  const terms = serving.map(({ kernel }) => kernel?.status().raftTerm ?? 0);
  return { term: Math.max(0, ...terms), faults };
}

/** Terms that one fault may cost whoever leads, with those that were under way when it began. */
const TERMS_MAX = 3;

/**
 * Reports more terms since `before` than this fault, as long as it is the only one, may cost: one
 * for each time that it has struck since, besides those that are allowed anyway.
 */
export function expectFewTerms(world: World, name: string, before: Count): void {
  const { term, faults } = countOf(world);
  const most = TERMS_MAX + faults - before.faults;
  if (term - before.term <= most || !world.isOnlyFault(name)) return;
  const message = `${term - before.term} terms since it began, ${most} at most were expected`;
  world.findings.report(name, message);
}

/** Whether another member may lose its directory: never more than a minority of the first ones. */
export function mayLoseDirectory(world: World): boolean {
  const { everyone, memberCount } = world.cluster;
  const lost = everyone.filter((member) => member.isDirectoryExcused).length;
  return lost + 1 <= Math.floor((memberCount - 1) / 2);
}
