import type { CountDownResult, Latch } from '../../recipes/index.js';
import type { World } from '../scenario/world.js';

/** What a client does at one latch, noted for the checks. */
export class LatchCounter {
  readonly #world: World;
  readonly #client: number;
  readonly #latch: Latch;

  constructor(world: World, client: number, latch: Latch) {
    this.#world = world;
    this.#client = client;
    this.#latch = latch;
  }

  /** @throws what `Latch.countDown` throws */
  async countDown(id: string, timeoutMs: number): Promise<void> {
    const invokedMs = this.#world.sim.nowMs;
    let told: CountDownResult | undefined;
    try {
      told = await this.#latch.countDown(id, { timeoutMs });
    } finally {
      const terms = { latch: this.#latch.name, id, client: this.#client, told, invokedMs };
      this.#world.history.addRecipeNote({ kind: 'counted', ...terms, atMs: this.#world.sim.nowMs });
    }
  }

  /** @throws what `Latch.wait` throws */
  async wait(timeoutMs: number): Promise<void> {
    const invokedMs = this.#world.sim.nowMs;
    const { round, revision } = await this.#latch.wait({ timeoutMs });
    const terms = { latch: this.#latch.name, round, revision, client: this.#client, invokedMs };
    this.#world.history.addRecipeNote({ kind: 'latched', ...terms, atMs: this.#world.sim.nowMs });
  }
}
