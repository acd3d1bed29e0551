import type { RecipeNote } from '../check/history.js';
import type { SimClient } from '../scenario/sim-client.js';
import type { World } from '../scenario/world.js';

type Held = Extract<RecipeNote, { kind: 'held' }>;

/** Something that a client holds, as its notes name it. */
export type Holding = Pick<Held, 'recipe' | 'name' | 'fence'>;

/**
 * A client that holds something takes its time, asks now and then whether it still does, and notes
 * from when to when it believed so.
 * @throws what `assertHeld` throws: the client has lost it
 */
export async function believe(
  world: World,
  { number, dice, pause }: SimClient,
  holdings: readonly Holding[],
  assertHeld: () => void,
): Promise<void> {
  const fromMs = world.sim.nowMs;
  let untilMs = fromMs;
  try {
    for (let steps = 1 + dice.below(4); steps > 0; steps--) {
      assertHeld();
      untilMs = world.sim.nowMs;
      await pause(dice.between(10, 800));
    }
  } finally {
    for (const holding of holdings) {
      const note = { kind: 'held', ...holding, client: number, fromMs, untilMs } as const;
      world.history.addRecipeNote(note);
    }
  }
}
