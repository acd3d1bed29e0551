import type { SimMember } from '../cluster/sim-member.js';
import { CALM_DISK } from '../member-disk.js';
import type { World } from '../scenario/world.js';
import type { SimDice } from '../sim-dice.js';
import type { SimDiskCall } from '../sim-disk.js';
import { type Fault, leadershipOf, mayLoseDirectory, victim } from './fault.js';

/** A call of the disk fails, once. */
function failCall(name: string, calls: readonly SimDiskCall[]): Fault {
  return {
    membersMin: 1,
    perform: async (world, dice) => {
      const member = victim(world, dice);
      if (member === undefined) return;
      world.noteFault(name, member.name);
      member.excuseFor(name);
      const { disk } = member;
      for (const call of calls) disk.fail({ call, nth: 1 + dice.below(30), kind: 'io' });
      await world.hold(dice.between(500, 4000));
      // A member may notice later, at the file that it needs next.
      if (disk.forgetFaults() < calls.length) member.excuseThisLife(name);
      member.excuseNoMore(name);
    },
  };
}

/** A sync fails. */
export const failSync = failCall('D2', ['sync', 'writeDurably', 'syncDirectory']);
/** A write, or a change of names, fails. */
export const failWrite = failCall('D3', ['write', 'create', 'rename', 'remove']);
/** A file cannot be read: noticed at a start. */
export const failRead: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined) return;
    world.noteFault('D10', member.name);
    member.crash('kill');
    await member.settled();
    member.disk.fail({ call: 'read', nth: 1 + dice.below(2), kind: 'io' });
    member.excuseFor('D10');
    await world.hold(dice.between(20, 500));
    const { disk } = member;
    await member.start();
    disk.forgetFaults();
    member.excuseNoMore('D10');
  },
};

/** A commit of the backend fails. */
export const failCommit: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined) return;
    world.noteFault('D3b', member.name);
    member.excuseFor('D3b');
    member.backend.failNextCommit(new Error('a planned failure of the backend'));
    const { process } = member;
    await world.hold(dice.between(200, 2000));
    // What was planned and did not come up goes with this life.
    if (process?.isAlive === true) member.crash('kill');
    member.excuseNoMore('D3b');
    if (member.state === 'down') await member.start();
  },
};

/** There is no room for a while. */
export const fillDisk: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined) return;
    world.noteFault('D4', member.name);
    member.excuseFor('D4');
    member.diskWeather = { ...member.diskWeather, isFull: true };
    await world.hold(dice.between(1000, 8000));
    member.diskWeather = { ...member.diskWeather, isFull: false };
    member.excuseThisLife('D4');
    member.excuseNoMore('D4');
  },
};

/** A disk whose syncs take seconds now and then. */
export const slowDisk: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined) return;
    world.noteFault('D14', member.name);
    member.diskWeather = {
      ...CALM_DISK,
      syncMaxMs: dice.pick([20, 100, 400]),
      stallPerMille: dice.pick([5, 30, 100]),
      stallMaxMs: dice.pick([1000, 4000, 10_000]),
    };
    await world.hold(dice.between(2000, 15_000));
    member.diskWeather = CALM_DISK;
  },
};

/** Does something to the directory of a member that is down, and starts it. */
function damage(
  name: string,
  harm: (world: World, member: SimMember, dice: SimDice) => Promise<void>,
): Fault {
  return {
    membersMin: 3,
    perform: async (world, dice) => {
      const member = victim(world, dice);
      if (member === undefined || !mayLoseDirectory(world)) return;
      world.noteFault(name, member.name);
      member.crash(dice.below(2) === 0 ? 'kill' : 'power');
      await member.settled();
      member.excuseDirectory(name);
      await harm(world, member, dice);
      await world.hold(dice.between(20, 2000));
      if (member.state === 'down') await member.start();
    },
  };
}

/** About as long as the last record of a log. */
const TAIL_BYTES = 300;

/** The log's files that hold something. */
async function logFiles(member: SimMember): Promise<readonly string[]> {
  const names = await member.disk.list('wal');
  return names.map((name) => `wal/${name}`);
}

/** A bit of the log rots. */
export const rotLog = damage('D6', async (_world, member, dice) => {
  const files = await logFiles(member);
  if (files.length === 0) return;
  const path = dice.pick(files);
  const bytes = await member.disk.read(path);
  const used = bytes.findLastIndex((byte) => byte !== 0) + 1;
  // Half of the time the last of what was synced: nothing behind it shows that it was.
  const last = dice.below(2) === 0 ? Math.min(used, TAIL_BYTES) : used;
  if (used > 0) member.disk.flipBit(path, used - 1 - dice.below(last), dice.below(8));
});

/** What was meant for one place of the log lies in another. */
export const misdirectWrite = damage('D11', async (_world, member, dice) => {
  const files = await logFiles(member);
  if (files.length === 0) return;
  const path = dice.pick(files);
  const bytes = await member.disk.read(path);
  const used = bytes.findLastIndex((byte) => byte !== 0) + 1;
  if (used < 64) return;
  const from = dice.below(used - 32);
  member.disk.overwrite(path, dice.below(used - 32), bytes.slice(from, from + 32));
});

/** A bit of the backend rots. */
export const rotBackend = damage('D8', (_world, member, dice) => {
  const count = member.backend.count('key');
  if (count > 0) member.backend.flipBit('key', dice.below(count), dice.below(64));
  return Promise.resolve();
});

/** The directory is gone, and the same member starts again. */
export const wipe = damage('D12', async (world, member) => {
  world.cluster.judge.wiped(member.id);
  await member.replaceDirectory(undefined);
});

/** How long it may take until a member is found out that holds less than it promised. */
const FOUND_OUT_MS = 3000;

/** An old copy of the directory takes its place. */
export const restoreOldCopy: Fault = {
  membersMin: 3,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member === undefined || !mayLoseDirectory(world)) return;
    const copy = await member.copy();
    await world.hold(dice.between(1000, 8000));
    if (world.isHealing || !mayLoseDirectory(world)) return;
    world.noteFault('D13', member.name);
    member.crash('kill');
    member.excuseDirectory('D13');
    await member.settled();
    const promised = world.cluster.judge.diskOf(member.id).lastIndex;
    const before = leadershipOf(world);
    // What it promised and the copy does not hold is the fault itself, and no fault of raft's.
    world.cluster.judge.rolledBack(member.id);
    await member.replaceDirectory(copy);
    await member.start();
    const held = world.cluster.judge.diskOf(member.id).lastIndex;
    await world.hold(FOUND_OUT_MS);
    // The leader to which more was promised knows it. Who leads after it knows what it has heard.
    const isKnown = before !== undefined && leadershipOf(world) === before && !world.isHealing;
    if (isKnown && held < promised && member.state === 'up') {
      const message = `${member.name} has entries up to ${held} of ${promised}, and goes on`;
      world.findings.report('D13', message);
    }
  },
};

/** Free space is given back, now and then with a crash in the middle. */
export const defragment: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    const { kernel, process } = member ?? {};
    if (member === undefined || kernel === undefined || process === undefined) return;
    world.noteFault('D16', member.name);
    if (dice.below(2) === 0) process.endAtCall(1 + dice.below(4));
    await Promise.race([kernel.defragment().catch(() => undefined), world.hold(3000)]);
    process.spare();
    await world.hold(dice.between(50, 1000));
    if (member.state === 'down') await member.start();
  },
};
