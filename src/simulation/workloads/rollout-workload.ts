import type { Config, Rollout } from '../../recipes/index.js';
import type { World } from '../scenario/world.js';
import { mustGet } from './must-get.js';
import { mustWrite } from './must-write.js';
import { type RecipeUser, recipeUsers } from './recipe-user.js';
import { settingsText, type TextSettings, textSettings } from './text-settings.js';

const CONFIG = 'fleet';
const PREFIX = `${CONFIG}/`;
const KEY = `${PREFIX}image`;
const GATE = 'fleet-gate';
const LIMIT = 2;
const FAILURE_BUDGET = 1;
/** What the schema refuses, what nobody can apply, what makes ill, and what is good. */
const KINDS = ['refused', 'broken', 'ill', 'good', 'good'] as const;
const SCHEMA = textSettings('refused');
/** How long the last value may take through the fleet when all is well. */
const ROLLED_MAX_MS = 120_000;

/**
 * Instances that apply what is rolled out, a few at a time: values that nobody can apply, that make
 * ill, that are refused, and good ones; some instances are started anew meanwhile, and somebody
 * forgets failures and changes how many may go at a time.
 */
export async function rolloutWorkload(world: World): Promise<void> {
  const users = recipeUsers(world, 4);
  const admins = recipeUsers(world, 1);
  const instances = users.map((user) => new Instance(world, user));
  await Promise.all([
    ...instances.map((instance) => instance.run()),
    ...admins.map((admin) => runAdmin(world, admin)),
  ]);
  const [admin] = admins;
  const last = { kind: 'put', key: KEY, value: 'good last' } as const;
  if (admin !== undefined) await mustWrite(world, admin, [last]);
  const isRolled = (): boolean => instances.every((instance) => instance.isAt('good last'));
  if (!(await world.until(isRolled, ROLLED_MAX_MS))) {
    const states = instances.map((instance) => instance.tell()).join('; ');
    world.findings.report('K15', `the last value has not come through the fleet: ${states}`);
  }
  for (const instance of instances) await instance.close();
  await mustGet(world, [...users, ...admins], `the gate ${GATE}`, (coordination, wait) =>
    coordination.semaphore(GATE).acquire(wait),
  );
}

async function runAdmin(world: World, { client, coordination }: RecipeUser): Promise<void> {
  const { dice, store } = client;
  const config = coordination.config(PREFIX, SCHEMA);
  for (let number = 0; !world.isEnding; number++) {
    await client.pause(dice.between(200, 9000));
    if (world.isEnding) break;
    try {
      const roll = dice.below(6);
      if (roll === 0) await config.clearRollout({ timeoutMs: 5000 });
      else if (roll === 1) {
        const limit = 1 + dice.below(LIMIT);
        await coordination.semaphore(GATE).setLimit(limit, { timeoutMs: 5000 });
      } else await store.put({ key: KEY, value: `${dice.pick(KINDS)} ${number}` });
    } catch {
      // Nobody answered; the next order is another one.
    }
  }
  await config.close();
}

/** One instance, which may be started anew under its name. */
class Instance {
  readonly #world: World;
  readonly #user: RecipeUser;
  #config: Config<TextSettings> | undefined;
  #rollout: Rollout<TextSettings> | undefined;
  #applied: string | undefined;

  constructor(world: World, user: RecipeUser) {
    this.#world = world;
    this.#user = user;
  }

  async run(): Promise<void> {
    const { client } = this.#user;
    this.#start();
    while (!this.#world.isEnding) {
      await client.pause(client.dice.between(2000, 20_000));
      if (this.#world.isEnding || client.dice.below(3) > 0) continue;
      await this.close();
      this.#start();
    }
  }

  isAt(value: string): boolean {
    return this.#rollout?.state.kind === 'applied' && this.#applied === value;
  }

  tell(): string {
    return `${this.#name}: ${JSON.stringify(this.#rollout?.state)} with ${this.#applied}`;
  }

  async close(): Promise<void> {
    await this.#rollout?.close();
    await this.#config?.close();
  }

  get #name(): string {
    return this.#user.client.machine.name;
  }

  #start(): void {
    const { client, coordination } = this.#user;
    const config = coordination.config(PREFIX, SCHEMA);
    this.#config = config;
    this.#applied = undefined;
    let newest = 0;
    let fromMs = 0;
    this.#rollout = config.applyWith(coordination.semaphore(GATE, { initialLimit: LIMIT }), {
      apply: async (settings, { revision, signal }) => {
        // What it applies again after a failure it is not on trial with.
        const isTrial = revision >= newest;
        newest = Math.max(newest, revision);
        fromMs = this.#world.sim.nowMs;
        if (isTrial) this.#noteShown(settings, revision);
        for (let steps = 1 + client.dice.below(3); steps > 0; steps--) {
          if (isTrial && !signal.aborted) this.#noteRolled(settings, revision, fromMs);
          await client.pause(client.dice.between(10, 800));
        }
        if (isTrial && !signal.aborted) this.#noteRolled(settings, revision, fromMs);
        const image = settings['image'] ?? '';
        if (image.startsWith('broken')) throw new Error(`${image} cannot be applied`);
        this.#applied = image;
      },
      healthy: (settings, signal) => {
        if (!signal.aborted) this.#noteRolled(settings, newest, fromMs);
        return settings['image']?.startsWith('ill') !== true;
      },
      soakMs: 600,
      healthPollMs: 200,
      healthTimeoutMs: 1000,
      failureBudget: FAILURE_BUDGET,
    });
  }

  #noteShown(settings: TextSettings, revision: number): void {
    const text = settingsText(settings);
    const parts = [{ kind: 'settings', name: PREFIX, text } as const];
    const terms = { view: `a rollout of ${CONFIG}`, revision, least: 0, parts };
    const { number: client } = this.#user.client;
    this.#world.history.addRecipeNote({
      kind: 'shown',
      client,
      atMs: this.#world.sim.nowMs,
      ...terms,
    });
  }

  #noteRolled({ image = '' }: TextSettings, revision: number, fromMs: number): void {
    const isGood = image.startsWith('good');
    const terms = { isGood, config: CONFIG, gate: GATE, instance: this.#name, revision, fromMs };
    const untilMs = this.#world.sim.nowMs;
    const failureBudget = FAILURE_BUDGET;
    this.#world.history.addRecipeNote({ kind: 'rolled', ...terms, failureBudget, untilMs });
  }
}
