import { CASES_OF_LINE } from './cases-of-line.js';
import { CASES_OF_STORE } from './cases-of-store.js';
import { CASES_OF_TIME } from './cases-of-time.js';
import { mustNotGrow } from './must-not-grow.js';
import type { SoleOwnerRecipe } from './sole-owner.js';
import { type CaseOptions, SoleOwnerTrial } from './sole-owner-trial.js';

const CROWD = 200;

/** One promise of a recipe, for the test runner of your choice. */
export interface ConformanceCase {
  readonly title: string;
  /** Rejects with what was not kept. */
  readonly run: () => Promise<void>;
}

/**
 * The suite that every recipe with one owner at a time has to pass: each case is a way in which a
 * coordination library is known to have failed its users. What is common to them: nobody is told
 * that they own what another may own, nobody waits for ever, and nothing is left behind.
 *
 * @example
 * const cases = soleOwnerCases({
 *   name: 'my lock',
 *   take: async ({ coord }, options) => {
 *     const held = await coord.lock('thing').acquire(options);
 *     return {
 *       fence: held.fence,
 *       signal: held.signal,
 *       assertHeld: () => held.assertHeld(),
 *       release: () => held.release(),
 *     };
 *   },
 *   ownKeys: (keys) => keys.filter((key) => key.startsWith('thing/q/')),
 *   handOver: { events: 2, calls: 2 },
 * });
 * for (const { run } of cases) await run(); // or, with a runner: it(title, run)
 */
export function soleOwnerCases(
  recipe: SoleOwnerRecipe,
  options: CaseOptions = {},
): readonly ConformanceCase[] {
  const { crowd: crowdMax = CROWD } = options;
  const crowd = Math.min(crowdMax, recipe.crowdMax ?? crowdMax);
  const start = (): Promise<SoleOwnerTrial> => SoleOwnerTrial.start(recipe, options);
  const trials = [...CASES_OF_LINE, ...CASES_OF_STORE, ...CASES_OF_TIME];
  return [
    ...trials.map(([title, work]) => ({ title, run: () => work(start) })),
    {
      title: `${crowd} waiters: a hand-over costs as much as among 20`,
      run: () => mustNotGrow(recipe, crowd, options),
    },
  ];
}
