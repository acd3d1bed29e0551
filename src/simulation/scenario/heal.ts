import type { SimMember } from '../cluster/sim-member.js';
import { BEING_REMOVED } from '../faults/member-faults.js';
import { CALM_DISK } from '../member-disk.js';
import { makeRoom } from '../faults/client-faults.js';
import type { World } from './world.js';

/** How long members may take to be up again. */
const START_MAX_MS = 60_000;
/** Election timeouts within which somebody must lead, */
const LEADER_TIMEOUTS = 10;
/** and time within which a write must be acknowledged, */
const WRITE_MAX_MS = 15_000;
/** What a client loses at each member that runs and belongs to nobody: a call without an answer. */
const STRANGER_MS = 4000;
/** members be alike, and watches drained. */
const DRAIN_MAX_MS = 60_000;
/** How long a member may go on after its removal, when everybody is heard. */
const REMOVED_MAX_MS = 20_000;

/** Takes away everything that was done to machines, wires and media, and starts who is down. */
export async function healAll(world: World): Promise<void> {
  const { cluster, network, clients } = world;
  network.heal();
  const machines = [...cluster.everyone, ...clients].map(({ machine }) => machine);
  for (const machine of machines) {
    machine.slowDown(0);
    machine.setRate(1);
    if (machine.isPaused) machine.resume();
  }
  for (const member of cluster.everyone) {
    member.diskWeather = CALM_DISK;
    member.disk.forgetFaults();
  }
  for (const member of cluster.members) {
    // One whose directory was harmed may be well all the same; if not, it stops again.
    if (member.state !== 'up') void member.start();
  }
  const isUp = (member: SimMember): boolean =>
    member.kernel !== undefined || member.isDirectoryExcused || member.excuse === BEING_REMOVED;
  if (!(await world.until(() => cluster.members.every(isUp), START_MAX_MS))) {
    const missing = cluster.members.filter((member) => !isUp(member));
    const names = missing.map(({ name, state }) => `${name} (${state})`).join(', ');
    world.findings.report('V1', `not up after everything was healed: ${names}`);
  }
}

/**
 * Finds out who belongs to the cluster: changes of members may have come to anything. Who does not
 * is ended; who does and has lost its directory is replaced by a new member.
 */
export async function settleMembers(world: World): Promise<void> {
  const { cluster } = world;
  for (const member of cluster.members) {
    const kernel = cluster.leader?.kernel;
    if (kernel === undefined) return;
    try {
      const known = await kernel.members(true);
      const isKnown = known.some(({ id }) => id === member.id);
      if (isKnown && member.kernel !== undefined && !isLost(member)) continue;
      if (isKnown) await kernel.removeMember(member.id);
      cluster.forget(member);
      member.crash('kill');
      if (!isKnown) continue;
      const next = cluster.newMember();
      await kernel.addMember(next.record);
      await next.start();
    } catch (error) {
      world.sim.trace.tell(`${member.name} was not replaced: ${String(error)}`);
      return;
    }
  }
}

/**
 * A member that lost its directory when all that it ever knew had left hears nobody who could tell
 * it: it waits, without a vote, until somebody looks at it.
 */
function isLost(member: SimMember): boolean {
  return member.isDirectoryExcused && member.kernel?.status().appliedIndex === 0;
}

/**
 * Who was removed is told so by those who remain, and ends: as long as it knows one of them. Who
 * was away until all that it knew had left has nobody to turn to. It waits, without a vote, like
 * one that {@link isLost}.
 */
export async function checkRemoved(world: World): Promise<void> {
  const { cluster, findings, sim } = world;
  const present = await presentMembers(world);
  const unreachable = new Set<SimMember>();
  for (const member of cluster.everyone) {
    if (cluster.members.includes(member) || member.kernel === undefined) continue;
    const contacts = await member.contacts();
    if (contacts.some((id) => present.has(id))) continue;
    unreachable.add(member);
    sim.trace.tell(`${member.name} was removed, and knows nobody who is left`);
  }
  const living = (): readonly SimMember[] =>
    cluster.everyone.filter(
      (one) => !cluster.members.includes(one) && one.kernel !== undefined && !unreachable.has(one),
    );
  if (!(await world.until(() => living().length === 0, REMOVED_MAX_MS))) {
    const names = living().map(({ name }) => name);
    findings.report('M4', `removed, and goes on: ${names.join(', ')}`);
  }
  for (const member of unreachable) {
    if (member.kernel?.status().role !== 'leader') continue;
    findings.report('M4', `removed, knows nobody who is left, and leads: ${member.name}`);
  }
}

/** Who serves and belongs to the cluster by the leader's own table: they know who was removed. */
async function presentMembers({ cluster }: World): Promise<ReadonlySet<bigint>> {
  const kernel = cluster.leader?.kernel;
  // Without a leader that is found elsewhere; whoever should be a member then counts as one.
  const known = (await kernel?.members(false)) ?? cluster.members;
  const serving = cluster.members.filter((one) => one.kernel !== undefined && !isLost(one));
  const ids = new Set(known.map(({ id }) => id));
  return new Set(serving.map(({ id }) => id).filter((id) => ids.has(id)));
}

/** After everything was healed the cluster must come back: a leader, then a write. */
export async function checkRecovery(world: World): Promise<void> {
  const { cluster, findings } = world;
  const leaderMs = world.electionMs * LEADER_TIMEOUTS;
  if (!(await world.until(() => cluster.leader !== undefined, leaderMs))) {
    findings.report('V1', `no leader within ${leaderMs} ms`);
  }
  const client = world.addClient();
  let isWritten = false;
  const strangers = cluster.members.length - (await presentMembers(world)).size;
  const writeMs = WRITE_MAX_MS + strangers * STRANGER_MS;
  const endMs = world.sim.nowMs + writeMs;
  while (!isWritten && world.sim.nowMs < endMs) {
    isWritten = await client.store.put({ key: 'healed', value: `${world.sim.nowMs}` }).then(
      () => true,
      () => false,
    );
    if (!isWritten && (cluster.leader?.kernel?.alarms().length ?? 0) > 0) {
      await makeRoom(world, true);
    }
    if (!isWritten) await client.pause(100);
  }
  if (!isWritten) findings.report('V1', `no write acknowledged within ${writeMs} ms`);
}

/** With the load gone, members become alike and watches get to the last revision. */
export async function checkDrained(world: World): Promise<void> {
  const { cluster, findings, clients, history } = world;
  const running = (): readonly SimMember[] =>
    cluster.members.filter((member) => member.kernel !== undefined || !member.isDirectoryExcused);
  const indexOf = (member: SimMember): number => member.kernel?.status().appliedIndex ?? -1;
  const indexMax = (): number => Math.max(cluster.judge.appliedMax, ...running().map(indexOf));
  const behind = (): readonly SimMember[] => {
    const last = indexMax();
    return running().filter((member) => indexOf(member) !== last);
  };
  if (!(await world.until(() => behind().length === 0, DRAIN_MAX_MS))) {
    const names = behind().map(
      (member) => `${member.name} (${member.state}) at ${indexOf(member)}`,
    );
    findings.report('V1', `not at entry ${indexMax()}: ${names.join(', ')}`);
  }
  // The last entries may be the leases of clients that have gone.
  const last = world.revisionMax;
  const waiting = (): number =>
    clients.flatMap(({ store }) => [...store.watches]).filter((w) => w.resumeRevision <= last)
      .length;
  if (!(await world.until(() => waiting() === 0, DRAIN_MAX_MS))) {
    findings.report('W8', `${waiting()} watches have not reached revision ${last}`);
  }
  if (history.nextRevision <= last) {
    findings.report('recorder', `revision ${history.nextRevision} of ${last} was not recorded`);
  }
}
