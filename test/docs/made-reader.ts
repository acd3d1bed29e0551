/**
 * A reader with everything an example may use: what is of the package is real, over the model store
 * in virtual time; what is of an application does nothing.
 */
import { Container } from 'inversify';
import { recipesModule } from '../../src/recipes/inversify.js';
import { Simulation, World as SimulatedWorld } from '../../src/simulation/index.js';
import { openSimKernel, simWorld } from '../support/sim-kernel.js';
import type { Client, World } from '../support/world.js';
import { APPLICATION } from './application.js';
import { type Reader, SETTINGS } from './reader.js';

/** After this much virtual time somebody says that it is enough. */
const STOP_MS = 90_000;
/** More turns of a member's loop than an image takes. */
const IMAGE_TURNS = 1000;
const TURN_MS = 10;
/** A simulated cluster has a leader by then. */
const START_MS = 10_000;

/** A reader at one client of a world, with those things alone that are `needed`. */
export async function madeReader(
  world: World,
  { coord, store }: Client,
  needed: readonly string[],
  host: Partial<Reader>,
): Promise<Reader> {
  const stop = new AbortController();
  world.clock.timer(STOP_MS, () => stop.abort(new Error('it is enough')));
  const things: Partial<Reader> = { ...APPLICATION, ...host, coord, store, stop: stop.signal };
  const sim = new Simulation({ seed: 1, settle: () => new Promise((go) => setImmediate(go)) });
  const made: { readonly [Name in keyof Reader]?: () => Promise<Reader[Name]> | Reader[Name] } = {
    held: () => coord.lock('held-by-the-reader').acquire(),
    leadership: () => coord.election('scheduler').campaign(),
    lock: () => coord.lock('jobs'),
    reboots: () => coord.reboots('workers'),
    config: () => coord.config('app/', SETTINGS),
    container: () => {
      const container = new Container();
      container.load(recipesModule({ store }));
      return container;
    },
    sim: () => sim,
    world: async () => {
      const simulated = new SimulatedWorld({ sim, memberCount: 3, callsPerSecond: 0 });
      await sim.run(simulated.cluster.start(), START_MS);
      return simulated;
    },
    ports: () => ({ ...simWorld(1), trace: { event: () => undefined } }),
    image: imageOfAMember,
  };
  for (const [name, make] of Object.entries(made)) {
    // What nobody names nobody can miss, and a lock that is held would be seen in lists.
    if (needed.includes(name)) Object.assign(things, { [name]: await make() });
  }
  // The compiler has seen that an example asks for nothing that a reader lacks; see `needed`.
  const missing = needed.filter((name) => !(name in things));
  if (missing.length > 0) throw new Error(`nobody makes ${missing.join(', ')} for a reader`);
  return things as Reader;
}

/** The state of a member that has just begun. */
async function* imageOfAMember(): AsyncGenerator<Uint8Array> {
  const parts = simWorld(2);
  const kernel = await openSimKernel(parts);
  const pieces: Uint8Array[] = [];
  let isWhole = false;
  const reading = (async () => {
    for await (const piece of (await kernel.snapshot()).pieces) pieces.push(piece);
  })().finally(() => (isWhole = true));
  // Time must go on, or the member does nothing.
  for (let turn = 0; !isWhole && turn < IMAGE_TURNS; turn += 1) await parts.clock.advance(TURN_MS);
  await reading;
  yield* pieces;
}
