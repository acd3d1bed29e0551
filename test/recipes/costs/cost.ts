/**
 * What a step of a recipe costs, as its page says and as a count of the calls shows: each step is
 * made by a client that has its session already, on a store that answers at once. The row is looked
 * for in the page, so that neither can change without the other.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { ROOT } from '../../house/repository.js';
import { peek } from '../../../src/simulation/model/peek.js';
import { type Client, World } from '../../support/world.js';

/** Whose calls are counted, and who is there besides. */
interface Parties {
  readonly world: World;
  readonly a: Client;
  readonly b: Client;
}

/** Makes what the step needs, uncounted, and answers with the step. */
export type Step = (parties: Parties) => Promise<() => Promise<unknown>>;

/** Steps by what they are, each with the calls of the store that it makes. */
type Steps = Readonly<Record<string, readonly [calls: number, step: Step]>>;

/** A step that needs nothing to be there. */
export function plain(step: (parties: Parties) => Promise<unknown>): Step {
  return async (parties) => () => step(parties);
}

/** Begins what will wait, and lets it come to rest. */
export function rest(world: World, work: Promise<unknown>): Promise<void> {
  peek(work);
  return world.settle();
}

/**
 * Defines a test for each step. @param rows - By the row of the page that says it, or its start.
 */
export function itCosts(page: string, rows: Readonly<Record<string, Steps>>): void {
  describe(`docs/recipes/${page}.md, cost`, () => {
    for (const [row, steps] of Object.entries(rows)) {
      it(`has the row ${row}`, () => {
        const text = readFileSync(`${ROOT}/docs/recipes/${page}.md`, 'utf8');
        assert.ok(text.replaceAll('\n', ' ').includes(row));
      });
      for (const [what, [calls, step]] of Object.entries(steps)) {
        it(`${what}: ${calls}`, () => counts(calls, step));
      }
    }
  });
}

async function counts(calls: number, step: Step): Promise<void> {
  const world = new World();
  const [a, b] = [world.client('a'), world.client('b')];
  for (const { coord, name } of [a, b]) await world.run(coord.lock(`warm-${name}`).acquire());
  const counted = await world.run(step({ world, a, b }));
  await world.settle();
  const before = a.store.calls.length;
  await world.run(counted());
  await world.settle();
  const made = a.store.calls.slice(before).map(({ name }) => name);
  assert.equal(made.length, calls, made.join(', '));
  await world.close();
}
