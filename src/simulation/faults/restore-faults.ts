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

/** What a restore is to make, and where. */
export interface RestorePlan {
  readonly record: MemberRecord;
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

async function restoreInto(world: World, place: MemberCopy, plan: RestorePlan): Promise<void> {
  const { record, image, revisionBump } = plan;
  await restoreImage({
    ...place,
    image: each(image.pieces),
    walSegmentBytes: world.cluster.settings.walSegmentBytes,
    identity: { clusterId: RESTORED_CLUSTER, memberId: record.id, directoryNonce: record.id + 1n },
    members: [record],
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
  await restoreInto(world, place, plan);
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
  const restoring = restoreInto(world, place, plan).catch(() => undefined);
  await Promise.race([restoring, world.sim.pause(INTERRUPTED_MS)]);
  backend.crash();
  return { backend, disk: disk.crash('chance') };
}

/** An image is taken, and a cluster of one begins with it somewhere else: all or nothing. */
export const restoreElsewhere: Fault = {
  membersMin: 1,
  perform: async (world, dice) => {
    const member = victim(world, dice);
    if (member?.kernel === undefined || member.excuse !== undefined) return;
    world.noteFault('O4', member.name);
    const image = await takeImage(world, member.kernel);
    if (image === undefined) return;
    const { record } = member;
    const [home] = world.cluster.apart([{ record, clusterId: RESTORED_CLUSTER }]);
    if (home === undefined) return;
    const plan = { record, image, revisionBump: dice.pick([0, 0, 1000]) };
    if (dice.below(2) === 0) {
      await home.replaceDirectory(await restoreInPart(world, home, plan, dice));
      await startApart(world, home);
      expectAllOrNothing(world, home, plan);
      home.crash('kill');
    }
    await restoreWhole(world, home, plan);
    await startApart(world, home);
    await expectRestored(world, home, plan);
    home.crash('kill');
  },
};

/** Refused, or as before the restore, or as after it. */
function expectAllOrNothing(world: World, home: SimMember, plan: RestorePlan): void {
  const revision = home.kernel?.status().revision ?? 1;
  // Leases of the state may have ended meanwhile.
  if (revision === 1 || revision >= plan.image.revision + plan.revisionBump) return;
  world.findings.report('O4', `a restore that was cut off begins at revision ${revision}`);
}

async function expectRestored(world: World, home: SimMember, plan: RestorePlan): Promise<void> {
  const { findings } = world;
  const { image, revisionBump } = plan;
  const { kernel } = home;
  if (kernel === undefined || !(await leadsAlone(world, home))) {
    findings.report('O4', `a restored member does not lead: it is ${home.state}`);
    return;
  }
  const own = image.revision + revisionBump;
  if (!(await showsState(world, kernel, image.revision, own))) {
    findings.report('O4', `what was restored is not what there was at ${image.revision}`);
  }
  const old = kernel.store.range({ key: 'k', revision: image.revision });
  const isGone = await old.then(
    () => false,
    (error: unknown) => isStoreError(error, 'Compacted'),
  );
  if (revisionBump > 0 && !isGone) findings.report('O4', `revision ${image.revision} is not gone`);
  await expectKept(world, home, 'O4');
}

/** Starts a member of which nobody knows whether it can start. */
export async function startApart(
  world: World,
  home: SimMember,
  traits: StartTraits = {},
): Promise<void> {
  await Promise.race([home.start(traits), world.sim.pause(ALONE_MAX_MS)]);
}

/** Whether it comes to lead, and knows nobody else. */
export async function leadsAlone(world: World, home: SimMember): Promise<boolean> {
  const leads = (): boolean => home.kernel?.status().role === 'leader';
  if (!(await world.until(leads, ALONE_MAX_MS))) return false;
  const known = (await home.kernel?.members(false)) ?? [];
  return known.length === 1 && known[0]?.id === home.id;
}

/** A write is taken, and there after the power went; so the member is one that can be used. */
export async function expectKept(world: World, home: SimMember, name: string): Promise<void> {
  const key = `kept by ${home.machine.name}`;
  const put = home.kernel?.store.put({ key, value: key });
  const writing = put?.then(({ header }) => header.revision).catch(() => undefined);
  const revision = await Promise.race([writing, world.sim.pause(ALONE_MAX_MS)]);
  home.crash('power');
  await startApart(world, home);
  const isBack = await leadsAlone(world, home);
  const found = await home.kernel?.store.range({ key, serializable: true });
  if (isBack && found?.kvs[0]?.modRevision === revision && revision !== undefined) return;
  world.findings.report(name, `${home.name}, alone, does not keep what it was given`);
}
