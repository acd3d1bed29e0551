import type { SimMember } from '../cluster/sim-member.js';
import type { World } from '../scenario/world.js';
import type { SimDice } from '../sim-dice.js';
import { CALM_WEATHER } from '../sim-network.js';
import { expectLeader, type Fault, leadershipOf } from './fault.js';

/** How long a member may be kept away until the others' logs have forgotten what it needs, */
const AWAY_MAX_MS = 15_000;
/** and how long a transfer is waited for, */
const BEGIN_MAX_MS = 3000;
/** and may take. */
const TRANSFER_MAX_MS = 5000;
/** Bytes of a frame's envelope: who damages those speaks for somebody else. */
const ENVELOPE_BYTES = 42;

/**
 * Takes a member away until it can only go on with a whole state, and brings it back.
 * @returns it, or nobody when it did not come to that
 */
async function makeBehind(world: World, dice: SimDice): Promise<SimMember | undefined> {
  const { cluster } = world;
  const followers = world.serving.filter((member) => member !== cluster.leader);
  if (followers.length === 0) return undefined;
  const member = dice.pick(followers);
  const { snapshotEntries, snapshotCatchUpEntries = 0 } = cluster.settings;
  const lag = snapshotEntries * 2 + snapshotCatchUpEntries;
  const from = cluster.judge.appliedMax;
  member.crash(dice.below(2) === 0 ? 'kill' : 'power');
  const isForgotten = (): boolean => world.isHealing || cluster.judge.appliedMax > from + lag;
  await world.until(isForgotten, AWAY_MAX_MS);
  return member;
}

/** Starts the member, and waits until pieces of a state are on their way to it. */
async function beginTransfer(world: World, member: SimMember): Promise<boolean> {
  const before = member.wire.piecesReceived;
  if (member.state === 'down') await member.start();
  const isOnItsWay = (): boolean => world.isHealing || member.wire.piecesReceived > before;
  return await world.until(isOnItsWay, BEGIN_MAX_MS, 2);
}

/** Lets a transfer go on for a while. */
async function waitForState(world: World, member: SimMember): Promise<void> {
  const isLevel = (): boolean =>
    world.isHealing ||
    (member.kernel?.status().appliedIndex ?? 0) + 5 > world.cluster.judge.appliedMax;
  await world.until(isLevel, TRANSFER_MAX_MS);
}

function flipOneBit(frame: Uint8Array, dice: SimDice): Uint8Array {
  const damaged = frame.slice();
  const at = ENVELOPE_BYTES + dice.below(frame.length - ENVELOPE_BYTES);
  damaged[at] = (damaged[at] as number) ^ (1 << dice.below(8));
  return damaged;
}

/** Pieces of a state are damaged on their way. */
export const damagePieces: Fault = {
  membersMin: 2,
  perform: async (world, dice) => {
    const member = await makeBehind(world, dice);
    if (member === undefined) return;
    world.noteFault('D9', member.name);
    const share = dice.pick([100, 400, 900]);
    member.wire.harmPiece = (frame) => (dice.chance(share) ? flipOneBit(frame, dice) : frame);
    await beginTransfer(world, member);
    await waitForState(world, member);
    member.wire.harmPiece = undefined;
    await waitForState(world, member);
  },
};

/** What has arrived of a state rots on the disk, while it arrives or before it is installed. */
export const rotImage: Fault = {
  membersMin: 2,
  perform: async (world, dice) => {
    const member = await makeBehind(world, dice);
    if (member === undefined) return;
    member.excuseFor('D9b');
    for (let round = 1 + dice.below(3); round > 0 && !world.isHealing; round--) {
      if (!(await beginTransfer(world, member))) break;
      await world.hold(dice.between(0, 12));
      if (dice.below(2) === 0) member.crash('kill');
      await member.settled();
      const names = await member.disk.list('snapshot').catch(() => []);
      if (names.length > 0) {
        const path = `snapshot/${dice.pick(names)}`;
        const { length } = await member.disk.read(path).catch(() => new Uint8Array(0));
        if (length > 0) {
          world.noteFault('D9b', `${member.name} ${path}`);
          member.disk.flipBit(path, dice.below(length), dice.below(8));
          if (member.state === 'up') member.excuseThisLife('D9b');
        }
      }
      if (member.state === 'down') await member.start();
      await waitForState(world, member);
    }
    member.excuseNoMore('D9b');
    // What was damaged may be noticed at the next start, which is this.
    if (member.state === 'up') await waitForState(world, member);
  },
};

/** A transfer breaks off: the wire, the one who gives or the one who takes; and again. */
export const breakTransfer: Fault = {
  membersMin: 2,
  perform: async (world, dice) => {
    const member = await makeBehind(world, dice);
    if (member === undefined) return;
    for (let round = 2 + dice.below(4); round > 0 && !world.isHealing; round--) {
      if (!(await beginTransfer(world, member))) break;
      await world.hold(dice.between(0, 15));
      await breakOnce(world, member, dice);
    }
    await waitForState(world, member);
  },
};

async function breakOnce(world: World, member: SimMember, dice: SimDice): Promise<void> {
  const giver = world.cluster.leader;
  const roll = dice.below(4);
  world.noteFault('D17', `${member.name}, ${['it', 'its leader', 'the wire', 'a step'][roll]}`);
  if (roll === 0) member.crash(dice.below(2) === 0 ? 'kill' : 'power');
  else if (roll === 1 && giver !== undefined) {
    giver.crash('kill');
    await world.hold(dice.between(20, 1000));
    if (giver.state === 'down') await giver.start();
  } else if (roll === 2 && giver !== undefined) {
    world.network.setCut(giver.machine, member.machine, true);
    await world.hold(dice.between(50, 3000));
    world.network.setCut(giver.machine, member.machine, false);
  } else {
    const { process } = member;
    process?.endAtCall(1 + dice.below(12));
    await world.hold(500);
    process?.spare();
  }
  await world.hold(dice.between(0, 300));
}

/** Keys that make the state big, */
const BALLAST_KEYS = 10;
/** bytes of each, */
const BALLAST_BYTES = 30_000;
/** and election timeouts that it takes to move them over a narrow wire, at least and at most. */
const NARROW_TIMEOUTS = [3, 7] as const;

/** How often somebody looks whether a member follows. */
const LOOK_MS = 50;

/** Once the member has heard of a leader it goes on hearing of it, as long as it serves. */
async function followFor(world: World, member: SimMember, ms: number): Promise<void> {
  const endMs = world.sim.nowMs + ms;
  let hasFollowed = false;
  while (world.sim.nowMs < endMs && !world.isHealing && member.kernel !== undefined) {
    const { leader } = member.kernel.status();
    if (leader !== 0n) hasFollowed = true;
    else if (hasFollowed && world.isOnlyFault('N10')) {
      world.findings.report('N10', `${member.name} hears of no leader any more`);
      return;
    }
    await world.hold(LOOK_MS);
  }
}

/** A state is moved over a wire that takes long for it: heartbeats must not wait behind it. */
export const narrowWire: Fault = {
  membersMin: 2,
  perform: async (world, dice) => {
    const { network, cluster, electionMs } = world;
    const client = world.addClient();
    for (let at = 0; at < BALLAST_KEYS && !world.isHealing; at++) {
      const value = `${client.number}/${at}`.padEnd(BALLAST_BYTES, '.');
      await client.store.put({ key: `ballast/${at}`, value }).catch(() => undefined);
    }
    // With one away already the others would lose their quorum.
    if (world.serving.length < cluster.members.length) return;
    const member = await makeBehind(world, dice);
    if (member === undefined) return;
    world.noteFault('N10', member.name);
    const before = leadershipOf(world);
    const wholeMs = electionMs * dice.between(...NARROW_TIMEOUTS);
    const bytesPerSecond = (BALLAST_KEYS * BALLAST_BYTES * 1000) / wholeMs;
    const others = cluster.members.filter((one) => one !== member);
    const narrow = { ...CALM_WEATHER, bytesPerSecond };
    for (const { machine } of others) network.setLinkWeather(machine, member.machine, narrow);
    await member.start();
    await followFor(world, member, wholeMs * 1.5);
    expectLeader(world, 'N10', before);
    for (const { machine } of others) network.setLinkWeather(machine, member.machine, CALM_WEATHER);
    await waitForState(world, member);
  },
};
