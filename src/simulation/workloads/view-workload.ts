import type { TxnOperation } from '../../store/index.js';
import type { ShownPart } from '../check/history.js';
import { listed } from '../check/check-views.js';
import type { World } from '../scenario/world.js';
import { mustWrite } from './must-write.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';
import { settingsText, textSettings } from './text-settings.js';

const SHARED = 'settings/shared/';
const APP = 'settings/app/';
const NAMES = ['port', 'level', 'owner'];
const GROUP = 'crew';
const ELECTION = 'captain';
const SEMAPHORE = 'boats';
const SCHEMA = textSettings();
/** How long a view may take to hear of a write when all is well. */
const HEARS_MAX_MS = 40_000;

/** Tells how far its view is. */
type Onlooker = () => number;

/**
 * Users that come and go, lead, hold permits and move settings between layers, and others that look
 * at all of it at once, and at the settings of both layers as one.
 */
export async function viewWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 2);
  const observers = recipeUsers(world, 2);
  const onlookers = observers.flatMap((user) => [lookAtAll(world, user), readLayers(world, user)]);
  await Promise.all(users.map((user) => runUser(world, user)));
  const [first] = observers;
  const last = [`${SHARED}port`, `${APP}port`].map(
    (key): TxnOperation => ({ kind: 'put', key, value: 'the-last-one' }),
  );
  const revision = (first && (await mustWrite(world, first, last))) ?? 0;
  const isLevel = await world.until(() => onlookers.every((at) => at() >= revision), HEARS_MAX_MS);
  if (!isLevel) {
    const reached = onlookers.map((at) => at()).join(', ');
    world.findings.report('K14', `views are at ${reached} and not at revision ${revision}`);
  }
  for (const { coordination } of [...users, ...observers]) await coordination.close();
}

async function runUser(world: World, user: RecipeUser): Promise<void> {
  const { dice, pause } = user.client;
  while (!world.isEnding) {
    await pause(dice.between(50, 1500));
    if (world.isEnding) return;
    const act = dice.pick([join, lead, borrow, moveSettings, moveSettings]);
    // Lost, timed out, or nobody answered: the next try is a new one.
    await act(user).catch(() => undefined);
  }
}

async function join({ client, coordination }: RecipeUser): Promise<void> {
  const group = coordination.members(GROUP);
  await using member = await group.join({ id: client.machine.name, timeoutMs: 5000 });
  await client.pause(client.dice.between(50, 1000));
  if (client.dice.below(2) === 0) await member.update({ at: client.number }, { timeoutMs: 3000 });
}

async function lead({ client, coordination }: RecipeUser): Promise<void> {
  await using _leadership = await coordination.election(ELECTION).campaign({ timeoutMs: 6000 });
  await client.pause(client.dice.between(50, 1000));
}

async function borrow({ client, coordination }: RecipeUser): Promise<void> {
  const semaphore = coordination.semaphore(SEMAPHORE, { initialLimit: 2 });
  const weight = 1 + client.dice.below(2);
  await using _held = await semaphore.acquire({ weight, timeoutMs: 6000 });
  await client.pause(client.dice.between(50, 1000));
}

/** A setting goes from one layer to the other, or appears in both, or goes. */
async function moveSettings({ client }: RecipeUser): Promise<void> {
  const { dice, store } = client;
  const name = dice.pick(NAMES);
  const value = `${client.machine.name}-${dice.below(1_000_000)}`;
  const success = [SHARED, APP].map((layer): TxnOperation => {
    const key = layer + name;
    return dice.below(2) === 0 ? { kind: 'delete', key } : { kind: 'put', key, value };
  });
  await store.txn({ success });
}

function lookAtAll(world: World, user: RecipeUser): Onlooker {
  const { coordination } = user;
  const views = [
    coordination.members(GROUP).members$,
    coordination.election(ELECTION).leader$,
    coordination.semaphore(SEMAPHORE).status$,
    coordination.config(APP, SCHEMA).at$,
  ] as const;
  let reached = 0;
  coordination.combineAt(views).subscribe(({ revision, values }) => {
    const [{ members }, leader, { granted, limit }, settings] = values;
    const ids = members.map(({ id, incarnation }) => `${id}@${incarnation}`);
    const leads = leader === null ? 'nobody' : `${leader.id}@${leader.term}`;
    reached = revision;
    note(world, user, 'all at once', revision, [
      { kind: 'members', name: GROUP, text: listed(ids) },
      { kind: 'leader', name: ELECTION, text: leads },
      { kind: 'permits', name: SEMAPHORE, text: `${granted} of ${limit ?? 'none'}` },
      { kind: 'settings', name: APP, text: settingsText(settings ?? {}) },
    ]);
  });
  return () => reached;
}

function readLayers(world: World, user: RecipeUser): Onlooker {
  const { coordination } = user;
  const layers = [
    { name: 'shared', prefix: SHARED },
    { name: 'app', prefix: APP },
  ];
  const config = coordination.layeredConfig(layers, SCHEMA);
  config.accepted$.subscribe((accepted) => {
    if (accepted === undefined) return;
    const { revision, value } = accepted;
    const text = settingsText(value);
    const parts = [{ kind: 'settings', name: `${SHARED} < ${APP}`, text } as const];
    note(world, user, 'the settings of all layers', revision, parts);
  });
  return () => config.revision;
}

function note(
  world: World,
  { client }: RecipeUser,
  view: string,
  revision: number,
  parts: readonly ShownPart[],
): void {
  const terms = { view, client: client.number, revision, least: 0, parts };
  world.history.addRecipeNote({ kind: 'shown', ...terms, atMs: world.sim.nowMs });
}
