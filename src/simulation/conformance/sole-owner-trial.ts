import { type ModelClient, ModelWorld } from '../model/model-world.js';
import { type Peeked, peek } from '../model/peek.js';
import type { OwnedThing, SoleOwnerRecipe } from './sole-owner.js';

/** The TTL of the sessions, in milliseconds. */
export const TTL_MS = 10_000;
/** Long enough for a lease to end, an expiry to be seen and a safety poll besides. */
export const PATIENCE_MS = 3 * TTL_MS;

/** How cases wait for what is ready, and how large a crowd they make. */
export interface CaseOptions {
  /** As of `SimClock`. */
  readonly settle?: () => Promise<void>;
  /** How many wait in the case that counts what a hand-over costs; default 200. */
  readonly crowd?: number;
}

/** One try of a recipe in a world of its own: three who compete. */
export class SoleOwnerTrial {
  readonly recipe: SoleOwnerRecipe;
  readonly world: ModelWorld;
  readonly a: ModelClient;
  readonly b: ModelClient;
  readonly c: ModelClient;

  private constructor(recipe: SoleOwnerRecipe, { settle }: CaseOptions) {
    this.recipe = recipe;
    this.world = new ModelWorld(settle === undefined ? {} : { settle });
    this.a = this.world.client('a');
    this.b = this.world.client('b');
    this.c = this.world.client('c');
  }

  static async start(recipe: SoleOwnerRecipe, options: CaseOptions): Promise<SoleOwnerTrial> {
    const trial = new SoleOwnerTrial(recipe, options);
    if (recipe.prepare !== undefined) await trial.world.run(recipe.prepare(trial.c));
    return trial;
  }

  take(client: ModelClient): Promise<OwnedThing> {
    return this.world.run(this.recipe.take(client));
  }

  /** Takes a place in line. */
  async wait(client: ModelClient): Promise<Peeked<OwnedThing>> {
    const waiting = peek(this.recipe.take(client));
    await this.world.advance(100);
    return waiting;
  }

  /** The keys of owners and waiters. */
  left(): readonly string[] {
    return this.recipe.ownKeys(this.world.keys());
  }

  /** Writes that have nothing to do with it: the revision moves on, as where others are at work. */
  noise(): void {
    const { server } = this.world;
    server.run(() => ({ kv: server.kv.put({ key: 'noise' }) }));
  }
}

/** What a case does with tries of its own. */
export type TrialWork = (start: () => Promise<SoleOwnerTrial>) => Promise<void>;
/** A case, by its title. */
export type TrialCase = readonly [title: string, work: TrialWork];
