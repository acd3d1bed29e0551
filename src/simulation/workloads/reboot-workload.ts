import type { World } from '../scenario/world.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const GROUP = 'workers';

/** Machines that ask for a slot to reboot, take their time, and give it back. */
export async function rebootWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 3);
  await Promise.all(users.map((user, at) => runNode(world, user, at === 0)));
  for (const { coordination } of users) await coordination.close();
}

async function runNode(world: World, user: RecipeUser, isAdmin: boolean): Promise<void> {
  const { client, coordination } = user;
  const { dice } = client;
  const group = coordination.reboots(GROUP);
  const node = client.machine.name;
  while (!world.isEnding) {
    await client.pause(dice.between(100, 3000));
    if (world.isEnding) return;
    const invokedMs = world.sim.nowMs;
    try {
      if (isAdmin && dice.below(4) === 0) await group.setMax(dice.below(3), { timeoutMs: 5000 });
      const slot = await group.acquire({ node, timeoutMs: 6000 });
      world.history.addRecipeNote({
        kind: 'slotAcquired',
        group: GROUP,
        node,
        revision: slot.revision,
        invokedMs,
        atMs: world.sim.nowMs,
      });
      await client.pause(dice.between(50, 1500));
      await release(world, user, node);
    } catch {
      // Timed out or nobody answered; a slot that was taken all the same is given back next time.
      await release(world, user, node).catch(() => undefined);
    }
  }
}

async function release(world: World, { coordination }: RecipeUser, node: string): Promise<void> {
  const invokedMs = world.sim.nowMs;
  const released = await coordination.reboots(GROUP).release({ node, timeoutMs: 6000 });
  const atMs = world.sim.nowMs;
  const note = { group: GROUP, node, released, invokedMs, atMs };
  world.history.addRecipeNote({ kind: 'slotReleased', ...note });
}
