import type { HeldLock } from '../../recipes/index.js';
import type { World } from '../scenario/world.js';
import { FencedResource } from './fenced-resource.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const LOCK = 'jobs';

/**
 * Users that take one lock in turn and act, while they believe to hold it, on a resource that looks
 * at fences. What they did is in the history; whether it was right is for the checkers.
 */
export async function lockWorkload(world: World): Promise<void> {
  const resource = new FencedResource();
  const users = recipeUsers(world, 3);
  await Promise.all(users.map((user) => runUser(world, user, resource)));
  for (const { coordination } of users) await coordination.close();
}

async function runUser(world: World, user: RecipeUser, resource: FencedResource): Promise<void> {
  const { client, coordination } = user;
  const { dice } = client;
  while (!world.isEnding) {
    await client.pause(dice.between(50, 1500));
    if (world.isEnding) return;
    try {
      const held = await coordination.lock(LOCK).acquire({ timeoutMs: dice.pick([5000, 20_000]) });
      await useLock(world, user, held, resource);
      await held.release();
    } catch {
      // Lost, timed out, or nobody answered: the next try is a new one.
    }
  }
}

async function useLock(
  world: World,
  { client }: RecipeUser,
  held: HeldLock,
  resource: FencedResource,
): Promise<void> {
  const { dice } = client;
  const { fence } = held;
  const fromMs = world.sim.nowMs;
  let untilMs = fromMs;
  try {
    for (let steps = 1 + dice.below(5); steps > 0; steps--) {
      held.assertHeld();
      untilMs = world.sim.nowMs;
      const accepted = resource.act(fence);
      world.history.addRecipeNote({
        kind: 'action',
        recipe: 'lock',
        name: LOCK,
        resource: 'fenced',
        client: client.number,
        fence,
        accepted,
        atMs: untilMs,
      });
      await client.pause(dice.between(10, 800));
    }
  } finally {
    world.history.addRecipeNote({
      kind: 'held',
      recipe: 'lock',
      name: LOCK,
      client: client.number,
      fence,
      fromMs,
      untilMs,
    });
  }
}
