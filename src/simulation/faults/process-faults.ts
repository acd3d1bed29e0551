import type { SimMember } from '../cluster/sim-member.js';
import type { World } from '../scenario/world.js';
import type { SimDice } from '../sim-dice.js';
import { CALM_WEATHER } from '../sim-network.js';
import {
  countOf,
  expectFewTerms,
  expectLeader,
  type Fault,
  leadershipOf,
  victim,
} from './fault.js';

/** How long whoever runs a member waits for its orderly end. */
const STOP_MAX_MS = 20_000;

/** Starts a member again some time after it went down, unless something else did. */
async function restartLater(world: World, member: SimMember, ms: number): Promise<void> {
  await world.hold(ms);
  if (member.state === 'down') await member.start();
}

/** Kill -9 of a member. */
export const killOne: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined) return;
    world.noteFault('P1', member.name);
    member.crash('kill');
    await restartLater(world, member, dice.between(50, 5000));
  },
};

/** The power of all machines goes at once. */
export const killAll: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    world.noteFault('P2');
    const { members } = world.cluster;
    for (const member of members) member.crash('power');
    await Promise.all(members.map((member) => restartLater(world, member, dice.between(20, 2500))));
  },
};

/** A machine stands still. */
export const pauseOne: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined || member.machine.isPaused) return;
    const isLong = dice.below(4) === 0;
    const ms = isLong ? dice.between(3000, 30_000) : dice.between(100, 3000);
    world.noteFault('P3', `${member.name} for ${ms.toFixed(0)} ms`);
    member.machine.pause();
    await world.hold(ms);
    member.machine.resume(dice.pick(['timers-first', 'arrivals-first', 'as-it-came']));
  },
};

/**
 * The leader stands still until the others have another one, and wakes up cut off from them: it has
 * clients that ask, and answers on their way from before.
 */
export const wakeDeposed: Fault = {
  membersMin: 3,
  perform: async (world, dice) => {
    const { cluster, network } = world;
    const { leader, members } = cluster;
    if (leader === undefined || leader.machine.isPaused) return;
    world.noteFault('P3b', leader.name);
    const cut = (isCut: boolean): void => {
      for (const { machine } of members) {
        if (machine === leader.machine) continue;
        network.setCut(machine, leader.machine, isCut);
        network.setCut(leader.machine, machine, isCut);
      }
    };
    if (dice.below(2) === 0) {
      // What the others say now comes when it is not true any more.
      const late = { ...CALM_WEATHER, latencyMinMs: 2000, latencyMaxMs: 4000, reorders: true };
      const others = members.filter((member) => member !== leader);
      for (const { machine } of others) network.setLinkWeather(machine, leader.machine, late);
      await world.hold(dice.between(150, 500));
      for (const { machine } of others)
        network.setLinkWeather(machine, leader.machine, CALM_WEATHER);
    }
    leader.machine.pause();
    cut(true);
    const isReplaced = (): boolean => {
      const role = cluster.leader;
      return world.isHealing || (role !== undefined && role !== leader);
    };
    await world.until(isReplaced, world.electionMs * 4);
    await world.hold(dice.between(50, 1000));
    leader.machine.resume(dice.pick(['arrivals-first', 'as-it-came']));
    await world.hold(dice.between(10, 500));
    cut(false);
  },
};

/** A machine does everything slowly. */
export const slowOne: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined) return;
    world.noteFault('P4', member.name);
    const before = countOf(world);
    member.machine.slowDown(dice.between(1, 12));
    await world.hold(dice.between(1000, 10_000));
    member.machine.slowDown(0);
    expectFewTerms(world, 'P4', before);
  },
};

/** A member that is started and ended again and again. */
export const restartLoop: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined) return;
    world.noteFault('P5', member.name);
    for (let round = 3 + dice.below(4); round > 0 && !world.isHealing; round--) {
      member.crash(dice.below(2) === 0 ? 'kill' : 'power');
      await restartLater(world, member, dice.between(10, 1000));
      await world.hold(dice.between(300, 4000));
    }
  },
};

/** A member ends exactly between two of its steps. */
export const crashInStep: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    const process = member?.process;
    if (member === undefined || process === undefined) return;
    process.endAtCall(1 + dice.below(120));
    await world.until(() => !process.isAlive || world.isHealing, 5000);
    process.spare();
    if (process.isAlive) return;
    world.noteFault('P7', `${member.name} at call ${process.callCount}`);
    await restartLater(world, member, dice.between(10, 3000));
  },
};

/** An orderly end. */
export const stopOne: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined) return;
    world.noteFault('P9', member.name);
    // A member that stands still in the middle of its end does not come to it.
    await Promise.race([member.stop(), world.sim.pause(STOP_MAX_MS)]);
    member.crash('kill');
    await restartLater(world, member, dice.between(20, 3000));
  },
};

/** Where members are misled at the moment: two at once could elect somebody together. */
const MISLED = new WeakSet<World>();

/**
 * Members come to believe that the process of a leader has ended that is well; often one that leads
 * since a moment ago, for it is believed once in a term. One of them alone deposes nobody.
 */
export const misleadAboutEnd: Fault = {
  membersMin: 2,
  perform: async (world, dice) => {
    if (MISLED.has(world)) return;
    MISLED.add(world);
    try {
      if (dice.below(2) === 0) {
        const handsOver = world.cluster.leader?.kernel?.stepAside().catch(() => undefined);
        // One that ends or stands still meanwhile never says so.
        await Promise.race([handsOver, world.hold(world.electionMs)]);
      }
      await world.hold(dice.between(world.electionMs / 10, world.electionMs));
      await misleadSome(world, dice);
      await world.hold(world.electionMs * 2);
    } finally {
      MISLED.delete(world);
    }
  },
};

async function misleadSome(world: World, dice: SimDice): Promise<void> {
  const { leader } = world.cluster;
  const others = world.serving.filter((member) => member !== leader);
  if (leader === undefined || others.length === 0) return;
  const before = leadershipOf(world);
  const misled = dice.below(3) === 0 ? others : [dice.pick(others)];
  world.noteFault('P10', `${misled.map(({ name }) => name).join(' ')} about ${leader.name}`);
  for (let times = 1 + dice.below(3); times > 0; times--) {
    for (const { wire } of misled) wire.mislead(leader.id);
    await world.hold(dice.between(1, world.electionMs));
  }
  if (misled.length === 1 && others.length > 1) expectLeader(world, 'P10', before);
}

/** The power of one machine goes. */
export const cutPower: Fault = {
  membersMin: 1,
  perform: async (world: World, dice: SimDice) => {
    const member = victim(world, dice);
    if (member === undefined) return;
    world.noteFault('D1', member.name);
    member.crash('power');
    await restartLater(world, member, dice.between(20, 5000));
  },
};
