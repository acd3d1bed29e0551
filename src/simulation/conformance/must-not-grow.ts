import { ModelWorld } from '../model/model-world.js';
import { must } from './must.js';
import type { OwnedThing, SoleOwnerRecipe } from './sole-owner.js';
import type { CaseOptions } from './sole-owner-trial.js';

interface Cost {
  readonly events: number;
  readonly calls: number;
}

const TURNS = 5;

/** What one hand-over in the middle of a crowd costs: watch events and calls, of all together. */
async function handOverCost(
  recipe: SoleOwnerRecipe,
  crowd: number,
  { settle }: CaseOptions,
): Promise<Cost> {
  const world = new ModelWorld({
    session: { ttlSeconds: 600 },
    ...(settle === undefined ? {} : { settle }),
  });
  const client = world.client('crowd');
  if (recipe.prepare !== undefined) await world.run(recipe.prepare(client));
  const owned: OwnedThing[] = [];
  let failure: unknown;
  for (let n = 0; n < crowd; n++) {
    recipe.take(client).then(
      (thing) => owned.push(thing),
      (error: unknown) => (failure ??= error),
    );
  }
  await world.settle();
  const turn = async (): Promise<void> => {
    const before = owned.length;
    await world.run(owned[before - 1]?.release() ?? Promise.resolve());
    await world.settle();
    if (failure !== undefined) throw failure;
    must(owned.length === before + 1, 'not exactly one took over');
  };
  for (let n = 0; n < 3; n++) await turn();
  const [calls, events] = [client.store.calls.length, client.store.deliveredEventCount];
  for (let n = 0; n < TURNS; n++) await turn();
  return {
    events: (client.store.deliveredEventCount - events) / TURNS,
    calls: (client.store.calls.length - calls) / TURNS,
  };
}

/** A hand-over costs as much in a large crowd as in a small one, and no more than is allowed. */
export async function mustNotGrow(
  recipe: SoleOwnerRecipe,
  crowd: number,
  options: CaseOptions,
): Promise<void> {
  const small = JSON.stringify(await handOverCost(recipe, 20, options));
  const large = await handOverCost(recipe, crowd, options);
  must(JSON.stringify(large) === small, `${JSON.stringify(large)}, and ${small} among 20`);
  const { events, calls } = recipe.handOver;
  must(large.events <= events && large.calls <= calls, JSON.stringify(large));
}
