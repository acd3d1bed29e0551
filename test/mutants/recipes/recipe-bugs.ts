// Every bug that is planted in the recipes.
import { CONFIG_BUGS } from './config-bugs.js';
import { ELECTION_BUGS } from './election-bugs.js';
import { LOCK_BUGS } from './lock-bugs.js';
import { REBOOT_BUGS } from './reboot-bugs.js';
import type { RecipeBug } from './recipe-bug.js';
import { SESSION_BUGS } from './session-bugs.js';
import { SHARED_DATA_BUGS } from './shared-data-bugs.js';
import { SHARING_BUGS } from './sharing-bugs.js';

export const RECIPE_BUGS: readonly RecipeBug[] = [
  ...SESSION_BUGS,
  ...LOCK_BUGS,
  ...ELECTION_BUGS,
  ...SHARING_BUGS,
  ...SHARED_DATA_BUGS,
  ...REBOOT_BUGS,
  ...CONFIG_BUGS,
];
