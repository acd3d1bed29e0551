import { type Coordination, coordinate } from '../../recipes/index.js';
import type { SimClient } from '../scenario/sim-client.js';
import type { World } from '../scenario/world.js';

/** A client with the recipes over its store. */
export interface RecipeUser {
  readonly client: SimClient;
  readonly coordination: Coordination;
}

/** Seconds that a session lives on in silence. */
const TTL_SECONDS = 4;

/** Clients with sessions short enough to be lost. */
export function recipeUsers(world: World, count: number): readonly RecipeUser[] {
  return Array.from({ length: count }, () => {
    const client = world.addClient({ timeoutMs: 1500 });
    const coordination = coordinate(client.store, {
      identity: client.machine.name,
      ttlSeconds: TTL_SECONDS,
    });
    return { client, coordination };
  });
}
