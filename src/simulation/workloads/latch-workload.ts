import { isCoordinationError, type Latch, type WaitOptions } from '../../recipes/index.js';
import type { World } from '../scenario/world.js';
import { LatchCounter } from './latch-counter.js';
import { mustGet } from './must-get.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const LATCH = 'loaded';
const COUNT = 2;
/** Counted by several, who count as one. */
const TWIN = 'twin';
/** Some give up between the count and the opening. */
const PATIENCE_MS = [30, 200, 6000, 6000] as const;
const WAIT_MS = 6000;
/** How long it may take to be refused. */
const REFUSED_MAX_MS = 5000;
/** Rounds that must open when all is well, though many who count give up at once, */
const LAST_ROUNDS = 4;
/** after so many milliseconds at most. */
const HURRY_MAX_MS = 40;

/**
 * Users that count a latch down, some under one name, and give up now and then; others that only
 * wait for it; and somebody who sets how many it takes and begins new rounds.
 */
export async function latchWorkload(world: World): Promise<void> {
  const counting = recipeUsers(world, 3);
  const waiting = recipeUsers(world, 1);
  const admins = recipeUsers(world, 1);
  await Promise.all([
    ...counting.map((user, at) => repeat(world, user, (latch) => count(world, user, latch, at))),
    ...waiting.map((user) => repeat(world, user, (latch) => wait(world, user, latch))),
    ...admins.map((user) => repeat(world, user, (latch) => turn(user, latch))),
  ]);
  const users = [...counting, ...waiting, ...admins];
  const [first] = counting;
  if (first !== undefined) await checkEndless(world, first);
  await mustGet(world, users, `latch ${LATCH}`, (coordination, patience, client) =>
    openAll(world, { coordination, client }, patience),
  );
}

async function repeat(
  world: World,
  { client, coordination }: RecipeUser,
  work: (latch: Latch) => Promise<void>,
): Promise<void> {
  const latch = coordination.latch(LATCH, { initialCount: COUNT });
  while (!world.isEnding) {
    await client.pause(client.dice.between(20, 1200));
    if (world.isEnding) return;
    // Timed out, or nobody answered: the next try is a new one.
    await work(latch).catch(() => undefined);
  }
}

async function count(
  world: World,
  { client }: RecipeUser,
  latch: Latch,
  at: number,
): Promise<void> {
  const { dice, machine, number } = client;
  const counter = new LatchCounter(world, number, latch);
  const id = at > 0 && dice.below(3) === 0 ? TWIN : machine.name;
  await counter.countDown(id, dice.pick(PATIENCE_MS));
  if (dice.below(2) === 0) await counter.wait(WAIT_MS);
}

async function wait(world: World, { client }: RecipeUser, latch: Latch): Promise<void> {
  await new LatchCounter(world, client.number, latch).wait(WAIT_MS);
}

async function turn({ client }: RecipeUser, latch: Latch): Promise<void> {
  const { dice } = client;
  const timeoutMs = WAIT_MS;
  const count = 1 + dice.below(3);
  if (dice.below(4) === 0) await latch.setCount(count, { timeoutMs });
  else await latch.nextRound(dice.below(2) === 0 ? { timeoutMs } : { count, timeoutMs });
}

/** A wait that has no end is refused, whatever the latch is like. */
async function checkEndless(world: World, { client, coordination }: RecipeUser): Promise<void> {
  const endless = coordination.latch(LATCH, { initialCount: COUNT }).wait({});
  const refused = endless.then(
    () => false,
    (error: unknown) => isCoordinationError(error, 'InvalidArgument'),
  );
  const isRefused = await Promise.race([refused, client.pause(REFUSED_MAX_MS)]);
  if (isRefused === true) return;
  world.findings.report('K9', `a wait for latch ${LATCH} that has no end was not refused`);
}

/**
 * Whoever counts gives up so soon that the round may have nobody left to open it but those who wait
 * for it.
 */
async function openAll(
  world: World,
  { client, coordination }: RecipeUser,
  patience: WaitOptions,
): Promise<void> {
  const latch = coordination.latch(LATCH, { initialCount: COUNT });
  const counter = new LatchCounter(world, client.number, latch);
  const isFull = async (): Promise<boolean> => {
    const { round, remaining } = await latch.status(patience);
    return round > 0 && remaining === 0;
  };
  for (let round = 0; round < LAST_ROUNDS; round++) {
    for (let number = 0; !(await isFull()); number++) {
      const hurryMs = client.dice.between(1, HURRY_MAX_MS);
      await counter.countDown(`late-${number}`, hurryMs).catch(() => undefined);
    }
    await latch.wait(patience);
    await latch.nextRound({ ...patience, count: COUNT });
  }
}
