import type { World } from '../scenario/world.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const ELECTION = 'scheduler';

/** Candidates that lead for a while, proclaim and resign, and somebody who only looks on. */
export async function electionWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 3);
  const observer = recipeUsers(world, 1)[0];
  const watching = observer?.coordination.election(ELECTION).leader$.subscribe({
    next: (leader) =>
      world.history.addRecipeNote({
        kind: 'observed',
        name: ELECTION,
        observer: observer.client.number,
        leader: leader ?? undefined,
        atMs: world.sim.nowMs,
      }),
    error: () => undefined,
  });
  await Promise.all(users.map((user) => runCandidate(world, user)));
  watching?.unsubscribe();
  for (const { coordination } of users) await coordination.close();
  await observer?.coordination.close();
}

async function runCandidate(world: World, { client, coordination }: RecipeUser): Promise<void> {
  const { dice } = client;
  while (!world.isEnding) {
    await client.pause(dice.between(50, 2000));
    if (world.isEnding) return;
    try {
      const leadership = await coordination
        .election(ELECTION)
        .campaign({ timeoutMs: dice.pick([6000, 20_000]) });
      const fromMs = world.sim.nowMs;
      let untilMs = fromMs;
      try {
        for (let steps = dice.below(4); steps > 0; steps--) {
          await client.pause(dice.between(50, 1000));
          leadership.assertLeader();
          untilMs = world.sim.nowMs;
          await leadership.proclaim(`${client.machine.name} ${steps}`);
        }
      } finally {
        world.history.addRecipeNote({
          kind: 'held',
          recipe: 'election',
          name: ELECTION,
          client: client.number,
          fence: leadership.term,
          fromMs,
          untilMs,
        });
        await leadership.resign();
      }
    } catch {
      // Lost, timed out, or nobody answered: the next campaign is a new one.
    }
  }
}
