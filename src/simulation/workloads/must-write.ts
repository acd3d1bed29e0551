import type { TxnRequest } from '../../store/index.js';
import type { World } from '../scenario/world.js';
import type { RecipeUser } from './recipe-user.js';

const TRIES_MAX = 20;

/**
 * Writes when all is well, until it is answered: what everybody must have heard of in the end.
 * @returns the revision; undefined when nobody answered, which others find out
 */
export async function mustWrite(
  world: World,
  { client }: RecipeUser,
  success: NonNullable<TxnRequest['success']>,
): Promise<number | undefined> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    try {
      return (await client.store.txn({ success })).header.revision;
    } catch {
      await world.sim.pause(500);
    }
  }
  return undefined;
}
