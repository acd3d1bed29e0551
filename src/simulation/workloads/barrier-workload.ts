import type { Barrier } from '../../recipes/index.js';
import type { World } from '../scenario/world.js';
import { believe } from './believe.js';
import { mustGet } from './must-get.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const BARRIER = 'migration';

/**
 * Users that wait at a barrier, others that hold it closed for a while, and somebody who closes it
 * for whoever opens it, and opens it, whoever closed it.
 */
export async function barrierWorkload(world: World): Promise<void> {
  const waiting = recipeUsers(world, 3);
  const holding = recipeUsers(world, 2);
  const admins = recipeUsers(world, 1);
  await Promise.all([
    ...waiting.map((user) => repeat(world, user, (barrier) => wait(world, user, barrier))),
    ...holding.map((user) => repeat(world, user, (barrier) => hold(world, user, barrier))),
    ...admins.map((user) => repeat(world, user, (barrier) => order(user, barrier))),
  ]);
  const users = [...waiting, ...holding, ...admins];
  await mustGet(world, users, `barrier ${BARRIER}`, async (coordination, patience) => {
    await coordination.barrier(BARRIER).open(patience);
    await coordination.barrier(BARRIER).wait(patience);
  });
}

async function repeat(
  world: World,
  { client, coordination }: RecipeUser,
  work: (barrier: Barrier) => Promise<void>,
): Promise<void> {
  while (!world.isEnding) {
    await client.pause(client.dice.between(50, 1500));
    if (world.isEnding) return;
    // Lost, timed out, or nobody answered: the next try is a new one.
    await work(coordination.barrier(BARRIER)).catch(() => undefined);
  }
}

async function wait(world: World, { client }: RecipeUser, barrier: Barrier): Promise<void> {
  const invokedMs = world.sim.nowMs;
  const revision = await barrier.wait({ timeoutMs: 10_000 });
  const terms = { name: BARRIER, client: client.number, revision, invokedMs };
  world.history.addRecipeNote({ kind: 'waited', ...terms, atMs: world.sim.nowMs });
}

async function hold(world: World, { client }: RecipeUser, barrier: Barrier): Promise<void> {
  const closed = await barrier.hold({ timeoutMs: 6000 });
  if (!closed.ok) return;
  await using held = closed.held;
  const { operand } = held.guard();
  const holding = { recipe: 'barrier', name: BARRIER, fence: Number(operand) } as const;
  await believe(world, client, [holding], () => held.assertHeld());
}

async function order({ client }: RecipeUser, barrier: Barrier): Promise<void> {
  const roll = client.dice.below(3);
  if (roll === 0) await barrier.close({ timeoutMs: 6000 });
  else await barrier.open({ timeoutMs: 6000 });
}
