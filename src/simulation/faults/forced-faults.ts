import type { SimMember } from '../cluster/sim-member.js';
import { showsState } from '../scenario/shown-state.js';
import type { World } from '../scenario/world.js';
import type { SimDice } from '../sim-dice.js';
import type { Fault } from './fault.js';
import {
  expectKept,
  leadAlone,
  RESTORED_CLUSTER,
  restoreWhole,
  startApart,
  takeImage,
} from './restore-faults.js';

/** How long a member may go on that was dropped, when it reaches who dropped it. */
const DROPPED_MAX_MS = 20_000;
/** How long strangers are looked at. */
const STRANGE_MS = 6000;

/** One member that was made a cluster of its own, and the others as they were. */
interface Disaster {
  readonly survivor: SimMember;
  readonly others: readonly SimMember[];
}

/**
 * Copies all directories at one moment and makes a cluster of one out of one of them by force.
 * Nothing of this cluster is touched. Not done where a member may be out of order.
 */
async function forceOne(world: World, dice: SimDice, name: string): Promise<Disaster | undefined> {
  const { members } = world.cluster;
  if (!areSound(members)) return undefined;
  const source = dice.pick(members);
  const before = source.kernel?.status();
  if (before === undefined) return undefined;
  world.noteFault(name, source.name);
  const places = world.cluster.apart(members.map(({ record }) => ({ record })));
  await copyAll(members, places);
  const survivor = places.find(({ id }) => id === source.id);
  if (survivor === undefined) return undefined;
  await startApart(world, survivor, { forceNewCluster: true });
  const { kernel } = survivor;
  if (kernel === undefined || !(await leadAlone(world, [survivor]))) {
    world.findings.report(name, `${source.name} by force is ${survivor.state}, or not alone`);
    return undefined;
  }
  const { revision } = kernel.status();
  // What a follower has applied it may not have on its own disk yet; a leader has.
  if (before.role === 'leader' && revision < before.revision) {
    world.findings.report(name, `${source.name} had ${before.revision}, and has ${revision}`);
  }
  // What is behind that was under way, and counts now, whatever else became of it.
  if (!(await showsState(world, kernel, Math.min(revision, before.revision)))) {
    world.findings.report(name, `${source.name} has not what it had at ${before.revision}`);
  }
  await expectKept(world, [survivor], name);
  return { survivor, others: places.filter((place) => place !== survivor) };
}

function areSound(members: readonly SimMember[]): boolean {
  return members.every(
    ({ kernel, excuse }) =>
      kernel !== undefined && !kernel.status().isLearner && excuse === undefined,
  );
}

async function copyAll(members: readonly SimMember[], places: readonly SimMember[]): Promise<void> {
  const copies = await Promise.all(members.map((member) => member.copy()));
  await Promise.all(places.map((place, at) => place.replaceDirectory(copies[at])));
}

/** A member is made a cluster of its own. */
export const forceAlone: Fault = {
  membersMin: 2,
  perform: async (world, dice) => {
    const made = await forceOne(world, dice, 'O5');
    if (made === undefined) return;
    await world.hold(dice.between(100, 2000));
    made.survivor.crash('kill');
  },
};

/** Members of before come back where one of them is another cluster by now. */
export const oldMembersReturn: Fault = {
  membersMin: 3,
  perform: (world, dice) => (dice.below(2) === 0 ? afterForce : afterRestore)(world, dice),
};

/** They are told that they were removed, and end. */
async function afterForce(world: World, dice: SimDice): Promise<void> {
  const made = await forceOne(world, dice, 'M8');
  if (made === undefined) return;
  const { survivor, others } = made;
  const term = survivor.kernel?.status().raftTerm;
  const back = dice.below(2) === 0 ? others : others.slice(0, 1);
  await Promise.all(back.map((member) => startApart(world, member)));
  const areGone = (): boolean => back.every(({ state }) => state !== 'up');
  if (!(await world.until(areGone, DROPPED_MAX_MS))) {
    const names = back.filter(({ state }) => state === 'up').map(({ name }) => name);
    world.findings.report('M8', `dropped by force, and goes on: ${names.join(', ')}`);
  }
  await expectUndisturbed(world, survivor, term);
  for (const member of [survivor, ...back]) member.crash('kill');
}

/** They go on among themselves, if they are enough, and have nothing to do with it. */
async function afterRestore(world: World, dice: SimDice): Promise<void> {
  const { cluster } = world;
  const { members } = cluster;
  const source = dice.pick(members);
  if (!areSound(members) || source.kernel === undefined) return;
  world.noteFault('M8', source.name);
  const image = await takeImage(world, source.kernel);
  if (image === undefined || !areSound(members)) return;
  const record = { ...source.record, id: world.sim.random.split(`new ${source.name}`).int63() };
  const rest = members.filter((member) => member !== source);
  const [restored, ...others] = cluster.apart([
    { record, clusterId: RESTORED_CLUSTER },
    ...rest.map((member) => ({ record: member.record })),
  ]);
  if (restored === undefined) return;
  await copyAll(rest, others);
  await restoreWhole(world, restored, { members: [record], image, revisionBump: 0 });
  await startApart(world, restored);
  await expectKept(world, [restored], 'M8');
  const term = restored.kernel?.status().raftTerm;
  await Promise.all(others.map((member) => startApart(world, member)));
  await world.sim.pause(STRANGE_MS);
  await expectUndisturbed(world, restored, term);
  for (const { kernel, name } of others) {
    if (kernel?.status().leader !== restored.id) continue;
    world.findings.report('M8', `${name} follows a member of a restored cluster`);
  }
  for (const member of [restored, ...others]) member.crash('kill');
}

/** It leads, alone, in the term in which it did. */
async function expectUndisturbed(
  world: World,
  home: SimMember,
  term: number | undefined,
): Promise<void> {
  const isAlone = await leadAlone(world, [home]);
  const now = home.kernel?.status().raftTerm;
  if (isAlone && now === term) return;
  world.findings.report('M8', `${home.name} led alone in term ${term}; now ${now}, ${home.state}`);
}
