import { type Config, type Coordination, coordinate } from '../../recipes/index.js';
import type { TxnOperation } from '../../store/index.js';
import type { SimClient } from '../scenario/sim-client.js';
import type { World } from '../scenario/world.js';
import { mustWrite } from './must-write.js';
import { recipeUsers } from './recipe-user.js';
import { SavedImage } from './saved-image.js';
import { settingsText, type TextSettings, textSettings } from './text-settings.js';

const PREFIX = 'kiosk/';
const NAMES = ['theme', 'language', 'motto'];
/** What nobody accepts, so that there is something that must not be saved. */
const UNWANTED = 'unwanted';
const SCHEMA = textSettings(UNWANTED);
/** How long an instance may take to show what was saved, */
const SHOWS_MAX_MS = 5000;
const LOOK_EVERY_MS = 100;
/** or to hear of a write when all is well. */
const HEARS_MAX_MS = 40_000;

/**
 * Instances that start again and again with what they saved of their configuration, often while the
 * store is out of their reach, and with saved bytes that are damaged; and somebody who writes.
 */
export async function bootWorkload(world: World): Promise<void> {
  const instances = Array.from({ length: 2 }, () => new Instance(world, world.addClient()));
  const [writer] = recipeUsers(world, 1);
  await Promise.all([...instances.map((instance) => instance.run()), runWriter(world)]);
  const last = NAMES.map((name): TxnOperation => {
    return { kind: 'put', key: PREFIX + name, value: 'the last one' };
  });
  const revision = (writer && (await mustWrite(world, writer, last))) ?? 0;
  for (const instance of instances) instance.start();
  const isLevel = (): boolean => instances.every((instance) => instance.revision >= revision);
  if (!(await world.until(isLevel, HEARS_MAX_MS))) {
    const reached = instances.map((instance) => instance.revision).join(', ');
    world.findings.report('K14', `instances are at ${reached} and not at revision ${revision}`);
  }
  for (const instance of instances) await instance.stop();
  await writer?.coordination.close();
}

async function runWriter(world: World): Promise<void> {
  const { dice, pause, store } = world.addClient();
  for (let number = 0; !world.isEnding; number++) {
    await pause(dice.between(50, 2500));
    if (world.isEnding) return;
    const names = NAMES.filter(() => dice.below(2) === 0);
    const word = dice.below(5) === 0 ? UNWANTED : 'fine';
    const success = names.map((name): TxnOperation => {
      const key = PREFIX + name;
      return dice.below(5) === 0
        ? { kind: 'delete', key }
        : { kind: 'put', key, value: `${word} ${number}` };
    });
    await store.txn({ success }).catch(() => undefined);
  }
}

/** One instance: a machine, what is saved on it, and one process after the other. */
class Instance {
  readonly #world: World;
  readonly #client: SimClient;
  readonly #saved: SavedImage;
  #coordination: Coordination | undefined;
  #config: Config<TextSettings> | undefined;
  #starts = 0;

  constructor(world: World, client: SimClient) {
    this.#world = world;
    this.#client = client;
    this.#saved = new SavedImage(client);
  }

  /** The revision of the store that it shows; 0 when the store has not given it any. */
  get revision(): number {
    return this.#config?.accepted?.origin === 'store' ? this.#config.revision : 0;
  }

  async run(): Promise<void> {
    const { dice, pause } = this.#client;
    while (!this.#world.isEnding) {
      const isOffline = dice.below(2) === 0;
      if (isOffline && dice.below(4) === 0) this.#saved.damage();
      if (isOffline) this.#cut(true);
      this.start();
      if (isOffline) await this.#showSaved();
      this.#cut(false);
      await pause(dice.between(100, 6000));
      await this.stop();
    }
  }

  start(): void {
    const coordination = coordinate(this.#client.store, { identity: this.#client.machine.name });
    const config = coordination.config(PREFIX, SCHEMA, { cache: { saved: this.#saved } });
    this.#coordination = coordination;
    this.#config = config;
    const view = `start ${++this.#starts} of an instance`;
    config.accepted$.subscribe((accepted) => {
      if (accepted === undefined) return;
      this.#noteShown(view, accepted, 0);
    });
  }

  /** What was in force last must be saved when all has ended, unless the disk refused. */
  async stop(): Promise<void> {
    const { revision } = this;
    await this.#coordination?.close();
    const { savedRevision, wasRefused } = this.#saved;
    if (revision > savedRevision && !wasRefused) {
      const what = `${this.#client.machine.name} ends at revision ${revision}`;
      this.#world.findings.report('K14', `${what}, and saved revision ${savedRevision}`);
    }
    this.#coordination = undefined;
    this.#config = undefined;
  }

  /** Without the store it must show what was saved last; nothing if that is damaged. */
  async #showSaved(): Promise<void> {
    const { findings } = this.#world;
    const { savedRevision, isDamaged } = this.#saved;
    const config = this.#config;
    const isExpected = savedRevision > 0 && !isDamaged;
    for (let waitedMs = 0; waitedMs < SHOWS_MAX_MS; waitedMs += LOOK_EVERY_MS) {
      if (config?.accepted !== undefined) break;
      // By its own time: it may be asleep.
      await this.#client.pause(LOOK_EVERY_MS);
    }
    const accepted = config?.accepted;
    const name = this.#client.machine.name;
    if (accepted?.origin === 'store') return;
    if (isExpected && accepted === undefined) {
      findings.report('K14', `${name} shows nothing, and saved revision ${savedRevision}`);
    } else if (!isExpected && accepted !== undefined) {
      findings.report(
        'K14',
        `${name} shows saved bytes that are ${isDamaged ? 'damaged' : 'none'}`,
      );
    } else if (accepted !== undefined) {
      this.#noteShown(`what was saved before start ${this.#starts}`, accepted, savedRevision);
    }
  }

  #noteShown(
    view: string,
    { value, revision }: { readonly value: TextSettings; readonly revision: number },
    least: number,
  ): void {
    const parts = [{ kind: 'settings', name: PREFIX, text: settingsText(value) } as const];
    const { sim, history } = this.#world;
    const terms = { view, client: this.#client.number, revision, least, parts };
    history.addRecipeNote({ kind: 'shown', ...terms, atMs: sim.nowMs });
  }

  /** Cuts it off from all members, or not. */
  #cut(isCut: boolean): void {
    const { cluster, network } = this.#world;
    const { machine } = this.#client;
    for (const member of cluster.members) {
      network.setCut(machine, member.machine, isCut);
      network.setCut(member.machine, machine, isCut);
    }
  }
}
