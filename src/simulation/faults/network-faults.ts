import type { SimMember } from '../cluster/sim-member.js';
import type { World } from '../scenario/world.js';
import type { SimDice } from '../sim-dice.js';
import type { SimMachine } from '../sim-machine.js';
import { CALM_WEATHER, type LinkWeather } from '../sim-network.js';
import { countOf, expectFewTerms, type Fault, victim } from './fault.js';

/** Every direction between members. */
function memberLinks(world: World): readonly (readonly [SimMachine, SimMachine])[] {
  const machines = world.cluster.members.map(({ machine }) => machine);
  return machines.flatMap((from) =>
    machines.filter((to) => to !== from).map((to) => [from, to] as const),
  );
}

/** Bad weather between members for a while. */
function weather(name: string, make: (world: World, dice: SimDice) => LinkWeather): Fault {
  return {
    membersMin: 2,
    perform: async (world, dice) => {
      const bad = make(world, dice);
      world.noteFault(name);
      const links = memberLinks(world).filter(() => dice.below(4) !== 0);
      for (const [from, to] of links) world.network.setLinkWeather(from, to, bad);
      await world.hold(dice.between(500, 12_000));
      for (const [from, to] of links) world.network.setLinkWeather(from, to, CALM_WEATHER);
    },
  };
}

/** Messages are lost. */
export const loseMessages = weather('N1', (_world, dice) => ({
  ...CALM_WEATHER,
  dropPerMille: 10 + dice.below(490),
}));

/** Messages take up to several election timeouts. */
export const delayMessages = weather('N2', (world, dice) => ({
  ...CALM_WEATHER,
  latencyMaxMs: dice.between(20, world.electionMs * 3),
  reorders: dice.below(2) === 0,
}));

/** Messages come twice, out of order, and very late. */
export const scrambleMessages = weather('N3', (_world, dice) => ({
  ...CALM_WEATHER,
  duplicatePerMille: dice.below(300),
  latePerMille: dice.below(100),
  lateMaxMs: dice.pick([500, 5000, 60_000]),
  reorders: true,
}));

/** Cuts those links for `ms`, then mends them. */
async function cutFor(
  world: World,
  links: readonly (readonly [SimMachine, SimMachine])[],
  ms: number,
): Promise<void> {
  for (const [from, to] of links) world.network.setCut(from, to, true);
  await world.hold(ms);
  for (const [from, to] of links) world.network.setCut(from, to, false);
}

/** The members fall into two sides; clients reach both. */
export const partition: Fault = {
  membersMin: 2,
  perform: async (world, dice) => {
    const sides = new Map(
      world.cluster.members.map(({ machine }) => [machine, dice.below(2)] as const),
    );
    world.noteFault('N4', [...sides].map(([{ name }, side]) => `${name}:${side}`).join(' '));
    const links = memberLinks(world).filter(([a, b]) => sides.get(a) !== sides.get(b));
    await cutFor(world, links, dice.between(300, 12_000));
  },
};

/** One member is heard and does not hear, or the other way round. */
export const oneWay: Fault = {
  membersMin: 2,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined) return;
    const isDeaf = dice.below(2) === 0;
    world.noteFault('N5', `${member.name} ${isDeaf ? 'hears nobody' : 'is not heard'}`);
    const links = memberLinks(world).filter(([a, b]) => (isDeaf ? b : a) === member.machine);
    const before = countOf(world);
    await cutFor(world, links, dice.between(500, 10_000));
    expectFewTerms(world, 'N5', before);
  },
};

/** Some pairs do not reach each other though both reach the rest. */
export const partial: Fault = {
  membersMin: 3,
  perform: async (world, dice) => {
    world.noteFault('N6');
    const { members } = world.cluster;
    const from = dice.below(members.length);
    const pair = [members[from], members[(from + 1) % members.length]] as const;
    const machines = new Set(pair.map((member) => (member as SimMember).machine));
    const links = memberLinks(world).filter(([a, b]) => machines.has(a) && machines.has(b));
    await cutFor(world, links, dice.between(1000, 12_000));
  },
};

/** The leader loses the other members and keeps its clients. */
export const isolateLeader: Fault = {
  membersMin: 2,
  perform: async (world, dice) => {
    const { leader } = world.cluster;
    if (leader === undefined) return;
    world.noteFault('N7', leader.name);
    const links = memberLinks(world).filter(
      ([a, b]) => a === leader.machine || b === leader.machine,
    );
    await cutFor(world, links, dice.between(500, 12_000));
  },
};

/**
 * The leader is left with a minority that goes on taking entries; then it falls, or the others'
 * new leader does, just when they can hear each other again.
 */
export const leaderInMinority: Fault = {
  membersMin: 3,
  perform: async (world, dice) => {
    const { cluster } = world;
    const { leader, members } = cluster;
    if (leader === undefined) return;
    const followers = members.filter((member) => member !== leader);
    const minority = new Set([leader, ...followers.slice(0, Math.floor((members.length - 2) / 2))]);
    const machines = new Set([...minority].map(({ machine }) => machine));
    world.noteFault('N4b', [...minority].map(({ name }) => name).join(' '));
    const links = memberLinks(world).filter(([a, b]) => machines.has(a) !== machines.has(b));
    for (const [from, to] of links) world.network.setCut(from, to, true);
    await world.hold(dice.between(100, world.electionMs));
    let falls: SimMember | undefined = leader;
    if (dice.below(3) !== 0) {
      const isReplaced = (): boolean =>
        world.isHealing || (cluster.leader !== undefined && !minority.has(cluster.leader));
      await world.until(isReplaced, world.electionMs * 4);
      await world.hold(dice.between(0, 200));
      falls = cluster.leader;
    }
    falls?.crash(dice.below(2) === 0 ? 'kill' : 'power');
    for (const [from, to] of links) world.network.setCut(from, to, false);
    await world.hold(dice.between(500, 5000));
    if (falls?.state === 'down') await falls.start();
  },
};

/** A link comes and goes, or everything on it stands and then flows. */
export const flap: Fault = {
  membersMin: 2,
  perform: async (world, dice) => {
    world.noteFault('N8');
    for (let round = 3 + dice.below(6); round > 0 && !world.isHealing; round--) {
      const [from, to] = dice.pick(memberLinks(world));
      if (dice.below(2) === 0) world.network.clog(from, to, dice.between(100, 3000));
      else await cutFor(world, [[from, to]], dice.between(100, 2000));
      await world.hold(dice.between(50, 1000));
    }
  },
};

/** A client and a member: one of them does not notice that the other is not heard any more. */
export const halfOpen: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined || world.clients.length === 0) return;
    const clients = world.clients.filter(() => dice.below(3) === 0);
    world.noteFault('N9', member.name);
    const links = clients.flatMap(({ machine }) =>
      dice.below(2) === 0
        ? [[machine, member.machine] as const]
        : [[member.machine, machine] as const],
    );
    await cutFor(world, links, dice.between(500, 12_000));
  },
};

/** Clients lose everybody for a while. */
export const disconnectClients: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const clients = world.clients.filter(() => dice.below(2) === 0);
    world.noteFault('C2');
    const links = clients.flatMap(({ machine }) =>
      world.cluster.members.flatMap((member) => [
        [machine, member.machine] as const,
        [member.machine, machine] as const,
      ]),
    );
    await cutFor(world, links, dice.between(500, 15_000));
  },
};

/** Requests and answers of clients are lost or late. */
export const badClientWeather: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    world.noteFault('C9');
    const bad: LinkWeather = {
      ...CALM_WEATHER,
      dropPerMille: 10 + dice.below(300),
      latencyMaxMs: dice.between(5, 1500),
    };
    const links = world.clients.flatMap(({ machine }) =>
      world.cluster.members.flatMap((member) => [
        [machine, member.machine] as const,
        [member.machine, machine] as const,
      ]),
    );
    for (const [from, to] of links) world.network.setLinkWeather(from, to, bad);
    await world.hold(dice.between(500, 10_000));
    for (const [from, to] of links) world.network.setLinkWeather(from, to, CALM_WEATHER);
  },
};

/**
 * Some ways from clients to members get so slow that whoever calls has long asked another member,
 * and what was asked first arrives all the same.
 */
export const holdUpRequests: Fault = {
  membersMin: 2,
  perform: async (world, dice) => {
    world.noteFault('C14');
    const fromMs = world.sim.nowMs;
    const lateMaxMs = dice.pick([4000, 20_000]);
    const late = { ...CALM_WEATHER, latencyMinMs: 1500, latencyMaxMs: lateMaxMs };
    const links = world.clients.flatMap(({ machine }) =>
      world.cluster.members
        .filter(() => dice.below(3) === 0)
        .map((member) => [machine, member.machine] as const),
    );
    for (const [from, to] of links) world.network.setLinkWeather(from, to, late);
    await world.hold(dice.between(200, 4000));
    for (const [from, to] of links) world.network.setLinkWeather(from, to, CALM_WEATHER);
    // What is under way may renew a lease when it arrives.
    world.noteSpan(fromMs, world.sim.nowMs + lateMaxMs);
  },
};
