import type { World } from '../scenario/world.js';
import { mustGet } from './must-get.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const BARRIER = 'shuffle';
/** So many pass together: fewer than there are. */
const NEEDED = 2;

/** Users that meet at a double barrier, and leave it together, or leave it be. */
export async function gateWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 3);
  await Promise.all(users.map((user) => repeat(world, user)));
  await mustGet(world, users, `double barrier ${BARRIER}`, async (coordination, wait) => {
    const barrier = coordination.doubleBarrier(BARRIER, { members: NEEDED });
    await Promise.all(Array.from({ length: NEEDED }, () => barrier.enter(wait)));
  });
}

async function repeat(world: World, user: RecipeUser): Promise<void> {
  const { client } = user;
  while (!world.isEnding) {
    await client.pause(client.dice.between(50, 2000));
    if (world.isEnding) return;
    // Lost, timed out, or nobody answered: the next try is a new one.
    await meet(world, user).catch(() => undefined);
  }
}

async function meet(world: World, { client, coordination }: RecipeUser): Promise<void> {
  const { dice } = client;
  const barrier = coordination.doubleBarrier(BARRIER, { members: NEEDED });
  await using inside = await barrier.enter({ timeoutMs: 10_000 });
  const { generation: round } = inside;
  notePassed(world, client.number, { gate: `double barrier ${BARRIER}`, round, needed: NEEDED });
  await client.pause(dice.between(10, 1500));
  if (dice.below(4) === 0) return;
  await inside.leave({ timeoutMs: 10_000 });
  const gate = `double barrier ${BARRIER}`;
  notePassed(world, client.number, { gate, round, needed: NEEDED, isOut: true });
}

function notePassed(
  world: World,
  client: number,
  terms: {
    readonly gate: string;
    readonly round: number;
    readonly needed: number;
    readonly isOut?: boolean;
  },
): void {
  const { isOut = false, ...rest } = terms;
  const atMs = world.sim.nowMs;
  world.history.addRecipeNote({ kind: 'passed', client, isOut, atMs, ...rest });
}
