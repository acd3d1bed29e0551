// The process that hunts one mutant: plays seeds on the copy that has it until a promise is broken,
// and shows that the sound copy keeps the same promise with the same seed.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as simulation from '../../src/simulation/index.js';
import type { SeedReport } from '../../src/simulation/index.js';
import { settle } from '../simulation/settle.js';
import type { Hunt } from './mutant.js';

type Simulation = typeof simulation;

/** What a hunter is told. */
export interface Orders {
  readonly planted: string;
  readonly sound: string;
  readonly hunts: readonly Hunt[];
  readonly seedFirst: number;
  readonly seedCount: number;
}

/** What it tells. */
export type Sighting =
  | { readonly kind: 'played'; readonly seed: number }
  | { readonly kind: 'none'; readonly seeds: number; readonly simulatedMs: number }
  | {
      readonly kind: 'found';
      readonly property: string;
      readonly message: string;
      readonly scenario: string;
      readonly seconds: number | undefined;
      readonly seed: number;
      readonly seeds: number;
      /** Simulated time that was played until the promise was broken, earlier seeds included. */
      readonly simulatedMs: number;
      readonly wallMs: number;
      /** What the sound copy broke with the same seed: nothing, or the find is worth nothing. */
      readonly soundBroke: readonly string[];
    };

async function load(copy: string): Promise<Simulation> {
  const door = pathToFileURL(join(copy, 'simulation/index.js')).href;
  return (await import(door)) as Simulation;
}

async function play(world: Simulation, hunt: Hunt, seed: number): Promise<SeedReport> {
  const scenario = world.findScenario(hunt.scenario);
  if (scenario === undefined) throw new Error(`there is no scenario ${hunt.scenario}`);
  const seconds = hunt.seconds ?? scenario.seconds;
  const options = { seed, scenario: { ...scenario, seconds }, settle, stopsAtFirst: true };
  return await world.runSeed(options);
}

async function hunt(orders: Orders): Promise<Sighting> {
  const planted = await load(orders.planted);
  const startMs = performance.now();
  let simulatedMs = 0;
  let seeds = 0;
  for (let seed = orders.seedFirst; seed < orders.seedFirst + orders.seedCount; seed++) {
    for (const one of orders.hunts) {
      const report = await play(planted, one, seed);
      seeds++;
      const [first] = report.violations;
      if (first === undefined) {
        simulatedMs += report.simulatedMs;
        process.send?.({ kind: 'played', seed } satisfies Sighting);
        continue;
      }
      simulatedMs += Math.min(first.atMs ?? report.simulatedMs, report.simulatedMs);
      const wallMs = performance.now() - startMs;
      const sound = await play(await load(orders.sound), one, seed);
      const soundBroke = sound.violations.map(({ property, message }) => `${property}: ${message}`);
      const { property, message } = first;
      const { scenario, seconds } = one;
      const found = {
        property,
        message,
        scenario,
        seconds,
        seed,
        seeds,
        simulatedMs,
        wallMs,
        soundBroke,
      };
      return { kind: 'found', ...found };
    }
  }
  return { kind: 'none', seeds, simulatedMs };
}

// Whoever sent it is gone.
process.once('disconnect', () => process.exit());
process.once('message', (orders: Orders) => {
  void hunt(orders).then((sighting) => {
    process.send?.(sighting, () => process.disconnect());
  });
});
