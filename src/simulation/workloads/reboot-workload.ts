import type { RebootGroup, RebootPolicyChange } from '../../recipes/index.js';
import type { SimDice } from '../sim-dice.js';
import type { World } from '../scenario/world.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const GROUP = 'workers';

/**
 * Machines that ask for a slot to reboot, take their time, and give it back, or come back with
 * another boot id, or do not come back before their time is up.
 */
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
  for (let boot = 0; !world.isEnding; boot++) {
    await client.pause(dice.between(100, 3000));
    if (world.isEnding) return;
    const invokedMs = world.sim.nowMs;
    try {
      if (isAdmin && (boot === 0 || dice.below(3) === 0)) {
        await group.setPolicy(somePolicy(dice), { timeoutMs: 5000 });
      }
      const slot = await group.acquire({ node, bootId: String(boot), timeoutMs: 6000 });
      world.history.addRecipeNote({
        kind: 'slotAcquired',
        group: GROUP,
        node,
        revision: slot.revision,
        invokedMs,
        atMs: world.sim.nowMs,
      });
      // Now and then so long that its time is up.
      await client.pause(dice.below(6) === 0 ? dice.between(2000, 6000) : dice.between(50, 1500));
      if (dice.below(2) === 0) await reboot(user, group, boot);
      else await release(world, user, node);
    } catch {
      // Timed out or nobody answered; a slot that was taken all the same is given back next time.
      await release(world, user, node).catch(() => undefined);
    }
  }
}

/** Goes, and comes back in time or too late, if at all. */
async function reboot({ client }: RecipeUser, group: RebootGroup, boot: number): Promise<void> {
  const { dice } = client;
  const node = client.machine.name;
  await group.rebooting({ node, timeoutMs: 6000 });
  await client.pause(dice.between(50, 4000));
  if (dice.below(4) === 0) return;
  await group.steady({ node, bootId: `${boot} and back`, timeoutMs: 6000 });
}

/** Times short enough to be up, and none at all. */
function somePolicy(dice: SimDice): RebootPolicyChange {
  const seconds = (): number => (dice.below(3) === 0 ? 0 : 2 + dice.below(4));
  return {
    max: dice.below(6) === 0 ? 0 : 1 + dice.below(2),
    failureBudget: dice.below(2),
    grantTimeoutSeconds: seconds(),
    rebootTimeoutSeconds: seconds(),
    soakSeconds: seconds(),
    cooldownSeconds: seconds(),
  };
}

async function release(world: World, { coordination }: RecipeUser, node: string): Promise<void> {
  const invokedMs = world.sim.nowMs;
  const released = await coordination.reboots(GROUP).release({ node, timeoutMs: 6000 });
  const atMs = world.sim.nowMs;
  const note = { group: GROUP, node, released, invokedMs, atMs };
  world.history.addRecipeNote({ kind: 'slotReleased', ...note });
}
