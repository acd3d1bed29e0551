import { type Kernel, type MemberRecord, restoreImage } from '../../kernel/index.js';
import { isStoreError } from '../../store/index.js';
import type { MemberCopy, StartTraits } from '../cluster/member-life.js';
import type { SimMember } from '../cluster/sim-member.js';
import { showsState } from '../scenario/shown-state.js';
import type { World } from '../scenario/world.js';
import { SimBackend } from '../sim-backend.js';
import type { SimDice } from '../sim-dice.js';
import { SimDisk } from '../sim-disk.js';
import { type Fault, victim } from './fault.js';

/** A cluster that begins with a state of this one. */
export const RESTORED_CLUSTER = 0xc3n;
/** How long an image may take, */
const IMAGE_MAX_MS = 20_000;
/** an interrupted restore is waited for, */
const INTERRUPTED_MS = 100;
/** and a member that is alone needs to lead, and to take a write. */
const ALONE_MAX_MS = 20_000;

/** All pieces of an image, and the revision that it is of. */
export interface WholeImage {
  readonly revision: number;
  readonly pieces: readonly Uint8Array[];
}

/** @returns the state of a member that serves, or nothing when it falls meanwhile */
export async function takeImage(world: World, kernel: Kernel): Promise<WholeImage | undefined> {
  const take = async (): Promise<WholeImage> => {
    const image = await kernel.snapshot();
    const pieces: Uint8Array[] = [];
    for await (const piece of image.pieces) pieces.push(piece.slice());
    return { revision: image.revision, pieces };
  };
  const taking = take().catch(() => undefined);
  const image = await Promise.race([taking, world.sim.pause(IMAGE_MAX_MS)]);
  if (image === undefined) return undefined;
  const isShown = (): boolean => world.history.nextRevision > image.revision;
  return (await world.until(isShown, IMAGE_MAX_MS)) ? image : undefined;
}

/** What a restore is to make. */
export interface RestorePlan {
  /** All members of the new cluster. */
  readonly members: readonly MemberRecord[];
  readonly image: WholeImage;
  readonly revisionBump: number;
}

/** An empty place, different from all others. */
function emptyPlace(world: World, name: string): MemberCopy {
  const random = world.sim.random.split(`place of ${name} at ${world.sim.nowMs}`);
  return { disk: new SimDisk(random.split('medium')), backend: new SimBackend(random) };
}

async function* each(pieces: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* pieces;
}

async function restoreInto(
  world: World,
  { id: memberId }: SimMember,
  place: MemberCopy,
  { members, image, revisionBump }: RestorePlan,
): Promise<void> {
  await restoreImage({
    ...place,
    image: each(image.pieces),
    walSegmentBytes: world.cluster.settings.walSegmentBytes,
    identity: { clusterId: RESTORED_CLUSTER, memberId, directoryNonce: memberId + 1n },
    members,
    revisionBump,
  });
}

/** Gives the member a directory that was restored from an image, after a power cut. */
export async function restoreWhole(
  world: World,
  member: SimMember,
  plan: RestorePlan,
): Promise<void> {
  const place = emptyPlace(world, member.machine.name);
  await restoreInto(world, member, place, plan);
  place.backend.crash();
  await member.replaceDirectory({ ...place, disk: place.disk.crash('lost') });
}

/** Power goes while a directory is made. @returns what is left of it */
async function restoreInPart(
  world: World,
  member: SimMember,
  plan: RestorePlan,
  dice: SimDice,
): Promise<MemberCopy> {
  const place = emptyPlace(world, `${member.machine.name}, in part`);
  const { disk, backend } = place;
  if (dice.below(3) === 0) backend.crashInCall(1, () => undefined);
  else disk.fail({ nth: 1 + dice.below(12), kind: 'io', isFinal: true });
  const restoring = restoreInto(world, member, place, plan).catch(() => undefined);
  await Promise.race([restoring, world.sim.pause(INTERRUPTED_MS)]);
  backend.crash();
  return { backend, disk: disk.crash('chance') };
}

/** An image is taken, and a cluster begins with it somewhere else: all or nothing. */
export const restoreElsewhere: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member?.kernel === undefined || member.excuse !== undefined) return;
    world.noteFault('O4', member.name);
    const image = await takeImage(world, member.kernel);
    if (image === undefined) return;
    const count = dice.pick([1, world.cluster.memberCount]);
    const members = world.cluster.everyone.slice(0, count).map(({ record }) => record);
    const plan = { members, image, revisionBump: dice.pick([0, 0, 1000]) };
    const homes = world.cluster.apart(
      members.map((record) => ({ record, clusterId: RESTORED_CLUSTER })),
    );
    for (const home of homes) {
      if (dice.below(2) === 0) await tryPart(world, home, plan, dice);
      await restoreWhole(world, home, plan);
    }
    await Promise.all(homes.map((home) => startApart(world, home)));
    await expectRestored(world, homes, plan);
    for (const home of homes) home.crash('kill');
  },
};

/** A restore that is cut off is refused, or there is nothing of it, or all. */
async function tryPart(
  world: World,
  home: SimMember,
  plan: RestorePlan,
  dice: SimDice,
): Promise<void> {
  await home.replaceDirectory(await restoreInPart(world, home, plan, dice));
  await startApart(world, home);
  const revision = home.kernel?.status().revision ?? 1;
  // Leases of the state may have ended meanwhile.
  if (revision !== 1 && revision < plan.image.revision + plan.revisionBump) {
    world.findings.report('O4', `a restore that was cut off begins at revision ${revision}`);
  }
  home.crash('kill');
}

async function expectRestored(
  world: World,
  homes: readonly SimMember[],
  plan: RestorePlan,
): Promise<void> {
  if (!(await leadAlone(world, homes))) {
    const states = homes.map(({ state }) => state).join(', ');
    world.findings.report('O4', `nobody leads a restored cluster: ${states}`);
    return;
  }
  for (const { name, kernel } of homes) {
    if (kernel !== undefined && (await hasImage(world, kernel, plan))) continue;
    world.findings.report('O4', `${name} has not the state of revision ${plan.image.revision}`);
  }
  await expectKept(world, homes, 'O4');
}

/** Whether it has that state, and counts all before a later revision as compacted. */
async function hasImage(
  world: World,
  kernel: Kernel,
  { image: { revision }, revisionBump }: RestorePlan,
): Promise<boolean> {
  if (!(await showsState(world, kernel, revision, revision + revisionBump))) return false;
  if (revisionBump === 0) return true;
  return await kernel.store.range({ key: 'k', revision, serializable: true }).then(
    () => false,
    (error: unknown) => isStoreError(error, 'Compacted'),
  );
}

/** Starts a member of which nobody knows whether it can start. */
export async function startApart(
  world: World,
  home: SimMember,
  traits: StartTraits = {},
): Promise<void> {
  await Promise.race([home.start(traits), world.sim.pause(ALONE_MAX_MS)]);
}

/** Whether one of them comes to lead, and each knows these and nobody else. */
export async function leadAlone(world: World, homes: readonly SimMember[]): Promise<boolean> {
  if (!(await world.until(() => leaderOf(homes) !== undefined, ALONE_MAX_MS))) return false;
  for (const { kernel } of homes) {
    const known = (await kernel?.members(false)) ?? [];
    if (known.length !== homes.length) return false;
    if (known.some(({ id }) => homes.every((home) => home.id !== id))) return false;
  }
  return true;
}

function leaderOf(homes: readonly SimMember[]): Kernel | undefined {
  const leads = ({ kernel }: SimMember): boolean => kernel?.status().role === 'leader';
  return homes.find(leads)?.kernel;
}

/** A write is taken, and there after the power of all went: they can be used. */
export async function expectKept(
  world: World,
  homes: readonly SimMember[],
  name: string,
): Promise<void> {
  const key = 'kept';
  const writing = leaderOf(homes)?.store.put({ key, value: name });
  const written = writing?.then(({ header }) => header.revision).catch(() => undefined);
  const revision = await Promise.race([written, world.sim.pause(ALONE_MAX_MS)]);
  for (const home of homes) home.crash('power');
  await Promise.all(homes.map((home) => startApart(world, home)));
  const isThere = ({ kernel }: SimMember): boolean =>
    revision !== undefined && (kernel?.status().revision ?? 0) >= revision;
  let isKept = await leadAlone(world, homes);
  isKept &&= await world.until(() => homes.every(isThere), ALONE_MAX_MS);
  for (const { kernel } of homes) {
    const found = await kernel?.store.range({ key, serializable: true });
    isKept &&= found?.kvs[0]?.modRevision === revision;
  }
  if (isKept) return;
  const names = homes.map((home) => home.name).join(' ');
  world.findings.report(name, `${names}, alone, keep not what was written at ${revision ?? 0}`);
}
