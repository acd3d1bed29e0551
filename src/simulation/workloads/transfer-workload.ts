import type { Election, Leadership } from '../../recipes/index.js';
import type { World } from '../scenario/world.js';
import { believe } from './believe.js';
import { mustGet } from './must-get.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const ELECTION = 'conductor';

/** Leaders that hand over to another candidate, and somebody who moves the leadership by force. */
export async function transferWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 3);
  const admins = recipeUsers(world, 1);
  await Promise.all([
    ...users.map((user) => runCandidate(world, user)),
    ...admins.map((admin) => runAdmin(world, admin)),
  ]);
  await mustGet(world, [...users, ...admins], `election ${ELECTION}`, (coordination, wait) =>
    coordination.election(ELECTION).campaign(wait),
  );
}

async function runCandidate(world: World, { client, coordination }: RecipeUser): Promise<void> {
  const { dice } = client;
  const election = coordination.election(ELECTION);
  while (!world.isEnding) {
    await client.pause(dice.between(50, 1000));
    if (world.isEnding) return;
    try {
      await using leadership = await election.campaign({ timeoutMs: 20_000 });
      const { term: fence } = leadership;
      const holding = { recipe: 'election', name: ELECTION, fence } as const;
      await believe(world, client, [holding], () => leadership.assertLeader());
      if (dice.below(3) > 0) await handOver(election, leadership, dice.below(2));
    } catch {
      // Lost, timed out, or nobody answered: the next campaign is a new one.
    }
  }
}

async function handOver(election: Election, leadership: Leadership, at: number): Promise<void> {
  const others = (await election.candidates({ timeoutMs: 3000 })).filter(
    ({ id }) => id !== leadership.id,
  );
  const target = others[at] ?? others[0];
  if (target !== undefined) await leadership.transfer(target.id, { timeoutMs: 3000 });
}

async function runAdmin(world: World, { client, coordination }: RecipeUser): Promise<void> {
  const { dice } = client;
  const election = coordination.election(ELECTION);
  while (!world.isEnding) {
    await client.pause(dice.between(2000, 8000));
    if (world.isEnding) return;
    try {
      const candidates = await election.candidates({ timeoutMs: 3000 });
      const last = candidates.at(-1);
      if (last !== undefined) await election.transfer(last.id, { timeoutMs: 3000 });
    } catch {
      // Nobody answered; the next try is a new one.
    }
  }
}
