import type { Coordination } from '../../recipes/index.js';
import type { SimClient } from '../scenario/sim-client.js';
import type { World } from '../scenario/world.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

/** Long enough for what came late, which is looked for now and then, to be found and undone. */
const GET_MAX_MS = 150_000;

/**
 * `K12`: when all is well and nobody uses it any more, whoever asks for what they had gets it,
 * whatever was left behind on the way, and although the sessions of all of them live on. To be
 * called when all users have stopped; it closes them.
 */
export async function mustGet(
  world: World,
  users: readonly RecipeUser[],
  what: string,
  get: (
    coordination: Coordination,
    wait: { readonly timeoutMs: number },
    client: SimClient,
  ) => Promise<unknown>,
): Promise<void> {
  for (const { coordination, client } of recipeUsers(world, 1)) {
    try {
      await get(coordination, { timeoutMs: GET_MAX_MS }, client);
    } catch (error) {
      const message = `${what} was not to be had when nobody had it any more: ${String(error)}`;
      world.findings.report('K12', message);
    }
    await coordination.close();
  }
  for (const { coordination } of users) await coordination.close();
}
