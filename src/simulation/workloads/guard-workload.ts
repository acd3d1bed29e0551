import type { Config, GuardedTxnResult, HeldLock, Leadership } from '../../recipes/index.js';
import { prefix } from '../../store/index.js';
import type { GuardNote } from '../check/history.js';
import type { World } from '../scenario/world.js';
import { mustGet } from './must-get.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';
import { settingsText, type TextSettings, textSettings } from './text-settings.js';

const LOCK = 'till';
const ELECTION = 'cashier';
const PREFIX = 'shop/';
const SETTINGS = ['price', 'currency'];
const LEDGER = 'ledger/';
const LEDGER_KEYS = 4;
const SCHEMA = textSettings();
const WAIT_MS = 8000;
const COMMIT_MS = 4000;

/** What is taken together. */
const WANTED = [
  ['lock'],
  ['election', 'config'],
  ['lock', 'config'],
  ['lock', 'election'],
  ['lock', 'election', 'config'],
] as const satisfies readonly (readonly GuardNote['recipe'][])[];

/** What a transaction can be guarded with, and what the checks are to know of it. */
interface Guard {
  readonly guarded: HeldLock | Leadership | Config<TextSettings>;
  readonly note: () => GuardNote;
}

/**
 * Users that take a lock, lead, and follow a configuration, and write under the guards of some of
 * them at once, whether or not they still have what they took; and somebody who changes the
 * configuration, and takes lock and leadership away.
 */
export async function guardWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 3);
  const admins = recipeUsers(world, 1);
  await Promise.all([
    ...users.map((user) => runUser(world, user)),
    ...admins.map((admin) => runAdmin(world, admin)),
  ]);
  await mustGet(world, [...users, ...admins], `lock ${LOCK}`, async (coordination, wait) => {
    await coordination.lock(LOCK).acquire(wait);
    await coordination.election(ELECTION).campaign(wait);
  });
}

async function runUser(world: World, user: RecipeUser): Promise<void> {
  const { client, coordination } = user;
  const config = coordination.config(PREFIX, SCHEMA, { default: {} });
  for (let turn = 0; !world.isEnding; turn++) {
    await client.pause(client.dice.between(50, 1000));
    if (world.isEnding) return;
    // Lost, timed out, or nobody answered: the next turn is a new one.
    await takeTurn(world, user, config, turn).catch(() => undefined);
  }
}

async function takeTurn(
  world: World,
  { client, coordination }: RecipeUser,
  config: Config<TextSettings>,
  turn: number,
): Promise<void> {
  const { dice } = client;
  const wanted = new Set<GuardNote['recipe']>(dice.pick(WANTED));
  const guards: Guard[] = wanted.has('config') ? [configGuard(config)] : [];
  const wait = { timeoutMs: WAIT_MS };
  await using held = wanted.has('lock') ? await coordination.lock(LOCK).acquire(wait) : null;
  if (held !== null) guards.push(lockGuard(held));
  await using leads = wanted.has('election')
    ? await coordination.election(ELECTION).campaign(wait)
    : null;
  if (leads !== null) guards.push(leaderGuard(leads));
  if (dice.below(2) === 0) guards.reverse();
  for (let steps = 1 + dice.below(4); steps > 0 && !world.isEnding; steps--) {
    const token = `${client.machine.name}-${turn}-${steps}`;
    await commit(world, { client, coordination }, guards, token).catch(() => undefined);
    await client.pause(dice.between(10, 1500));
  }
}

function configGuard(config: Config<TextSettings>): Guard {
  return {
    guarded: config,
    note: () => {
      const text = settingsText(config.value);
      return { recipe: 'config', name: PREFIX, revision: config.revision, text };
    },
  };
}

function lockGuard(held: HeldLock): Guard {
  return { guarded: held, note: () => ({ recipe: 'lock', name: LOCK, fence: held.fence }) };
}

function leaderGuard(leads: Leadership): Guard {
  return {
    guarded: leads,
    note: () => ({ recipe: 'election', name: ELECTION, fence: leads.term }),
  };
}

async function commit(
  world: World,
  { client, coordination }: RecipeUser,
  guards: readonly Guard[],
  token: string,
): Promise<void> {
  const { dice, number } = client;
  const first = dice.below(LEDGER_KEYS);
  const puts = [`${LEDGER}${first}`, `${LEDGER}${(first + 1) % LEDGER_KEYS}`];
  const deletes = [`${LEDGER}${(first + 2) % LEDGER_KEYS}`];
  const txn = coordination.txn().if(...guards.map(({ guarded }) => guarded));
  const notes = guards.map(({ note }) => note());
  for (const key of puts) txn.put(key, token);
  for (const key of deletes) txn.delete(key);
  let result: GuardedTxnResult | undefined;
  try {
    // What they guard is as it was when the transaction was put together.
    await client.pause(dice.pick([0, 0, 500, 5000]));
    result = await txn.commit({ timeoutMs: COMMIT_MS });
  } finally {
    const outcome = result === undefined ? 'unknown' : result.succeeded ? 'done' : 'refused';
    const terms = { token, client: number, guards: notes, puts, deletes, outcome } as const;
    const revision = result?.revision ?? 0;
    world.history.addRecipeNote({ kind: 'guarded', ...terms, revision, atMs: world.sim.nowMs });
  }
}

async function runAdmin(world: World, { client }: RecipeUser): Promise<void> {
  const { dice, store } = client;
  for (let number = 0; !world.isEnding; number++) {
    await client.pause(dice.between(100, 2500));
    if (world.isEnding) return;
    const key = PREFIX + dice.pick(SETTINGS);
    try {
      const roll = dice.below(6);
      if (roll === 0) await store.delete({ key });
      else if (roll === 1) await endOne(client, `${LOCK}/q/`);
      else if (roll === 2) await endOne(client, `${ELECTION}/leader`);
      else await store.put({ key, value: `n${number}` });
    } catch {
      // Nobody answered; the next order is another one.
    }
  }
}

/** Ends the lease of one of the keys under a prefix, as if its owner had died. */
async function endOne({ dice, store }: RecipeUser['client'], text: string): Promise<void> {
  const { kvs } = await store.range(prefix(text));
  const leases = kvs.map(({ lease }) => lease).filter((lease) => lease !== 0n);
  if (leases.length > 0) await store.leases.revoke(dice.pick(leases));
}
