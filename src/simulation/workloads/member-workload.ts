import type { Membership } from '../../recipes/index.js';
import type { World } from '../scenario/world.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const GROUP = 'workers';
/** How long everybody may take to be there again when all is well; and who was lost to be gone. */
const JOINED_MAX_MS = 20_000;
const GONE_MS = 10_000;

/** Users that join one group, some under one name, tell of themselves, leave and come back. */
export async function memberWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 4);
  const wanted = await Promise.all(users.map((user, at) => runUser(world, user, at)));
  const memberships = wanted.filter((membership) => membership !== undefined);
  const isJoined = (): boolean => memberships.every(({ state }) => state.kind === 'joined');
  await world.sim.pause(GONE_MS);
  await world.until(isJoined, JOINED_MAX_MS);
  const group = users[0]?.coordination.members(GROUP);
  try {
    const view = await group?.list({ timeoutMs: JOINED_MAX_MS });
    world.history.addRecipeNote({
      kind: 'listed',
      group: GROUP,
      wanted: memberships.map(({ id }) => id),
      listed: view?.members.map(({ id }) => id) ?? [],
      atMs: world.sim.nowMs,
    });
  } catch (error) {
    world.findings.report('K11', `nobody could list group ${GROUP}: ${String(error)}`);
  }
  for (const { coordination } of users) await coordination.close();
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
