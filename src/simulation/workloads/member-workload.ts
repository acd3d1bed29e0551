import type { Membership } from '../../recipes/index.js';
import type { World } from '../scenario/world.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const GROUP = 'workers';
/** How long everybody may take to be there again when all is well, */
const JOINED_MAX_MS = 20_000;
/**
 * and how long who was lost, or came too late, may take to be gone: it is looked for now and then.
 */
const GONE_MAX_MS = 150_000;
const LIST_EVERY_MS = 2000;

/** Users that join one group, some under one name, tell of themselves, leave and come back. */
export async function memberWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 4);
  const wanted = await Promise.all(users.map((user, at) => runUser(world, user, at)));
  const memberships = wanted.filter((membership) => membership !== undefined);
  const isJoined = (): boolean => memberships.every(({ state }) => state.kind === 'joined');
  await world.until(isJoined, JOINED_MAX_MS);
  await noteListed(world, users, () => memberships.map(({ id }) => id));
  for (const { coordination } of users) await coordination.close();
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
      const view = await group?.list({ timeoutMs: JOINED_MAX_MS });
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

/** @returns the membership that the user has in the end */
async function runUser(
  world: World,
  { client, coordination }: RecipeUser,
  at: number,
): Promise<Membership | undefined> {
  const { dice } = client;
  const id = at < 2 ? 'twin' : client.machine.name;
  let membership: Membership | undefined;
  while (!world.isEnding || membership === undefined || membership.signal.aborted) {
    await client.pause(dice.between(50, 2000));
    try {
      if (membership === undefined || membership.signal.aborted) {
        const options = { id, onConflict: 'suffix', timeoutMs: 6000 } as const;
        membership = await coordination.members(GROUP).join(options);
      } else if (dice.below(4) === 0 && !world.isEnding) {
        await membership.leave();
        membership = undefined;
      } else if (!world.isEnding) await membership.update({ load: dice.below(9) });
    } catch {
      // Timed out, or nobody answered: the next try is a new one.
    }
  }
  return membership;
}
