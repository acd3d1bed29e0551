import type { HeldRead, HeldWrite } from '../../recipes/index.js';
import type { World } from '../scenario/world.js';
import { believe } from './believe.js';
import { mustGet } from './must-get.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const LOCK = 'index';

/** Users that read and write under one lock, and change from one to the other in between. */
export async function readWriteWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 4);
  await Promise.all(users.map((user) => runUser(world, user)));
  await mustGet(world, users, `lock ${LOCK}`, (coordination, wait) =>
    coordination.readWriteLock(LOCK).write(wait),
  );
}

async function runUser(world: World, user: RecipeUser): Promise<void> {
  const { dice, pause } = user.client;
  while (!world.isEnding) {
    await pause(dice.between(50, 1500));
    if (world.isEnding) return;
    try {
      if (dice.below(3) > 0) await readOnce(world, user);
      else await writeOnce(world, user);
    } catch {
      // Lost, timed out, or nobody answered: the next try is a new one.
    }
  }
}

async function readOnce(world: World, user: RecipeUser): Promise<void> {
  const { dice } = user.client;
  const lock = user.coordination.readWriteLock(LOCK);
  await using held = await (dice.below(3) > 0
    ? lock.read({ timeoutMs: 8000 })
    : lock.tryRead({ timeoutMs: 5000 }).then((tried) => (tried.ok ? tried.held : undefined)));
  if (held === undefined) return;
  await hold(world, user, 'read', held);
  if (dice.below(2) > 0) return;
  await using writer = await held.tryUpgrade();
  if (writer !== undefined) await hold(world, user, 'write', writer);
}

async function writeOnce(world: World, user: RecipeUser): Promise<void> {
  const { dice } = user.client;
  const lock = user.coordination.readWriteLock(LOCK);
  await using held = await (dice.below(3) > 0
    ? lock.write({ timeoutMs: 8000 })
    : lock.tryWrite({ timeoutMs: 5000 }).then((tried) => (tried.ok ? tried.held : undefined)));
  if (held === undefined) return;
  await hold(world, user, 'write', held);
  if (dice.below(2) > 0) return;
  await using reader = await held.downgrade();
  await hold(world, user, 'read', reader);
}

async function hold(
  world: World,
  { client }: RecipeUser,
  recipe: 'read' | 'write',
  held: HeldRead | HeldWrite,
): Promise<void> {
  const holding = { recipe, name: LOCK, fence: held.fence };
  await believe(world, client, [holding], () => held.assertHeld());
}
