import type { Coordination } from '../../recipes/index.js';
import type { World } from '../scenario/world.js';
import type { RecipeUser } from './recipe-user.js';

/** Long enough for the leases of all who are gone to end. */
const GET_MAX_MS = 30_000;

/**
 * `K12`: when all is well and nobody else wants something any more, whoever asks for it gets it,
 * whatever those left behind who were lost on the way. To be called when all users have stopped;
 * what was got goes when they are closed.
 */
export async function mustGet(
  world: World,
  user: RecipeUser | undefined,
  what: string,
  get: (coordination: Coordination, wait: { readonly timeoutMs: number }) => Promise<unknown>,
): Promise<void> {
  if (user === undefined) return;
  try {
    await get(user.coordination, { timeoutMs: GET_MAX_MS });
  } catch (error) {
    const message = `${what} was not to be had, though nobody else wanted it: ${String(error)}`;
    world.findings.report('K12', message);
  }
}
