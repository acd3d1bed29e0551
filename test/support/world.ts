// The world of the model for tests: what is ready has run when the host's next turn begins.
import {
  type ModelClient,
  ModelWorld,
  type ModelWorldOptions,
} from '../../src/simulation/model/model-world.js';

export type Client = ModelClient;

export class World extends ModelWorld {
  constructor(options: ModelWorldOptions = {}) {
    super({ settle: () => new Promise((resolve) => setImmediate(resolve)), ...options });
  }
}

/** The seed of random tests: fixed, or `TIDELOCK_SEED`. */
export function testSeed(): number {
  return Number(process.env['TIDELOCK_SEED'] ?? 20_260_101);
}
