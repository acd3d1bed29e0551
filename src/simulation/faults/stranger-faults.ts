import type { SimMember } from '../cluster/sim-member.js';
import type { World } from '../scenario/world.js';
import { type Fault, victim } from './fault.js';

/** Another cluster's number. */
const OTHER_CLUSTER = 0xc2n;

/** A member of another cluster has the addresses of this one. */
export const wrongCluster: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const { cluster } = world;
    world.noteFault('M5');
    const others = cluster.members.map(({ record }) => record);
    const stranger = cluster.outsider({
      clusterId: OTHER_CLUSTER,
      start: (own) =>
        dice.below(2) === 0
          ? { kind: 'join', members: others }
          : { kind: 'new', members: [...others, own] },
    });
    await stranger.start();
    await world.hold(dice.between(500, 6000));
    expectNothing(world, stranger);
    stranger.crash('kill');
  },
};

function expectNothing(world: World, stranger: SimMember): void {
  const status = stranger.kernel?.status();
  if (status === undefined) return;
  const { leader, revision, raftTerm } = status;
  // By itself it never leaves term 0: that takes the word of a majority.
  if (leader === 0n && revision === 1 && raftTerm === 0) return;
  const message = `a member of another cluster follows ${leader} in term ${raftTerm}, at revision ${revision}`;
  world.findings.report('M5', message);
}

/** A copy of a member's machine runs beside it. */
export const runTwice: Fault = {
  membersMin: 2,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined || member.isDirectoryExcused) return;
    const copy = await member.copy();
    await world.hold(dice.between(0, 3000));
    world.noteFault('M7', member.name);
    // The others cannot know which of the two is the true one, if one of them is silent.
    member.excuseFor('M7');
    const twin = world.cluster.outsider({ twinOf: member });
    await twin.replaceDirectory(copy);
    await twin.start();
    await world.hold(dice.between(500, 8000));
    twin.crash('kill');
    await world.hold(500);
    member.excuseNoMore('M7');
    member.excuseThisLife('M7');
    if (member.state !== 'up') await member.start();
  },
};
