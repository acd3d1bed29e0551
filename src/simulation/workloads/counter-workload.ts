import type { Sequence } from '../../recipes/index.js';
import type { World } from '../scenario/world.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const COUNTER = 'visits';
const SEQUENCE = 'invoices';

/**
 * Users that add to one counter, again under the same name when they were not told what came of it,
 * and that take numbers of one sequence.
 */
export async function counterWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 3);
  await Promise.all(users.map((user) => runUser(world, user)));
  for (const { coordination } of users) await coordination.close();
}

async function runUser(world: World, user: RecipeUser): Promise<void> {
  const { client, coordination } = user;
  const { dice } = client;
  const sequence = coordination.sequence(SEQUENCE, { blockSize: dice.pick([1, 1, 3]) });
  for (let number = 0; !world.isEnding; number++) {
    await client.pause(dice.between(50, 1000));
    if (world.isEnding) return;
    // Timed out, or nobody answered: the next try is a new one.
    if (dice.below(3) === 0) await takeNumber(world, user, sequence).catch(() => undefined);
    else await add(world, user, `${client.machine.name}-${number}`).catch(() => undefined);
  }
}

async function add(
  world: World,
  { client, coordination }: RecipeUser,
  operation: string,
): Promise<void> {
  const { dice, number } = client;
  const amount = dice.below(12) - 3;
  const terms = { name: COUNTER, client: number, operation, amount };
  const counter = coordination.counter(COUNTER);
  for (let tries = 0; tries < 2; tries++) {
    let value: string | undefined;
    try {
      const added = await counter.add(amount, { opId: operation, timeoutMs: 3000 });
      value = String(added.value);
      return;
    } catch {
      // What came of it is not known; under its name it counts once.
    } finally {
      world.history.addRecipeNote({ kind: 'added', ...terms, value, atMs: world.sim.nowMs });
    }
  }
}

async function takeNumber(world: World, { client }: RecipeUser, sequence: Sequence): Promise<void> {
  const number = await sequence.next({ timeoutMs: 4000 });
  const atMs = world.sim.nowMs;
  const note = { kind: 'numbered', name: SEQUENCE, client: client.number, number, atMs } as const;
  world.history.addRecipeNote(note);
}
