import type { Message, Queue } from '../../recipes/index.js';
import type { World } from '../scenario/world.js';
import { believe } from './believe.js';
import { mustGet } from './must-get.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const QUEUE = 'mail';
/** Deliveries after which a message is given up: few, so that some are. */
const MAX_ATTEMPTS = 3;

/**
 * Users that send messages, now or for later, and work on them: some they acknowledge, some they
 * refuse, and some they only leave. One of them looks after those that were given up.
 */
export async function queueWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 4);
  await Promise.all(users.map((user, at) => runUser(world, user, at === 0)));
  await mustGet(world, users, `a message of ${QUEUE}`, async (coordination, wait) => {
    const queue = coordination.queue<string>(QUEUE, { maxAttempts: MAX_ATTEMPTS });
    await queue.send('the last one', { id: 'last', priority: 999, ...wait });
    while ((await queue.receive(wait)).id !== 'last');
  });
}

async function runUser(world: World, user: RecipeUser, isAdmin: boolean): Promise<void> {
  const { client, coordination } = user;
  const { dice } = client;
  const queue = coordination.queue<string>(QUEUE, { maxAttempts: MAX_ATTEMPTS });
  for (let number = 0; !world.isEnding; number++) {
    await client.pause(dice.between(50, 1200));
    if (world.isEnding) return;
    try {
      if (isAdmin && dice.below(6) === 0) await tidy(user, queue);
      else if (dice.below(2) === 0) await send(world, user, queue, number);
      else await work(world, user, queue);
    } catch {
      // Lost, timed out, or nobody answered: the next try is a new one.
    }
  }
}

async function send(
  world: World,
  { client }: RecipeUser,
  queue: Queue<string>,
  number: number,
): Promise<void> {
  const { dice, machine } = client;
  const id = `${machine.name}-${number}`;
  const invokedMs = world.sim.nowMs;
  const options = { id, priority: dice.below(3), delayMs: dice.pick([0, 0, 0, 2000]) };
  const { isAccepted } = await queue.send(`from ${machine.name}`, { ...options, timeoutMs: 6000 });
  if (!isAccepted) return;
  const note = { kind: 'sent', queue: QUEUE, id, invokedMs, atMs: world.sim.nowMs } as const;
  world.history.addRecipeNote(note);
}

async function work(world: World, { client }: RecipeUser, queue: Queue<string>): Promise<void> {
  const { dice } = client;
  await using message = await (dice.below(3) > 0
    ? queue.receive({ timeoutMs: 5000 })
    : queue.tryReceive({ timeoutMs: 5000 }));
  if (message === undefined) return;
  const { id, fence } = message;
  const holding = { recipe: 'message', name: `${QUEUE}/${id}`, fence } as const;
  await believe(world, client, [holding], () => message.assertHeld());
  await end(world, client.dice.below(6), message);
}

async function end(world: World, way: number, message: Message<string>): Promise<void> {
  if (way === 0) return await message.nack({ delayMs: 2000, reason: 'later' });
  if (way === 1) return await message.nack();
  if (way === 2) return undefined;
  await message.ack();
  const { id, fence } = message;
  world.history.addRecipeNote({ kind: 'acked', queue: QUEUE, id, fence, atMs: world.sim.nowMs });
  return undefined;
}

/** Gives the oldest that were given up another chance, or none. */
async function tidy({ client }: RecipeUser, queue: Queue<string>): Promise<void> {
  const dead = queue.deadLetters();
  for (const { id } of await dead.list({ limit: 2, timeoutMs: 5000 })) {
    if (client.dice.below(2) === 0) await dead.requeue(id, { timeoutMs: 5000 });
    else await dead.discard(id, { timeoutMs: 5000 });
  }
}
