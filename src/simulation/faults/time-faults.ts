import { type Fault, victim } from './fault.js';

/** Somebody sets the wall clock of a member. */
export const jumpWall: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined) return;
    world.noteFault('T1', member.name);
    member.machine.jumpWall(dice.between(-3_600_000, 3_600_000));
    await world.hold(dice.between(100, 3000));
  },
};

/** The clock of a member runs up to a twentieth faster or slower. */
export const skewClock: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined) return;
    world.noteFault('T2', member.name);
    member.machine.setRate(dice.between(0.95, 1.05));
    await world.hold(dice.between(2000, 20_000));
    member.machine.setRate(1);
  },
};

/**
 * The monotonic clock leaps, as after a virtual machine was resumed: time has passed, or the clock
 * alone says so.
 */
export const jumpClock: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined || member.machine.isPaused) return;
    const ms = dice.between(200, 20_000);
    world.noteFault('T3', `${member.name} by ${ms.toFixed(0)} ms`);
    // One member alone has nobody to tell it that no time has passed.
    const isClockAlone = world.cluster.members.length > 1 && ms > world.electionMs * 1.5;
    if (isClockAlone && dice.below(2) === 0) {
      member.machine.jump(ms);
      await world.hold(dice.between(200, 3000));
      return;
    }
    member.machine.pause();
    await world.hold(ms);
    member.machine.resume('timers-first');
  },
};

/** The event loop of a member is blocked for a moment. */
export const stallLoop: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined || member.machine.isPaused) return;
    world.noteFault('T4', member.name);
    for (let round = 1 + dice.below(4); round > 0; round--) {
      member.machine.pause();
      await world.hold(dice.between(100, 2000));
      member.machine.resume('timers-first');
      await world.hold(dice.between(20, 500));
    }
  },
};

/** A client's machine stands still, or its wall clock is set. */
export const clientTime: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    if (world.clients.length === 0) return;
    const { machine } = dice.pick(world.clients);
    if (machine.isPaused) return;
    world.noteFault('T5', machine.name);
    if (dice.below(3) === 0) machine.jumpWall(dice.between(-600_000, 600_000));
    machine.pause();
    await world.hold(dice.between(100, 9000));
    machine.resume(dice.pick(['timers-first', 'arrivals-first', 'as-it-came']));
  },
};
