import type { Kernel } from '../../kernel/index.js';
import type { SimMember } from '../cluster/sim-member.js';
import type { World } from '../scenario/world.js';
import { type Fault, victim } from './fault.js';

const VOTERS_MAX = 5;
/** The excuse of a member that may have been removed or not. */
export const BEING_REMOVED = 'being removed';
/** How long a change of the members that nobody answered may still happen. */
const REMOVAL_OPEN_MS = 15_000;

/** Asks a member that serves for a change, and gives up on it after a while. @returns whether */
async function attempt(world: World, ask: (kernel: Kernel) => Promise<unknown>): Promise<boolean> {
  const kernel = (world.cluster.leader ?? world.serving[0])?.kernel;
  if (kernel === undefined) return false;
  const asked = ask(kernel).then(
    () => true,
    () => false,
  );
  return (await Promise.race([asked, world.hold(10_000)])) === true;
}

/** A member joins as a learner, and is made a voter when it is ready. */
async function join(world: World): Promise<void> {
  const member = world.cluster.newMember();
  const isAdded = await attempt(world, (kernel) =>
    kernel.addMember({ ...member.record, isLearner: true }),
  );
  // Whether it was added is not known when the answer is lost: it tries, and may be refused.
  if (!isAdded) member.excuseDirectory('added for all anybody knows');
  await member.start();
  for (let round = 0; round < 10 && !world.isHealing; round++) {
    await world.hold(500);
    if (await attempt(world, (kernel) => kernel.promoteMember(member.id))) return;
  }
}

async function leave(world: World, member: SimMember): Promise<void> {
  // It may learn of its removal before whoever asked for it does.
  member.excuseFor(BEING_REMOVED);
  const isRemoved = await attempt(world, (kernel) => kernel.removeMember(member.id));
  if (isRemoved) {
    member.excuseDirectory('removed');
    world.cluster.forget(member);
  } else void settleRemoval(world, member);
}

/** Nobody answered: the removal may have happened, or may happen yet. */
async function settleRemoval(world: World, member: SimMember): Promise<void> {
  // Healing shortens no answer's way.
  await world.sim.pause(REMOVAL_OPEN_MS);
  const leader = world.cluster.leader?.kernel;
  const known = await leader?.members(true).catch(() => undefined);
  if (known === undefined) return;
  if (known.some(({ id }) => id === member.id)) member.excuseNoMore(BEING_REMOVED);
  else member.excuseDirectory('removed for all anybody knows');
}

/** Members come and go. */
export const changeMembers: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    world.noteFault('M1');
    const { members } = world.cluster;
    const mayShrink = members.length > 3;
    if (members.length < VOTERS_MAX && (!mayShrink || dice.below(2) === 0)) await join(world);
    else if (mayShrink) {
      const member = victim(world, dice);
      if (member !== undefined) await leave(world, member);
    }
  },
};

/** A learner is asked to vote long before it is ready. */
export const promoteEarly: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    if (world.cluster.members.length >= VOTERS_MAX) return;
    world.noteFault('M2');
    const member = world.cluster.newMember();
    member.excuseDirectory('added for all anybody knows');
    await attempt(world, (kernel) => kernel.addMember({ ...member.record, isLearner: true }));
    await attempt(world, (kernel) => kernel.promoteMember(member.id));
    await world.hold(dice.between(100, 2000));
    await member.start();
  },
};

/** The leader itself is removed. */
export const removeLeader: Fault = {
  membersMin: 3,
  perform: async (world) => {
    const { leader, members } = world.cluster;
    if (leader === undefined || members.length < 4) return;
    world.noteFault('M3', leader.name);
    await leave(world, leader);
  },
};

/** A member is added while another one is down and the rest is a quorum: that must be possible. */
export const addWhileOneIsDown: Fault = {
  membersMin: 3,
  perform: async (world, dice) => {
    const { cluster } = world;
    const { members } = cluster;
    const down = world.serving.find((member) => member !== cluster.leader);
    if (down === undefined || members.length >= VOTERS_MAX) return;
    world.noteFault('M10', down.name);
    down.crash('kill');
    await world.hold(dice.between(0, world.electionMs * 3));
    await join(world);
    if (down.state === 'down') await down.start();
  },
};

/** A member is removed while it is cut off from the others, and hears of it only later. */
export const removeUnheard: Fault = {
  membersMin: 3,
  perform: async (world, dice) => {
    const { cluster, network } = world;
    if (cluster.members.length <= 3) await join(world);
    const { leader, members } = cluster;
    if (members.length <= 3 || leader === undefined) return;
    const member = dice.pick(members.filter((one) => one !== leader));
    world.noteFault('M4b', member.name);
    const cut = (isCut: boolean): void => {
      for (const { machine } of cluster.everyone) {
        if (machine === member.machine) continue;
        network.setCut(machine, member.machine, isCut);
        network.setCut(member.machine, machine, isCut);
      }
    };
    cut(true);
    await world.hold(dice.between(10, 500));
    await leave(world, member);
    await world.hold(dice.between(100, 2000));
    cut(false);
  },
};

/** A removed member starts again with what it had. */
export const restartRemoved: Fault = {
  membersMin: 3,
  perform: async (world, dice) => {
    const { everyone, members } = world.cluster;
    const removed = everyone.filter((member) => !members.includes(member));
    if (removed.length === 0) return;
    const member = dice.pick(removed);
    world.noteFault('M4', member.name);
    member.crash('kill');
    await member.start();
    await world.hold(dice.between(1000, 5000));
  },
};

/** Two changes at once. */
export const changeAtOnce: Fault = {
  membersMin: 3,
  perform: async (world, dice) => {
    world.noteFault('M9');
    await Promise.all([
      changeMembers.perform(world, dice),
      changeMembers.perform(world, dice),
      handOver.perform(world, dice),
    ]);
  },
};

/** Leadership is handed to somebody. */
export const handOver: Fault = {
  membersMin: 2,
  perform: async (world, dice) => {
    const { leader, members } = world.cluster;
    const kernel = leader?.kernel;
    if (kernel === undefined) return;
    world.noteFault('L4', leader?.name);
    const target = dice.pick(members).id;
    await Promise.race([kernel.moveLeader(target).catch(() => undefined), world.hold(5000)]);
  },
};
