import type { RecipeContext } from '../base/context.js';
import { RecipeView } from '../base/recipe-view.js';
import { lockKeys } from './lock-layout.js';
import { type LockStatus, lockStatusOf } from './lock-status.js';

/** The state of the lock `name` and its changes. */
export function lockView(context: RecipeContext, name: string): RecipeView<LockStatus> {
  const { queue, delay, broken } = lockKeys(name);
  return new RecipeView(context, {
    prefixes: [queue, delay, broken],
    derive: ([entries, delays = NOTHING, notes = NOTHING]) => lockStatusOf(entries, delays, notes),
  });
}

const NOTHING = { revision: 0, entries: new Map<string, never>() };
