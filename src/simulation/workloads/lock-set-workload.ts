import type { HeldLockSet } from '../../recipes/index.js';
import type { World } from '../scenario/world.js';
import { believe } from './believe.js';
import { mustGet } from './must-get.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const LOCKS = ['accounts/1', 'accounts/2', 'accounts/3'];

/** Users that take several of a few locks together, and others that take one of them alone. */
export async function lockSetWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 3);
  await Promise.all(users.map((user) => runUser(world, user)));
  await mustGet(world, users, `locks ${LOCKS.join(', ')}`, (coordination, wait) =>
    coordination.locks(LOCKS).acquire(wait),
  );
}

async function runUser(world: World, user: RecipeUser): Promise<void> {
  const { client } = user;
  const { dice } = client;
  while (!world.isEnding) {
    await client.pause(dice.between(50, 1500));
    if (world.isEnding) return;
    try {
      await using held = await take(user);
      if (held === undefined) continue;
      const holdings = [...held.fences].map(([name, fence]) => {
        return { recipe: 'lock', name, fence } as const;
      });
      await believe(world, client, holdings, () => held.assertHeld());
    } catch {
      // Lost, timed out, or nobody answered: the next try is a new one.
    }
  }
}

async function take({ client, coordination }: RecipeUser): Promise<HeldLockSet | undefined> {
  const { dice } = client;
  const left = dice.below(LOCKS.length);
  const names = dice.below(4) === 0 ? [] : LOCKS.filter((_name, at) => at !== left);
  const locks = coordination.locks(names.length === 0 ? [dice.pick(LOCKS)] : names);
  if (dice.below(4) > 0) return await locks.acquire({ timeoutMs: 8000 });
  const tried = await locks.tryAcquire({ timeoutMs: 5000 });
  return tried.ok ? tried.held : undefined;
}
