// Bugs of coordination libraries, planted in our recipes one at a time: each is an edit of the
// compiled code that some suite has to find.
import type { Edit } from '../mutant.js';

export interface RecipeBug {
  /** The recipe, and a word for the bug. */
  readonly id: string;
  readonly bug: string;
  /** Where users met it. */
  readonly precedent?: string;
  readonly edits: readonly Edit[];
  /** The compiled test file that has to fail, from `build/test/recipes` on. */
  readonly suite: string;
  /** Part of the titles of what has to fail, and to pass without the bug. */
  readonly title: string;
}
