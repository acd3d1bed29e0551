import type { PrefixCache } from '../../recipes/index.js';
import { type KeyValue, toText, type TxnOperation } from '../../store/index.js';
import { listed } from '../check/check-views.js';
import type { SimDice } from '../sim-dice.js';
import type { World } from '../scenario/world.js';
import { mustWrite } from './must-write.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';

const PREFIX = 'routes/';
const KEY_COUNT = 8;
/** How long a cache may take to hear of a write when all is well. */
const HEARS_MAX_MS = 40_000;

/** Caches of one prefix, whose users write to it, and read what they have written. */
export async function cacheWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 3);
  const caches = users.map((user) => ({ user, cache: user.coordination.cache(PREFIX) }));
  for (const { user, cache } of caches) followChanges(world, user, cache);
  await Promise.all(caches.map(({ user, cache }) => runUser(world, user, cache)));
  const [first] = users;
  const last = { kind: 'put', key: `${PREFIX}0`, value: 'the last one' } as const;
  const revision = first && (await mustWrite(world, first, [last]));
  for (const { user, cache } of caches) {
    try {
      await cache.waitFor(revision ?? 0, { timeoutMs: HEARS_MAX_MS });
    } catch (error) {
      const message = `cache ${PREFIX} has not heard of revision ${revision}: ${String(error)}`;
      world.findings.report('K14', message);
    }
    noteShown(world, user, cache, revision);
    await user.coordination.close();
  }
}

async function runUser(world: World, user: RecipeUser, cache: PrefixCache): Promise<void> {
  const { client } = user;
  const { dice } = client;
  let isReady = false;
  while (!world.isEnding) {
    await client.pause(dice.between(50, 1500));
    if (world.isEnding) return;
    try {
      if (!isReady) await cache.ready({ timeoutMs: 5000 });
      isReady = true;
      if (dice.below(2) === 0) noteShown(world, user, cache);
      else await write(world, user, cache);
    } catch {
      // Nobody answered; the next try is a new one.
    }
  }
}

async function write(world: World, user: RecipeUser, cache: PrefixCache): Promise<void> {
  const { dice, store } = user.client;
  const count = 1 + dice.below(3);
  const keys = new Set(Array.from({ length: count }, () => keyOf(dice)));
  const success = [...keys].map((key): TxnOperation => {
    if (dice.below(3) === 0) return { kind: 'delete', key };
    return { kind: 'put', key, value: `${user.client.machine.name}-${world.sim.nowMs}` };
  });
  const { revision } = (await store.txn({ success })).header;
  if (dice.below(2) === 0) return;
  await cache.waitFor(revision, { timeoutMs: 6000 });
  noteShown(world, user, cache, revision);
}

function keyOf(dice: SimDice): string {
  return PREFIX + dice.below(KEY_COUNT);
}

/** What a cache that was ready once shows; it must go on showing something. */
function noteShown(world: World, user: RecipeUser, cache: PrefixCache, least = 0): void {
  try {
    const { revision } = cache;
    note(world, user, { view: `cache ${PREFIX}`, revision, kvs: cache.entries(), least });
  } catch (error) {
    world.findings.report('K14', `cache ${PREFIX} shows nothing: ${String(error)}`);
  }
}

/** Everything that a cache says to have changed, put together, is what it shows. */
function followChanges(world: World, user: RecipeUser, cache: PrefixCache): void {
  const pairs = new Map<string, KeyValue>();
  cache.changes$.subscribe(({ revision, puts, deletes }) => {
    for (const kv of puts) pairs.set(toText(kv.key), kv);
    for (const kv of deletes) pairs.delete(toText(kv.key));
    const view = `the changes of cache ${PREFIX}`;
    note(world, user, { view, revision, kvs: [...pairs.values()], least: 0 });
  });
}

function note(
  world: World,
  { client }: RecipeUser,
  terms: {
    readonly view: string;
    readonly revision: number;
    readonly kvs: readonly KeyValue[];
    readonly least: number;
  },
): void {
  const { kvs, ...rest } = terms;
  const text = listed(
    kvs.map(({ key, value, modRevision }) => `${toText(key)}=${toText(value)}@${modRevision}`),
  );
  const parts = [{ kind: 'pairs', name: PREFIX, text } as const];
  const atMs = world.sim.nowMs;
  world.history.addRecipeNote({ kind: 'shown', client: client.number, parts, atMs, ...rest });
}
