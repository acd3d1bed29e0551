import type { SimDice } from '../sim-dice.js';
import type { World } from '../scenario/world.js';
import { GroupMember } from './group-member.js';
import { beLate } from './late-member.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const GROUP = 'workers';
/** How long everybody may take to be there when all is well. */
const JOINED_MAX_MS = 30_000;
const LIST_MAX_MS = 20_000;
/** How long who was lost, or came too late, may take to be gone: it is looked for now and then. */
const GONE_MAX_MS = 150_000;
const LIST_EVERY_MS = 2000;
/** Users that ask for one name, */
const TWINS = 3;
const TWIN = 'twin';
/** and what anybody does who finds a name taken. */
const POLICIES = ['reject', 'replace', 'suffix'] as const;
const PATIENCE_MS = [1000, 6000] as const;

/**
 * Users that join one group, some under one name, which they take from each other now and then;
 * that tell of themselves, leave and come back.
 */
export async function memberWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 5);
  const members = users.map((user) => new GroupMember(world, user, GROUP));
  let endMs = Number.POSITIVE_INFINITY;
  const isOver = (): boolean => {
    if (!world.isEnding) return false;
    endMs = Math.min(endMs, world.sim.nowMs + JOINED_MAX_MS);
    const areAll = members.every(({ current }) => current?.state.kind === 'joined');
    return areAll || world.sim.nowMs > endMs;
  };
  const revoking = users.slice(0, 1).map((user) => revokeLeases(world, user));
  await Promise.all([
    ...revoking,
    ...users.map((user, at) => runUser(world, user, members[at] as GroupMember, { at, isOver })),
  ]);
  const late = await beLate(world, GROUP);
  const all = [...members, ...late.members];
  await noteListed(world, users, () => all.map(({ current }) => current?.id ?? 'nobody'));
  for (const { coordination } of [...users, ...late.users]) await coordination.close();
}

/** Takes the lease of a member away, as an operator can: its key goes, and it is to come back. */
async function revokeLeases(world: World, { coordination }: RecipeUser): Promise<void> {
  const { dice, pause, store } = world.addClient();
  while (!world.isEnding) {
    await pause(dice.between(500, 5000));
    if (world.isEnding) return;
    try {
      const { members } = await coordination.members(GROUP).list({ timeoutMs: 5000 });
      const twins = members.filter(({ id }) => id.startsWith(TWIN));
      if (twins.length > 0) await store.leases.revoke(dice.pick(twins).lease);
    } catch {
      // Nobody answered, or the lease had gone; the next try is a new one.
    }
  }
}

/** Lists until those who are wanted are there and nobody else, or for as long as that may take. */
async function noteListed(
  world: World,
  users: readonly RecipeUser[],
  whoIsWanted: () => readonly string[],
): Promise<void> {
  const group = users[0]?.coordination.members(GROUP);
  for (const endMs = world.sim.nowMs + GONE_MAX_MS; ; ) {
    try {
      const view = await group?.list({ timeoutMs: LIST_MAX_MS });
      const listed = view?.members.map(({ id }) => id) ?? [];
      const wanted = whoIsWanted();
      const isRight = listed.toSorted().join() === wanted.toSorted().join();
      if (isRight || world.sim.nowMs > endMs) {
        const terms = { group: GROUP, wanted, listed, atMs: world.sim.nowMs };
        world.history.addRecipeNote({ kind: 'listed', ...terms });
        return;
      }
    } catch (error) {
      world.findings.report('K11', `nobody could list group ${GROUP}: ${String(error)}`);
      return;
    }
    await world.sim.pause(LIST_EVERY_MS);
  }
}

/** Goes on until everybody is there, because one that comes in the end may turn another out. */
async function runUser(
  world: World,
  { client }: RecipeUser,
  member: GroupMember,
  { at, isOver }: { readonly at: number; readonly isOver: () => boolean },
): Promise<void> {
  const { dice } = client;
  const id = at < TWINS ? TWIN : client.machine.name;
  while (!isOver()) {
    await client.pause(pauseMs(member, at, dice));
    // In the end there must be room for everybody.
    const onConflict = world.isEnding ? 'suffix' : dice.pick(POLICIES);
    try {
      if (member.current === undefined) {
        await member.join({ id, onConflict, timeoutMs: dice.pick(PATIENCE_MS) });
      } else if (dice.below(at < TWINS ? 4 : 2) === 0 && !world.isEnding) await member.leave();
      else if (!world.isEnding) await member.update(dice.below(9), 6000);
    } catch {
      // Refused, timed out, or nobody answered: the next try is a new one.
    }
  }
}

/**
 * Twins are quick; the others stay for a moment, and away for so long that late requests arrive.
 */
function pauseMs(member: GroupMember, at: number, dice: SimDice): number {
  if (at < TWINS) return dice.between(20, 600);
  return member.current === undefined ? dice.between(50, 8000) : dice.between(50, 800);
}
