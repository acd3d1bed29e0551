// Random tests run from seeds: a fixed few, so that a failure is a failure for everybody, or the
// one that TIDELOCK_SEED names. A failure says which seed to name.
import { SimRandom } from '../../../src/simulation/sim-random.js';

/** Runs `body` once for each seed; what it throws is told the seed. */
export function forSeeds(count: number, body: (random: SimRandom) => void): void {
  const named = process.env['TIDELOCK_SEED'];
  const seeds =
    named === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(named)];
  for (const seed of seeds) {
    try {
      body(new SimRandom(seed));
    } catch (error) {
      throw new Error(`TIDELOCK_SEED=${seed}: ${String(error)}`, { cause: error });
    }
  }
}
