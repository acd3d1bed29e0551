import type { World } from '../scenario/world.js';
import { mustGet } from './must-get.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const BARRIER = 'shuffle';
const LATCH = 'loaded';
/** So many pass together: fewer than there are. */
const NEEDED = 2;

/** Users that meet at a double barrier, and others that count a latch down and wait for it. */
export async function gateWorkload(world: World): Promise<void> {
  const meeting = recipeUsers(world, 3);
  const counting = recipeUsers(world, 3);
  await Promise.all([
    ...meeting.map((user) => repeat(world, user, () => meet(world, user))),
    ...counting.map((user, at) => repeat(world, user, () => countDown(world, user, at === 0))),
  ]);
  const users = [...meeting, ...counting];
  await mustGet(world, users, `double barrier ${BARRIER}`, async (coordination, wait) => {
    const barrier = coordination.doubleBarrier(BARRIER, { members: NEEDED });
    await Promise.all(Array.from({ length: NEEDED }, () => barrier.enter(wait)));
  });
}

async function repeat(
  world: World,
  { client }: RecipeUser,
  work: () => Promise<void>,
): Promise<void> {
  while (!world.isEnding) {
    await client.pause(client.dice.between(50, 2000));
    if (world.isEnding) return;
    // Lost, timed out, or nobody answered: the next try is a new one.
    await work().catch(() => undefined);
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

async function countDown(
  world: World,
  { client, coordination }: RecipeUser,
  isAdmin: boolean,
): Promise<void> {
  const { dice, machine, number } = client;
  const latch = coordination.latch(LATCH, { initialCount: NEEDED });
  const timeoutMs = 6000;
  if (isAdmin && dice.below(4) === 0) {
    await latch.setCount(1 + dice.below(3), { timeoutMs }).catch(() => undefined);
  }
  await latch.countDown(machine.name, { timeoutMs });
  const { round } = await latch.wait({ timeoutMs });
  notePassed(world, number, { gate: `latch ${LATCH}`, round, needed: 1 });
  if (isAdmin) await latch.nextRound({ count: 1 + dice.below(3), timeoutMs });
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
