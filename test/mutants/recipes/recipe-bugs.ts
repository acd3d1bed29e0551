// Every bug that is planted in the recipes.
import { LOCK_BUGS } from './lock-bugs.js';
import { REBOOT_BUGS } from './reboot-bugs.js';
import type { RecipeBug } from './recipe-bug.js';

export const RECIPE_BUGS: readonly RecipeBug[] = [...LOCK_BUGS, ...REBOOT_BUGS];
