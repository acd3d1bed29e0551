import type { Coordination } from '../../recipes/index.js';
import type { World } from '../scenario/world.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

/** Long enough for the leases of all who are gone to end. */
const GET_MAX_MS = 30_000;

/**
 * `K12`: when all is well and all users have gone, whoever asks for what they had gets it, whatever
 * was left behind on the way. To be called when all users have stopped; it closes them.
 */
export async function mustGet(
  world: World,
  users: readonly RecipeUser[],
  what: string,
  get: (coordination: Coordination, wait: { readonly timeoutMs: number }) => Promise<unknown>,
): Promise<void> {
  for (const { coordination } of users) await coordination.close();
  for (const { coordination } of recipeUsers(world, 1)) {
    try {
      await get(coordination, { timeoutMs: GET_MAX_MS });
    } catch (error) {
      const message = `${what} was not to be had when everybody had gone: ${String(error)}`;
      world.findings.report('K12', message);
    }
    await coordination.close();
  }
}
