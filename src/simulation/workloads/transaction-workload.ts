import { CoordinationError } from '../../recipes/index.js';
import type { SimDice } from '../sim-dice.js';
import type { World } from '../scenario/world.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';
import { RecordedTransaction } from './recorded-transaction.js';

const ACCOUNTS = 'bank/account/';
const ACCOUNTS_MAX = 6;
const OPENED = 4;
const DEPOSIT = 100;
const DUTIES = ['bank/duty/1/', 'bank/duty/2/'];
/**
 * How a transaction says that it has nothing to do: it throws this, and must then write nothing.
 */
const REFUSED = new Error('there is nothing to do');

type Work = (tx: RecordedTransaction, dice: SimDice) => Promise<void>;

/**
 * Users that move money between accounts, open and close some, and count it; and pairs of people of
 * whom one goes off duty when it sees that the other one is there.
 */
export async function transactionWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 4);
  await Promise.all(users.map((user) => runUser(world, user)));
  for (const { coordination } of users) await coordination.close();
}

async function runUser(world: World, user: RecipeUser): Promise<void> {
  const { client } = user;
  const { dice, machine } = client;
  for (let number = 0; !world.isEnding; number++) {
    await client.pause(dice.between(50, 1000));
    if (world.isEnding) return;
    const work = number === 0 ? begin : dice.pick([transfer, transfer, open, close, count, swap]);
    await transact(world, user, `${machine.name}-${number}`, work);
  }
}

async function transact(
  world: World,
  { client, coordination }: RecipeUser,
  transaction: string,
  work: Work,
): Promise<void> {
  const { dice, number } = client;
  const invokedMs = world.sim.nowMs;
  let outcome: 'done' | 'notDone' | 'unknown' = 'done';
  try {
    const options = { timeoutMs: dice.pick([3000, 8000]), maxRetries: 8 };
    await coordination.stm(async (tx) => {
      const recorded = new RecordedTransaction(tx, transaction);
      let isWhole = false;
      try {
        await work(recorded, dice);
        isWhole = true;
      } finally {
        const { reads } = recorded;
        const writes = isWhole ? recorded.writes : undefined;
        const terms = { transaction, revision: tx.revision ?? 0, reads, writes };
        world.history.addRecipeNote({ kind: 'tried', ...terms, atMs: world.sim.nowMs });
      }
    }, options);
  } catch (error) {
    const isConflict = error instanceof CoordinationError && error.code === 'Conflict';
    outcome = error === REFUSED || isConflict ? 'notDone' : 'unknown';
  }
  const terms = { transaction, client: number, outcome, invokedMs };
  world.history.addRecipeNote({ kind: 'transacted', ...terms, atMs: world.sim.nowMs });
}

/** Opens the bank, and has everybody on duty, unless that has been done. */
async function begin(tx: RecordedTransaction): Promise<void> {
  if ((await tx.under(ACCOUNTS)).size > 0) throw REFUSED;
  for (let at = 0; at < OPENED; at++) tx.put(`${ACCOUNTS}${at}`, DEPOSIT);
  for (const duty of DUTIES) for (const who of ['a', 'b']) tx.put(duty + who, 1);
}

async function transfer(tx: RecordedTransaction, dice: SimDice): Promise<void> {
  const from = `${ACCOUNTS}${dice.below(ACCOUNTS_MAX)}`;
  const to = `${ACCOUNTS}${dice.below(ACCOUNTS_MAX)}`;
  const has = await tx.get(from);
  const also = await tx.get(to);
  if (has === undefined || also === undefined || from === to) throw REFUSED;
  const amount = Math.min(has, 1 + dice.below(30));
  tx.put(from, has - amount);
  tx.put(to, also + amount);
}

/** Half of what one account has goes into a new one, while there are not too many. */
async function open(tx: RecordedTransaction, dice: SimDice): Promise<void> {
  const accounts = await tx.under(ACCOUNTS);
  const number = [...Array(ACCOUNTS_MAX).keys()].find((at) => !accounts.has(ACCOUNTS + at));
  const [from, has] = somebody(accounts, dice);
  if (number === undefined || has === 0) throw REFUSED;
  const half = Math.floor(has / 2);
  tx.put(from, has - half);
  tx.put(ACCOUNTS + number, half);
}

/** What one account has goes to another, and it is closed, while there are enough. */
async function close(tx: RecordedTransaction, dice: SimDice): Promise<void> {
  const accounts = await tx.under(ACCOUNTS);
  const [from, has] = somebody(accounts, dice);
  const [to, also] = somebody(accounts, dice);
  if (accounts.size < OPENED || from === to) throw REFUSED;
  tx.delete(from);
  tx.put(to, also + has);
}

/** Only reads. */
async function count(tx: RecordedTransaction): Promise<void> {
  await tx.under(ACCOUNTS);
  for (const duty of DUTIES) await tx.get(`${duty}a`);
}

/** One of a pair goes off duty when both are there, and comes back when it is not. */
async function swap(tx: RecordedTransaction, dice: SimDice): Promise<void> {
  const duty = dice.pick(DUTIES);
  const [me, other] = dice.below(2) === 0 ? ['a', 'b'] : ['b', 'a'];
  const mine = await tx.get(duty + me);
  const theirs = await tx.get(duty + other);
  if (mine === undefined || (mine === 1 && theirs !== 1)) throw REFUSED;
  tx.put(duty + me, 1 - mine);
}

function somebody(
  accounts: ReadonlyMap<string, number>,
  dice: SimDice,
): readonly [key: string, amount: number] {
  if (accounts.size === 0) throw REFUSED;
  return dice.pick([...accounts]);
}
