import type { RebootGroup, RebootPolicyChange } from '../../recipes/index.js';
import type { SimDice } from '../sim-dice.js';
import type { World } from '../scenario/world.js';
import { mustGet } from './must-get.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const GROUP = 'servers';
const ZONES = ['east', 'west'];
const TIMEOUT_MS = 5000;

/**
 * Machines of two zones that reboot under rules, and somebody who holds machines or the group,
 * pauses it, and changes what its zones mean.
 */
export async function rebootRulesWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 4);
  const admins = recipeUsers(world, 1);
  await Promise.all([
    ...users.map((user, at) => runNode(world, user, ZONES[at % ZONES.length] ?? '')),
    ...admins.map((admin) => runAdmin(world, admin, users)),
  ]);
  await mustGet(world, [...users, ...admins], `a slot of ${GROUP}`, async (coordination, wait) => {
    const group = coordination.reboots(GROUP);
    await group.setPolicy({ max: 1, order: null, failureBudget: 0, cooldownSeconds: 0 }, wait);
    await group.resume(wait);
    await group.unhold(wait);
    for (const { client } of users) {
      const node = client.machine.name;
      await group.unhold({ node, ...wait });
      await group.release({ node, ...wait });
    }
    await group.acquire({ node: 'last', ...wait });
  });
}

async function runNode(world: World, user: RecipeUser, zone: string): Promise<void> {
  const { client, coordination } = user;
  const { dice, machine } = client;
  const group = coordination.reboots(GROUP);
  const node = machine.name;
  const timeoutMs = TIMEOUT_MS;
  for (let boot = 0; !world.isEnding; boot++) {
    await client.pause(dice.between(100, 2000));
    if (world.isEnding) return;
    try {
      const invokedMs = world.sim.nowMs;
      const slot = await group.acquire({ node, zone, bootId: String(boot), timeoutMs: 8000 });
      const { revision } = slot;
      const atMs = world.sim.nowMs;
      const note = { kind: 'slotAcquired', group: GROUP, node, revision, invokedMs, atMs } as const;
      world.history.addRecipeNote(note);
      await client.pause(dice.between(50, 1000));
      await group.rebooting({ node, timeoutMs });
      await client.pause(dice.between(50, 3000));
      await group.steady({ node, bootId: `${boot} and back`, timeoutMs });
    } catch {
      // Timed out or nobody answered: now and then somebody scraps what was left behind.
      if (dice.below(2) === 0) await group.release({ node, timeoutMs }).catch(() => undefined);
    }
  }
}

async function runAdmin(
  world: World,
  { client, coordination }: RecipeUser,
  users: readonly RecipeUser[],
): Promise<void> {
  const { dice } = client;
  const group = coordination.reboots(GROUP);
  while (!world.isEnding) {
    const node = dice.pick(users).client.machine.name;
    // Nobody answered: the next order is another one.
    await giveOrder(group, dice, node).catch(() => undefined);
    await client.pause(dice.between(200, 3000));
  }
}

async function giveOrder(group: RebootGroup, dice: SimDice, node: string): Promise<void> {
  const timeoutMs = TIMEOUT_MS;
  const forSeconds = 1 + dice.below(4);
  switch (dice.below(8)) {
    case 0:
      await group.hold({ node, timeoutMs, ...(dice.below(2) === 0 ? { forSeconds } : {}) });
      break;
    case 1:
      await group.hold({ forSeconds, timeoutMs });
      break;
    case 2:
      await group.pause({ timeoutMs, ...(dice.below(2) === 0 ? { forSeconds } : {}) });
      break;
    case 3:
      await group.force({ node, timeoutMs });
      break;
    case 4:
      await group.setPolicy(somePolicy(dice), { timeoutMs });
      break;
    default:
      await group.resume({ timeoutMs });
      await group.unhold({ node, timeoutMs });
  }
}

function somePolicy(dice: SimDice): RebootPolicyChange {
  const seconds = (): number => (dice.below(2) === 0 ? 0 : 1 + dice.below(4));
  const rule = dice.pick(['one-per-zone', 'one-zone-at-a-time'] as const);
  return {
    max: dice.pick([1, 2, 3, '50%', '75%']),
    failureBudget: dice.below(3),
    grantTimeoutSeconds: seconds(),
    rebootTimeoutSeconds: seconds(),
    soakSeconds: seconds(),
    cooldownSeconds: seconds(),
    order: dice.below(2) === 0 ? null : { by: 'zone', rule },
  };
}
