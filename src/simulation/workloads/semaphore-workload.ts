import type { HeldPermit, Semaphore } from '../../recipes/index.js';
import type { SimDice } from '../sim-dice.js';
import type { World } from '../scenario/world.js';
import { believe } from './believe.js';
import { mustGet } from './must-get.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const SEMAPHORE = 'downloads';

/** Users that take some of a few permits, while one of them changes how many there are. */
export async function semaphoreWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 4);
  await Promise.all(users.map((user, at) => runUser(world, user, at === 0)));
  await mustGet(world, users, `permits of ${SEMAPHORE}`, async (coordination, wait) => {
    const semaphore = coordination.semaphore(SEMAPHORE);
    await semaphore.setLimit(3, wait);
    await semaphore.acquire({ weight: 3, ...wait });
  });
}

async function runUser(world: World, user: RecipeUser, isAdmin: boolean): Promise<void> {
  const { client, coordination } = user;
  const { dice } = client;
  const semaphore = coordination.semaphore(SEMAPHORE, { initialLimit: 2 });
  while (!world.isEnding) {
    await client.pause(dice.between(50, 1500));
    if (world.isEnding) return;
    try {
      if (isAdmin && dice.below(2) === 0) await changeLimit(semaphore, dice);
      await using held = await take(semaphore, dice);
      if (held === undefined) continue;
      const { grantRevision: fence } = held;
      const holding = { recipe: 'permit', name: SEMAPHORE, fence } as const;
      await believe(world, client, [holding], () => held.assertHeld());
    } catch {
      // Lost, timed out, or nobody answered: the next try is a new one.
    }
  }
}

async function changeLimit(semaphore: Semaphore, dice: SimDice): Promise<void> {
  const limit = dice.below(6) === 0 ? 0 : 1 + dice.below(4);
  await semaphore.setLimit(limit, { order: dice.pick(['fifo', 'firstFit']), timeoutMs: 5000 });
}

async function take(semaphore: Semaphore, dice: SimDice): Promise<HeldPermit | undefined> {
  const weight = 1 + dice.below(2);
  if (dice.below(4) > 0) return await semaphore.acquire({ weight, timeoutMs: 8000 });
  const tried = await semaphore.tryAcquire({ weight, timeoutMs: 5000 });
  return tried.ok ? tried.held : undefined;
}
